package cmd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
)

// echoOnce answers one connection with what it says.
func echoOnce(l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	io.CopyN(conn, conn, 4)
}

func requireEcho(t *testing.T, conn net.Conn) {
	defer conn.Close()
	_, err := conn.Write([]byte("ping"))
	require.NoError(t, err)
	var b [4]byte
	_, err = io.ReadFull(conn, b[:])
	require.NoError(t, err)
	require.Equal(t, "ping", string(b[:]))
}

func TestListenTCP(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost"} {
		l, err := cmd.Listen(cmd.Endpoint{Host: host})
		require.NoError(t, err)
		go echoOnce(l)
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		requireEcho(t, conn)

		_, port, err := net.SplitHostPort(l.Addr().String())
		require.NoError(t, err)
		n, err := strconv.Atoi(port)
		require.NoError(t, err)
		_, err = cmd.Listen(cmd.Endpoint{Host: host, Port: n})
		require.ErrorContains(t, err, "address already in use")
		require.NoError(t, l.Close())
	}
}

// socketPath is short enough for a socket's address.
func socketPath(t *testing.T) string {
	dir, err := os.MkdirTemp("", "foyer")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s.sock")
}

func TestListenUnixSocket(t *testing.T) {
	for _, mode := range []uint32{0o755, 0o770, 0o600, 0o777} {
		path := socketPath(t)
		uid, gid := strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid())
		l, err := cmd.Listen(cmd.Endpoint{Host: "unix:" + path, Socket: cmd.Socket{Owner: uid, Group: gid, Mode: mode}})
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(mode), info.Mode().Perm())
		go echoOnce(l)
		conn, err := net.Dial("unix", path)
		require.NoError(t, err)
		requireEcho(t, conn)
		require.NoError(t, l.Close())
		require.NoFileExists(t, path)
	}
}

func TestSocketOwnerByName(t *testing.T) {
	path := socketPath(t)
	_, err := cmd.Listen(cmd.Endpoint{Host: "unix:" + path, Socket: cmd.Socket{Owner: "nobody-of-that-name", Mode: 0o600}})
	require.ErrorContains(t, err, "nobody-of-that-name")
	require.NoFileExists(t, path, "nothing is left behind")
	_, err = cmd.Listen(cmd.Endpoint{Host: "unix:" + path, Socket: cmd.Socket{Group: "no-group-of-that-name", Mode: 0o600}})
	require.ErrorContains(t, err, "no-group-of-that-name")
	l, err := cmd.Listen(cmd.Endpoint{Host: "unix:" + path, Socket: cmd.Socket{Mode: 0o600}})
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestStaleSocketIsReplacedAndALiveOneIsNot(t *testing.T) {
	path := socketPath(t)
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())
	require.FileExists(t, path)

	e := cmd.Endpoint{Host: "unix:" + path, Socket: cmd.Socket{Mode: 0o600}}
	live, err := cmd.Listen(e)
	require.NoError(t, err)
	_, err = cmd.Listen(e)
	require.ErrorContains(t, err, "somebody listens there already")
	first, err := live.Accept() // the question whether anybody is there
	require.NoError(t, err)
	first.Close()
	go echoOnce(live)
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	requireEcho(t, conn)
	require.NoError(t, live.Close())
}

func TestAFileInPlaceOfTheSocketIsLeftAlone(t *testing.T) {
	path := socketPath(t)
	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	_, err := cmd.Listen(cmd.Endpoint{Host: "unix:" + path})
	require.ErrorContains(t, err, "no socket")
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "precious", string(got))
}

// certificate makes a certificate for 127.0.0.1 and its key, as PEM.
func certificate(t *testing.T) (cert, key []byte, pool *x509.CertPool) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	pool = x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(cert))
	return cert, key, pool
}

func TestListenTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	certPath, keyPath := write(t, "cert.pem", string(cert)), write(t, "key.pem", string(key))
	encode := base64.StdEncoding.EncodeToString
	for name, config := range map[string]cmd.TLS{
		"path":   {CertPath: certPath, KeyPath: keyPath},
		"base64": {CertBase64: encode(cert), KeyBase64: encode(key)},
		"mixed":  {CertPath: certPath, KeyBase64: encode(key)[:40] + "\n  " + encode(key)[40:]},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := cmd.Listen(cmd.Endpoint{Host: "127.0.0.1", TLS: config})
			require.NoError(t, err)
			defer l.Close()
			go echoOnce(l)
			conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool, NextProtos: []string{"h2"}})
			require.NoError(t, err)
			require.Equal(t, "h2", conn.ConnectionState().NegotiatedProtocol)
			requireEcho(t, conn)

			go echoOnce(l)
			_, err = tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
			require.ErrorContains(t, err, "protocol version")
		})
	}
}

