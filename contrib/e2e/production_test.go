package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	client "github.com/ory/client-go"
	"github.com/stretchr/testify/require"
)

// Without --dev: https, Secure cookies, hashes at their real cost, a database
// that is migrated before the start.
func TestProduction(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Log("database: sqlite")
		p, roots := production(t)
		p.run()
		registersInProduction(t, p, roots)
	})
	t.Run("postgres", func(t *testing.T) {
		p, roots := production(t, with("dsn", postgres(t)))
		out, err := p.refused()
		require.Error(t, err)
		require.Contains(t, out, "secrets.default", "nodes must share what one node would make for itself")
		set(p.Config, "secrets.default", []string{"known to every node of this cluster"})
		set(p.Config, "database.allow_unsafe_durability", true) // servers for tests do not flush
		p.launch()
		p.running.answers(p.Admin + "/health/alive")
		res, err := http.Get(p.Admin + "/health/ready")
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		var unready client.HealthNotReadyStatus
		require.NoError(t, json.NewDecoder(res.Body).Decode(&unready))
		require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
		require.Contains(t, unready.GetErrors()["migrations"], "not applied", "a server's database is migrated by whoever owns it")
		migrate := exec.Command(binary(t, "foyer"), "migrate", "sql", "up", "-e", "-c", filepath.Join(p.Dir, "foyer.json"))
		said, err := migrate.CombinedOutput()
		require.NoError(t, err, "%s", said)
		require.Contains(t, string(said), "applied")
		p.running.answers(p.Public + "/health/ready")
		registersInProduction(t, p, roots)
	})
}

func production(t *testing.T, options ...option) (*program, *x509.CertPool) {
	t.Helper()
	cert, key, roots := certificate(t)
	p := prepare(t, "https", append([]option{
		with("serve.public.tls", map[string]any{"cert": map[string]any{"path": cert}, "key": map[string]any{"path": key}}),
		with("session.cookie.name", "__Host-session"),
		with("selfservice.default_browser_return_url", "https://app.example.org/"),
		with("selfservice.allowed_return_urls", []string{"https://app.example.org"}),
		with("selfservice.flows.registration.ui_url", "https://app.example.org/registration"),
		with("selfservice.flows.error.ui_url", "https://app.example.org/error"),
	}, options...)...)
	p.Dev = false
	delete(p.Config, "hashers")
	return p, roots
}

