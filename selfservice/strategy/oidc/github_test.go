package oidc_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// hub is a GitHub that answers profile and addresses as given.
func hub(t *testing.T, profile string, emails func(w http.ResponseWriter)) *bench {
	b := newBench(t, func(_ *bench, s *oidc.Settings) { s.Kind, s.IssuerURL = "github", "" })
	b.op.breaks(func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/login/oauth/access_token":
			_ = r.ParseForm()
			b.op.form = r.PostForm
			fmt.Fprint(w, url.Values{"access_token": {"the-access-token"}, "scope": {"user:email"}}.Encode())
		case "/user":
			fmt.Fprint(w, profile)
		case "/user/emails":
			emails(w)
		default:
			return false
		}
		return true
	})
	return b
}

func says(body string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) { fmt.Fprint(w, body) }
}

const octocat = `{"id":583231,"login":"octocat","name":null,"email":"public@example.org","blog":"","avatar_url":"https://a.example/1","html_url":"https://github.com/octocat"}`

func TestGitHub(t *testing.T) {
	b := hub(t, octocat, says(`[{"email":"other@example.org","primary":false,"verified":true},{"email":"main@example.org","primary":true,"verified":true}]`))
	q, trip := b.depart(oidc.Departure{State: "s"})
	require.Empty(t, q.Get("nonce"))
	require.Empty(t, trip.Nonce)
	require.NotEmpty(t, q.Get("code_challenge"))
	require.Equal(t, "user:email", q.Get("scope"))
	c, err := b.signIn(map[string]string{"iss": "https://github.com/login/oauth"})
	require.NoError(t, err)
	require.Equal(t, "583231", c.Subject)
	require.Equal(t, "https://github.com/login/oauth", c.Issuer)
	raw := c.Values["raw_claims"].(object)
	delete(c.Values, "raw_claims")
	require.Equal(t, object{
		"iss": "https://github.com/login/oauth", "sub": "583231", "nickname": "octocat", "preferred_username": "octocat",
		"profile": "https://github.com/octocat", "picture": "https://a.example/1", "email": "main@example.org", "email_verified": true,
	}, c.Values)
	require.Equal(t, json.Number("583231"), raw["id"])
	require.Equal(t, oidc.Tokens{Access: "the-access-token"}, c.Tokens)
	require.Equal(t, "the-secret", b.op.form.Get("client_secret"))
	require.NotEmpty(t, b.op.form.Get("code_verifier"))
	for _, r := range b.sent {
		if r.Method == http.MethodGet {
			require.Equal(t, "api.github.com", r.URL.Host)
			require.Equal(t, "Bearer the-access-token", r.Header.Get("Authorization"))
		} else {
			require.Equal(t, "github.com", r.URL.Host)
		}
	}
	before := len(b.sent)
	c, err = b.signIn(map[string]string{"iss": "https://evil.example"})
	b.disbelieves(c, err, "mix-up")
	require.Len(t, b.sent, before)
}

func TestGitHubAddresses(t *testing.T) {
	for name, one := range map[string]struct {
		emails          func(w http.ResponseWriter)
		email, verified any
		down            bool
	}{
		"unverified":        {says(`[{"email":"main@example.org","primary":true,"verified":false}]`), "main@example.org", false, false},
		"verified, as text": {says(`[{"email":"main@example.org","primary":true,"verified":"true"}]`), "main@example.org", "true", false},
		"none primary":      {says(`[{"email":"main@example.org","primary":false,"verified":true}]`), nil, nil, false},
		"none":              {says(`[]`), nil, nil, false},
		"not allowed":       {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, nil, nil, false},
		"down":              {func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, nil, nil, true},
		"no JSON":           {says(`<html>`), nil, nil, true},
	} {
		b := hub(t, octocat, one.emails)
		c, err := b.signIn(nil)
		if one.down {
			b.unavailable(c, err, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, one.email, c.Values["email"], name)
		require.Equal(t, one.verified, c.Values["email_verified"], name)
	}
}

func TestSubjectsOfPlainOAuth(t *testing.T) {
	for profile, subject := range map[string]string{
		`{"id":1}`: "1", `{"id":12345678901234567890}`: "12345678901234567890", `{"id":"a1"}`: "a1",
		`{}`: "", `{"id":null}`: "", `{"id":""}`: "", `{"id":-1}`: "", `{"id":1.5}`: "", `{"id":1e3}`: "", `{"id":true}`: "",
		`{"id":["1"]}`: "", `{"ID":1}`: "",
	} {
		b := hub(t, profile, says(`[]`))
		c, err := b.signIn(nil)
		if subject == "" {
			b.disbelieves(c, err, profile)
			continue
		}
		require.NoError(t, err, profile)
		require.Equal(t, subject, c.Subject, profile)
	}
}

// An installation of one's own is another issuer, so that its ids are not
// those of the public one.
func TestGitHubOfOnesOwn(t *testing.T) {
	b := newBench(t, func(b *bench, s *oidc.Settings) {
		s.Kind, s.AuthURL, s.TokenURL, s.UserInfoURL = "github", "https://ghe.example/authorize", b.op.URL+"/token", b.op.URL+"/userinfo"
	})
	b.op.userinfo = object{"id": 1}
	c, err := b.signIn(nil)
	require.NoError(t, err)
	require.Equal(t, "https://ghe.example", c.Issuer)
	require.NotContains(t, c.Values, "email")
}
