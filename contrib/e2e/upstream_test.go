package e2e_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"golang.org/x/net/html"
	"golang.org/x/oauth2"
)

// upstream is an OpenID provider that somebody else has written, on loopback until
// the test ends.
type upstream struct {
	Issuer, ClientID, ClientSecret string
	FromUserInfo                   bool              // claims of the person are at userinfo only
	Form                           map[string]string // what its person types
	Email                          string            // of that person, and proved
	Consents                       bool              // it asks whether to say so
	Exchanges                      *atomic.Int32     // codes that it was brought; nil where nobody counts
	Down                           *atomic.Bool      // it takes no codes while this is set; nil where it always does
}

// zitadel runs the provider of zitadel's library in this process. It is another site
// than the program's: localhost is not 127.0.0.1.
func zitadel(t *testing.T, redirects ...string) upstream {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	issuer := "http://localhost:" + port
	clients := map[string]*storage.Client{"foyer": storage.WebClient("foyer", "a secret", redirects...)}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	exchanges, down := &atomic.Int32{}, &atomic.Bool{}
	op := exampleop.SetupServer(issuer, storage.NewStorageWithClients(storage.NewUserStore(issuer), clients), quiet, false)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/token" {
			exchanges.Add(1)
			if down.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		op.ServeHTTP(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)
	return upstream{
		Issuer: issuer, ClientID: "foyer", ClientSecret: "a secret", FromUserInfo: true, Email: "test-user@zitadel.ch",
		Form:      map[string]string{"username": "test-user@localhost", "password": "verysecure"},
		Exchanges: exchanges, Down: down,
	}
}

// certified runs npm's oidc-provider, in Node.
func certified(t *testing.T, redirects ...string) upstream {
	t.Helper()
	c := exec.Command("node", "provider.mjs")
	c.Dir = nodeFolder(t, "provider", "oidc-provider")
	c.Env = append(os.Environ(), "CLIENT=foyer", "SECRET=a secret", "REDIRECTS="+strings.Join(redirects, " "))
	stays, err := c.StdinPipe()
	require.NoError(t, err)
	said := &output{}
	c.Stdout = said
	p := launch(t, c)
	t.Cleanup(func() { _ = stays.Close() })
	issuer := ""
	require.Eventually(t, func() bool { issuer = strings.TrimSpace(said.String()); return issuer != "" }, 20*time.Second, 10*time.Millisecond, "it says nothing")
	p.answers(issuer + "/.well-known/openid-configuration")
	return upstream{
		Issuer: issuer, ClientID: "foyer", ClientSecret: "a secret", FromUserInfo: true, Consents: true, Email: "ada@example.com",
		Form: map[string]string{"login": "ada", "password": "any"},
	}
}

// visit goes to an URL as a browser does, follows redirects and sends forms, filled
// in by name, until it is led to an address that begins with until, and returns
// that.
func (u upstream) visit(t *testing.T, browser *http.Client, from, until string) *url.URL {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, from, nil)
	require.NoError(t, err)
	for range 20 {
		if strings.HasPrefix(req.URL.String(), until) {
			return req.URL
		}
		require.True(t, strings.HasPrefix(req.URL.String(), u.Issuer), "led to %s", req.URL)
		res, err := browser.Transport.RoundTrip(req)
		require.NoError(t, err)
		browser.Jar.SetCookies(req.URL, res.Cookies())
		if req = u.next(t, res); req.Method == http.MethodPost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for _, c := range browser.Jar.Cookies(req.URL) {
			req.AddCookie(c)
		}
	}
	require.Fail(t, "it leads round and round", "%s", req.URL)
	return nil
}

// next is the request that an answer leads to.
func (u upstream) next(t *testing.T, res *http.Response) *http.Request {
	t.Helper()
	defer res.Body.Close()
	if to, err := res.Location(); err == nil {
		req, err := http.NewRequest(http.MethodGet, to.String(), nil)
		require.NoError(t, err)
		return req
	}
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", body)
	page, err := html.Parse(strings.NewReader(string(body)))
	require.NoError(t, err)
	action, fields := "", url.Values{}
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" && action == "" {
			action = attribute(n, "action")
		}
		if n.Type == html.ElementNode && n.Data == "input" {
			name := attribute(n, "name")
			fields.Set(name, attribute(n, "value"))
			if typed, ok := u.Form[name]; ok {
				fields.Set(name, typed)
			}
		}
	}
	require.NotEmpty(t, action, "a page without a form: %s", body)
	to, err := res.Request.URL.Parse(action)
	require.NoError(t, err)
	req, err := http.NewRequest(http.MethodPost, to.String(), strings.NewReader(fields.Encode()))
	require.NoError(t, err)
	return req
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// The providers are what they say, met by the libraries that a careful client is
// made of: with PKCE and a nonce, a code that counts once, and the verifier needed.
func TestProvidersOfOthers(t *testing.T) {
	for name, begin := range map[string]func(*testing.T, ...string) upstream{"zitadel": zitadel, "certified": certified} {
		t.Run(name, func(t *testing.T) {
			const callback = "http://127.0.0.1:1/self-service/methods/oidc/callback/x"
			u := begin(t, callback)
			provider, err := oidc.NewProvider(t.Context(), u.Issuer)
			require.NoError(t, err)
			at := provider.Endpoint()
			at.AuthStyle = oauth2.AuthStyleInHeader
			c := oauth2.Config{ClientID: u.ClientID, ClientSecret: u.ClientSecret, RedirectURL: callback, Endpoint: at, Scopes: []string{"openid", "email", "profile"}}
			browser := &http.Client{Jar: newJar(t), Transport: &http.Transport{}}
			verifier := oauth2.GenerateVerifier()
			back := u.visit(t, browser, c.AuthCodeURL("a state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("a nonce")), callback).Query()
			require.Equal(t, "a state", back.Get("state"))
			token, err := c.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier))
			require.NoError(t, err)
			raw, _ := token.Extra("id_token").(string)
			idToken, err := provider.Verifier(&oidc.Config{ClientID: u.ClientID}).Verify(t.Context(), raw)
			require.NoError(t, err)
			require.Equal(t, "a nonce", idToken.Nonce)
			info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
			require.NoError(t, err)
			require.Equal(t, idToken.Subject, info.Subject)
			require.Equal(t, u.Email, info.Email)
			require.True(t, info.EmailVerified)
			_, err = c.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier))
			require.ErrorContains(t, err, "invalid_grant", "a code counts once")

			back = u.visit(t, browser, c.AuthCodeURL("a state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("a nonce")), callback).Query()
			_, err = c.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier()))
			require.Error(t, err, "and only with its verifier")
		})
	}
}
