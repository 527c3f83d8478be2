package oidc_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

const wellKnown = "/.well-known/openid-configuration"

func TestDiscoveryIsKeptForAnHour(t *testing.T) {
	b := newBench(t, nil)
	require.Zero(t, b.op.count(wellKnown), "New asks nobody")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, _, err := b.Depart(t.Context(), oidc.Departure{State: "s"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, b.op.count(wellKnown))

	b.now = b.now.Add(59 * time.Minute)
	b.depart(oidc.Departure{})
	require.Equal(t, 1, b.op.count(wellKnown))
	b.op.discovery = func(doc object) { doc["authorization_endpoint"] = b.op.URL + "/moved" }
	b.now = b.now.Add(time.Minute)
	to, _, err := b.Depart(t.Context(), oidc.Departure{})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(to, b.op.URL+"/moved?"))

	b.op.breaks(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	b.now = b.now.Add(time.Hour)
	for range 3 {
		to, _, err = b.Depart(t.Context(), oidc.Departure{})
		require.NoError(t, err, "an old document is better than none")
		require.True(t, strings.HasPrefix(to, b.op.URL+"/moved?"))
	}
	require.Equal(t, 3, b.op.count(wellKnown), "not asked by everybody")
	require.Empty(t, b.log.String())
}

func TestDiscoveryIsNotBelievedBlindly(t *testing.T) {
	for name, change := range map[string]func(doc object){
		"another issuer":         func(doc object) { doc["issuer"] = "https://evil.example" },
		"issuer with a slash":    func(doc object) { doc["issuer"] = doc["issuer"].(string) + "/" },
		"no issuer":              func(doc object) { delete(doc, "issuer") },
		"no token endpoint":      func(doc object) { delete(doc, "token_endpoint") },
		"no keys":                func(doc object) { delete(doc, "jwks_uri") },
		"no authorization":       func(doc object) { delete(doc, "authorization_endpoint") },
		"a script":               func(doc object) { doc["authorization_endpoint"] = "javascript:alert(1)" },
		"a file":                 func(doc object) { doc["jwks_uri"] = "file:///etc/passwd" },
		"a password in the URL":  func(doc object) { doc["token_endpoint"] = "https://a:b@c.example/" },
		"a path":                 func(doc object) { doc["userinfo_endpoint"] = "/userinfo" },
		"a list for an endpoint": func(doc object) { doc["token_endpoint"] = []string{"https://a.example"} },
	} {
		b := newBench(t, nil)
		b.op.discovery = change
		to, trip, err := b.Depart(t.Context(), oidc.Departure{State: "s"})
		require.Empty(t, to, name)
		require.Zero(t, trip, name)
		b.unavailable(nil, err, name)
		require.Equal(t, 1, b.op.count(wellKnown), name)
	}
}

// A provider reached by https sends nobody to http.
func TestDiscoveryDowngrade(t *testing.T) {
	for _, endpoint := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
		b := newBench(t, func(_ *bench, s *oidc.Settings) { s.IssuerURL = "https://op.example" })
		b.op.discovery = func(doc object) {
			for name := range doc {
				doc[name] = "https://op.example/" + name
			}
			doc["issuer"] = "https://op.example"
		}
		b.depart(oidc.Departure{})
		b.now = b.now.Add(time.Hour)

		fresh := newBench(t, func(_ *bench, s *oidc.Settings) { s.IssuerURL = "https://op.example" })
		fresh.op.discovery = func(doc object) {
			b.op.discovery(doc)
			doc[endpoint] = "http://op.example/"
		}
		_, _, err := fresh.Depart(t.Context(), oidc.Departure{})
		fresh.unavailable(nil, err, endpoint)
	}
}

func TestProofOfTheClient(t *testing.T) {
	for name, one := range map[string]struct {
		methods       any
		secret        string
		basic, inForm string
	}{
		"not said":        {nil, "the-secret", "the-client:the-secret", ""},
		"both":            {[]string{"client_secret_post", "client_secret_basic"}, "the-secret", "the-client:the-secret", ""},
		"post":            {[]string{"client_secret_post"}, "the-secret", ":", "the-client:the-secret"},
		"something else":  {[]string{"private_key_jwt"}, "the-secret", ":", "the-client:the-secret"},
		"a public client": {nil, "", ":", "the-client:"},
	} {
		b := newBench(t, func(_ *bench, s *oidc.Settings) { s.ClientSecret = one.secret })
		b.op.discovery = func(doc object) { doc["token_endpoint_auth_methods_supported"] = one.methods }
		_, err := b.signIn(nil)
		require.NoError(t, err, name)
		require.Equal(t, one.basic, b.op.basic, name)
		if one.inForm != "" {
			require.Equal(t, one.inForm, b.op.form.Get("client_id")+":"+b.op.form.Get("client_secret"), name)
		} else {
			require.False(t, b.op.form.Has("client_secret"), name)
		}
		require.Equal(t, 1, b.op.count("/token"), "a code is sent once")
	}
}
