package cmd

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// unixPrefix marks a host that is a unix socket's path.
const unixPrefix = "unix:"

// Timeouts bound one connection of a server.
type Timeouts struct {
	Header, Read, Write, Idle time.Duration
}

// The timeouts of the two endpoints. Admin calls may carry more and take longer.
var (
	PublicTimeouts = Timeouts{Header: 5 * time.Second, Read: 15 * time.Second, Write: 60 * time.Second, Idle: 120 * time.Second}
	AdminTimeouts  = Timeouts{Header: 5 * time.Second, Read: 30 * time.Second, Write: 120 * time.Second, Idle: 600 * time.Second}
)

// Listen opens the endpoint's TCP port or unix socket, with TLS where it has a
// certificate. Closing the listener removes the socket.
func Listen(e Endpoint) (net.Listener, error) {
	config, err := e.TLS.config()
	if err != nil {
		return nil, err
	}
	l, err := e.listen()
	if err != nil || config == nil {
		return l, err
	}
	return tls.NewListener(l, config), nil
}

func (e Endpoint) listen() (net.Listener, error) {
	if path, isUnix := strings.CutPrefix(e.Host, unixPrefix); isUnix {
		return listenUnix(path, e.Socket)
	}
	return net.Listen("tcp", net.JoinHostPort(strings.Trim(e.Host, "[]"), strconv.Itoa(e.Port)))
}

// listenUnix makes the socket for its owner alone and opens it only once owner
// and mode are right. A socket left behind by a crash is removed, one that
// somebody listens on is not.
func listenUnix(path string, who Socket) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	// The mask belongs to the process: files made elsewhere in this moment are
	// their owner's alone, which harms nobody.
	mask := syscall.Umask(0o077)
	l, err := net.Listen("unix", path)
	syscall.Umask(mask)
	if err != nil {
		return nil, err
	}
	if err := who.apply(path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s: is there and no socket; it is left alone", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%s: somebody listens there already", path)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: cannot tell whether somebody listens there: %w", path, err)
	}
	return os.Remove(path)
}

func (s Socket) apply(path string) error {
	uid, err := lookupID(s.Owner, func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	if err != nil {
		return err
	}
	gid, err := lookupID(s.Group, func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
	if err != nil {
		return err
	}
	if uid >= 0 || gid >= 0 {
		if err := os.Chown(path, uid, gid); err != nil {
			return err
		}
	}
	return os.Chmod(path, fs.FileMode(s.Mode)&fs.ModePerm)
}

// lookupID turns a name or number into an id; "" is -1, which changes nothing.
func lookupID(name string, lookup func(string) (string, error)) (int, error) {
	if name == "" {
		return -1, nil
	}
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	id, err := lookup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(id)
}

// tlsFault is what is wrong below an endpoint's tls. It never quotes what was read.
type tlsFault struct{ key, reason string }

func (f *tlsFault) Error() string { return f.key + ": " + f.reason }

// config is nil where the endpoint has no TLS. Every error is a *tlsFault.
func (t TLS) config() (*tls.Config, error) {
	if !t.Enabled() {
		return nil, nil
	}
	cert, err := pemFrom("tls.cert", t.CertPath, t.CertBase64, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	key, err := pemFrom("tls.key", t.KeyPath, t.KeyBase64, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, &tlsFault{"tls", strings.TrimPrefix(err.Error(), "tls: ")}
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2", "http/1.1"},
	}
	return config, t.clients(config)
}

// clients lets clients show a certificate. Those that have none are told by
// HTTP what they lack; health checks need none.
func (t TLS) clients(config *tls.Config) error {
	if t.ClientCAPath+t.ClientCABase64 == "" {
		return nil
	}
	raw, err := pemFrom("auth.mtls.ca", t.ClientCAPath, t.ClientCABase64, "CERTIFICATE")
	if err != nil {
		return err
	}
	config.ClientAuth, config.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(raw) {
		return &tlsFault{"auth.mtls.ca", "holds no certificate that can be read"}
	}
	return nil
}

// maxPEM bounds a certificate's or key's file, in bytes.
const maxPEM = 1 << 20

// pemFrom reads PEM from a file or from base64 and asks for a block whose type
// ends with kind.
func pemFrom(at, path, encoded, kind string) ([]byte, error) {
	var raw []byte
	var err error
	if path != "" {
		at += ".path"
		if raw, err = readAtMost(path, maxPEM); err != nil {
			return nil, &tlsFault{at, err.Error()}
		}
	} else {
		at += ".base64"
		if raw, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), "")); err != nil {
			return nil, &tlsFault{at, "is no base64"}
		}
	}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, kind) {
			return raw, nil
		}
	}
	return nil, &tlsFault{at, "holds no " + strings.ToLower(kind) + " in PEM"}
}
