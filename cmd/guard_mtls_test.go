package cmd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/internal/enginetest"
)

// authority signs certificates of clients.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{cert, key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue makes a client's certificate, good for an hour unless change says otherwise.
func (a *authority) issue(t *testing.T, change func(*x509.Certificate)) []tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
}

func named(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: name, Organization: []string{"Example"}} }
}

func TestCallersByCertificate(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	cert, key, pool := certificate(t)
	encode := base64.StdEncoding.EncodeToString
	env := enginetest.New(t,
		enginetest.With("serve.admin.tls", map[string]any{"cert": map[string]any{"base64": encode(cert)}, "key": map[string]any{"base64": encode(key)}}),
		enginetest.With("serve.admin.auth", map[string]any{"tokens": []any{caller("ops", "*")}, "mtls": map[string]any{
			"ca": map[string]any{"base64": encode(ca.pem())},
			"callers": []map[string]any{
				{"name": "crm", "subject": "CN=crm,O=Example", "scopes": []string{"identity.read"}},
				{"name": "mail", "dns": "mail.internal", "scopes": []string{"courier"}},
				{"name": "agent", "uri": "spiffe://example.org/agent", "scopes": []string{"identity"}},
			},
		}}))
	endpoint := env.App.Config.Serve.Admin.Endpoint
	endpoint.Host, endpoint.Port = "127.0.0.1", 0
	l, err := cmd.Listen(endpoint)
	require.NoError(t, err)
	server := &http.Server{Handler: env.App.Admin}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { require.NoError(t, server.Close()) })

	call := func(path string, with []tls.Certificate, token string) (int, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: with}}}
		defer client.CloseIdleConnections()
		req := outgoing(t, "GET", "https://"+l.Addr().String()+path, "")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		return res.StatusCode, res.Body.Close()
	}
	const list = "/admin/identities"
	for name, one := range map[string]struct {
		with   []tls.Certificate
		token  string
		status int
	}{
		"by subject": {ca.issue(t, named("crm")), "", 200},
		"by uri": {ca.issue(t, func(c *x509.Certificate) {
			c.URIs = []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/agent"}}
		}), "", 200},
		"by name, another scope": {ca.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"x.internal", "MAIL.internal"} }), "", 403},
		"none":                   {nil, "", 401},
		"another subject":        {ca.issue(t, named("other")), "", 401},
		"the name alone":         {ca.issue(t, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "crm"} }), "", 401},
		"a wildcard":             {ca.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"*.internal"} }), "", 401},
		"a subject like a name":  {ca.issue(t, named("mail.internal")), "", 401},
		"another uri": {ca.issue(t, func(c *x509.Certificate) {
			c.URIs = []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/agent/2"}}
		}), "", 401},
		"none, but a token":        {nil, tokenFor("ops"), 200},
		"a token that is no good":  {ca.issue(t, named("crm")), "wrong", 401},
		"a token beside, for more": {ca.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"mail.internal"} }), tokenFor("ops"), 200},
	} {
		status, err := call(list, one.with, one.token)
		require.NoError(t, err, name)
		require.Equal(t, one.status, status, name)
	}
	status, err := call("/admin/health/alive", nil, "")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	for name, with := range map[string][]tls.Certificate{
		"of another authority": other.issue(t, named("crm")),
		"expired":              ca.issue(t, func(c *x509.Certificate) { named("crm")(c); c.NotAfter = time.Now().Add(-time.Minute) }),
		"not yet good":         ca.issue(t, func(c *x509.Certificate) { named("crm")(c); c.NotBefore = time.Now().Add(time.Minute) }),
		"of a server": ca.issue(t, func(c *x509.Certificate) {
			named("crm")(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}),
	} {
		_, err := call(list, with, tokenFor("ops"))
		require.ErrorContains(t, err, "tls:", name)
	}
	env.Clock.Advance(2 * time.Hour)
	status, err = call(list, ca.issue(t, named("crm")), "")
	require.NoError(t, err)
	require.Equal(t, 401, status, "a connection that outlives its certificate")
}