// refused runs the program with its configuration, which must not start, and
// returns what it says.
func (p *program) refused() (string, error) {
	p.t.Helper()
	file := p.write()
	c := exec.Command(binary(p.t, "foyer"), "serve", "-c", file)
	timer := time.AfterFunc(20*time.Second, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	out, err := c.CombinedOutput()
	return string(out), err
}

func registersInProduction(t *testing.T, p *program, roots *x509.CertPool) {
	t.Helper()
	jar := newJar(t)
	c := &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(c.CloseIdleConnections)
	ask := func(method, to string, form url.Values) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, to, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		req.Header.Set("Accept", "text/html")
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", "https://app.example.org")
			req.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		res, err := c.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res
	}

	res := ask(http.MethodGet, p.Public+"/self-service/registration/browser", nil)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	require.Equal(t, 2, res.ProtoMajor, "https speaks HTTP/2")
	csrf := cookieOf(t, res, "csrf_token_")
	guarded(t, csrf)
	to, err := res.Location()
	require.NoError(t, err)
	require.Equal(t, "app.example.org", to.Host)

	typed := sdk(p.Public, jar)
	typed.GetConfig().HTTPClient.Transport = c.Transport
	flow, _, err := typed.FrontendAPI.GetRegistrationFlow(background).Id(to.Query().Get("flow")).Execute()
	require.NoError(t, err)
	form := url.Values{"method": {"password"}, "traits.email": {"real@example.org"}, "traits.name.first": {"Ada"}, "password": {goodPassword},
		"csrf_token": {attributes(t, flow, "csrf_token").Value.(string)}}
	began := time.Now()
	res = ask(http.MethodPost, flow.Ui.Action, form)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	require.Equal(t, "https://app.example.org/", res.Header.Get("Location"))
	require.Greater(t, time.Since(began), 5*time.Millisecond, "a hash at its real cost takes a while")
	session := cookieOf(t, res, "__Host-session")
	guarded(t, session)
	require.Empty(t, session.Domain)
	require.Positive(t, session.MaxAge)
	require.NotEqual(t, csrf.Value, cookieOf(t, res, "csrf_token_").Value, "who signs in gets a new secret")

	me, _, err := typed.FrontendAPI.ToSession(background).Execute()
	require.NoError(t, err)
	require.Equal(t, "real@example.org", me.Identity.Traits.(map[string]any)["email"])

	t.Run("hashes keep the floors", func(t *testing.T) {
		stored, _, err := sdk(p.Admin, nil).IdentityAPI.GetIdentity(background, me.Identity.Id).Execute()
		require.NoError(t, err)
		require.Empty(t, stored.GetCredentials()["password"].Config)
		for key, value := range map[string]any{"hashers.argon2.memory": "1MB", "hashers.argon2.iterations": 1} {
			cheap := *p
			cheap.Config = map[string]any{}
			for k, v := range p.Config {
				cheap.Config[k] = v
			}
			cheap.Dir = t.TempDir()
			set(cheap.Config, key, value)
			out, err := cheap.refused()
			require.Error(t, err)
			require.Contains(t, out, "argon2", out)
			require.NotContains(t, out, "address already in use", "it is refused before anything is opened")
		}
	})
	t.Run("administration stays at home", func(t *testing.T) {
		u, err := url.Parse(p.Admin)
		require.NoError(t, err)
		require.Contains(t, p.running.out.String(), `"api":"admin","address":"127.0.0.1:`+u.Port()+`"`)
		for _, ip := range otherAddresses(t) {
			_, err := net.DialTimeout("tcp", net.JoinHostPort(ip, u.Port()), time.Second)
			require.Error(t, err, ip)
		}
		wide := *p
		wide.Config = map[string]any{}
		for k, v := range p.Config {
			wide.Config[k] = v
		}
		wide.Dir = t.TempDir()
		wide.Config["serve"] = map[string]any{"public": p.Config["serve"].(map[string]any)["public"], "admin": map[string]any{"host": "0.0.0.0", "port": 1}}
		out, err := wide.refused()
		require.Error(t, err)
		require.Contains(t, out, "serve.admin.host", "everybody's network is no answer to who may call")
	})
	t.Run("no plain http, no old TLS", func(t *testing.T) {
		res, err := http.Get(strings.Replace(p.Public, "https:", "http:", 1) + "/health/alive")
		if err == nil {
			require.NoError(t, res.Body.Close())
			require.Equal(t, http.StatusBadRequest, res.StatusCode)
		}
		_, err = tls.Dial("tcp", strings.TrimPrefix(p.Public, "https://"), &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11})
		require.Error(t, err)
	})
	t.Run("nothing secret in the log", func(t *testing.T) {
		for _, secret := range []string{goodPassword, url.QueryEscape(goodPassword), session.Value, csrf.Value, form.Get("csrf_token")} {
			require.NotContains(t, p.running.out.String(), secret)
		}
	})
	t.Run("another flow is refused as before", func(t *testing.T) {
		_, _, err := typed.FrontendAPI.CreateBrowserRegistrationFlow(background).Execute()
		require.Equal(t, "session_already_available", refusal(t, err, http.StatusBadRequest).GetId())
		_, res, err := typed.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).
			UpdateRegistrationFlowBody(byPassword(traits("else@example.org"), goodPassword)).Execute()
		require.Equal(t, http.StatusBadRequest, res.StatusCode)
		var raw *client.GenericOpenAPIError
		require.ErrorAs(t, err, &raw)
		require.Equal(t, []int64{4040002}, said(t, refusedFlow(t, err), ""))
	})
}

// guarded checks what keeps a cookie from scripts, plain http and other sites.
func guarded(t *testing.T, c *http.Cookie) {
	t.Helper()
	require.True(t, c.Secure, c.Name)
	require.True(t, c.HttpOnly, c.Name)
	require.Equal(t, http.SameSiteLaxMode, c.SameSite, c.Name)
	require.Equal(t, "/", c.Path, c.Name)
}

func cookieOf(t *testing.T, res *http.Response, prefix string) *http.Cookie {
	t.Helper()
	for _, c := range res.Cookies() {
		if strings.HasPrefix(c.Name, prefix) {
			return c
		}
	}
	require.Fail(t, "no cookie "+prefix, "%v", res.Header["Set-Cookie"])
	return nil
}

// otherAddresses are this machine's addresses besides loopback.
func otherAddresses(t *testing.T) (ips []string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			ips = append(ips, n.IP.String())
		}
	}
	return ips
}

// certificate makes one for 127.0.0.1 that nobody but roots trusts.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "foyer e2e"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	roots = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	roots.AddCert(parsed)
	return certFile, keyFile, roots
}

// postgres creates a database of the test's own on the server that
// FOYER_TEST_POSTGRES names.
func postgres(t *testing.T) string {
	t.Helper()
	dsn := os.Getenv("FOYER_TEST_POSTGRES")
	if dsn == "" {
		missing(t, "FOYER_TEST_POSTGRES is not set: no server to test against (.ci/databases starts one)")
	}
	t.Log("database: postgres")
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	name := fmt.Sprintf("foyer_e2e_%d_%d", os.Getpid(), time.Now().UnixNano())
	_, err = db.Exec("CREATE DATABASE " + name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	u.Path = "/" + name
	return u.String()
}
