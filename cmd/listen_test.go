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
	for name, config := range map[string]cmd.TLS{
		"missing file": {CertPath: "/nonexistent/cert.pem", KeyBase64: encode(key)},
		"no base64":    {CertBase64: encode(cert), KeyBase64: "hunter2-hunter2!"},
		"no PEM":       {CertBase64: encode(cert), KeyBase64: encode([]byte("hunter2"))},
		"foreign key":  {CertBase64: encode(cert), KeyBase64: encode(foreign)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cmd.Listen(cmd.Endpoint{Host: "127.0.0.1", TLS: config})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}