func TestBrokenCertificatesAreRefusedWithoutQuotingThem(t *testing.T) {
	cert, key, _ := certificate(t)
	_, foreign, _ := certificate(t)
	encode := base64.StdEncoding.EncodeToString
	text := func(s []byte) string { return write(t, "x.pem", string(s)) }
	for name, tt := range map[string]struct {
		tls       cmd.TLS
		env, want string // the variable at fault, or "" for the file
	}{
		"missing certificate": {cmd.TLS{CertPath: "/nonexistent/cert.pem", KeyBase64: encode(key)}, "CERT_PATH", "tls.cert.path: no such file or directory"},
		"missing key":         {cmd.TLS{CertBase64: encode(cert), KeyPath: "/nonexistent/key.pem"}, "KEY_PATH", "tls.key.path: no such file or directory"},
		"directory":           {cmd.TLS{CertPath: t.TempDir(), KeyBase64: encode(key)}, "CERT_PATH", "tls.cert.path: is a directory"},
		"endless":             {cmd.TLS{CertPath: "/dev/zero", KeyBase64: encode(key)}, "CERT_PATH", "tls.cert.path: larger than 1048576 bytes"},
		"no base64":           {cmd.TLS{CertBase64: encode(cert), KeyBase64: "hunter2-hunter2!"}, "KEY_BASE64", "tls.key.base64: is no base64"},
		"no PEM":              {cmd.TLS{CertBase64: encode(cert), KeyPath: text([]byte("hunter2"))}, "KEY_PATH", "tls.key.path: holds no private key in PEM"},
		"certificate as key":  {cmd.TLS{CertPath: text(cert), KeyPath: text(cert)}, "KEY_PATH", "tls.key.path: holds no private key in PEM"},
		"key as certificate":  {cmd.TLS{CertPath: text(key), KeyPath: text(key)}, "CERT_PATH", "tls.cert.path: holds no certificate in PEM"},
		"foreign key":         {cmd.TLS{CertBase64: encode(cert), KeyBase64: encode(foreign)}, "", "tls: private key does not match public key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cmd.Listen(cmd.Endpoint{Host: "127.0.0.1", TLS: tt.tls})
			require.EqualError(t, err, tt.want)
			for _, api := range []string{"public", "admin"} {
				var env []string
				for name, value := range map[string]string{"CERT_PATH": tt.tls.CertPath, "CERT_BASE64": tt.tls.CertBase64, "KEY_PATH": tt.tls.KeyPath, "KEY_BASE64": tt.tls.KeyBase64} {
					env = append(env, "SERVE_"+strings.ToUpper(api)+"_TLS_"+name+"="+value)
				}
				o := cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: env}
				load(t, o)
				o.Serve = true
				_, _, err := cmd.Load(o)
				require.ErrorContains(t, err, "serve."+api+"."+tt.want)
				if tt.env != "" {
					require.ErrorContains(t, err, "environment variable SERVE_"+strings.ToUpper(api)+"_TLS_"+tt.env+": ")
				}
				require.NotContains(t, err.Error(), "hunter2")
				require.NotContains(t, err.Error(), "\n", "one fault is told once")
			}
		})
	}
}

func TestCertificatesAreCheckedWithTheirPlace(t *testing.T) {
	cert, key, _ := certificate(t)
	certPath, keyPath := write(t, "cert.pem", string(cert)), write(t, "key.pem", string(key))
	good := write(t, "c.yml", "serve:\n  admin:\n    tls:\n      cert: {path: "+certPath+"}\n      key:\n        path: "+keyPath+"\n")
	load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", good}, Serve: true})
	swapped := write(t, "c.yml", "serve:\n  admin:\n    tls:\n      cert: {path: "+certPath+"}\n      key:\n        path: "+certPath+"\n")
	_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml", swapped}, Serve: true})
	require.EqualError(t, err, swapped+":6:9: serve.admin.tls.key.path: holds no private key in PEM")
	half := write(t, "c.yml", "serve:\n  admin:\n    tls:\n      cert: {path: "+keyPath+"}\n")
	_, _, err = cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml", half}, Serve: true})
	require.EqualError(t, err, half+":3:5: serve.admin.tls: has a certificate but no key")
}
