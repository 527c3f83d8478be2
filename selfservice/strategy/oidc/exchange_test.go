package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

func TestDepart(t *testing.T) {
	b := newBench(t, func(_ *bench, s *oidc.Settings) {
		s.Scopes = []string{"email"}
		s.RequestedClaims = []byte(`{"id_token":{"email":{"essential":true}}}`)
	})
	q, trip := b.depart(oidc.Departure{State: "the state", Parameters: object{
		"hd": "example.org", "prompt": "select_account", "login_hint": "ann@example.org", "state": "evil", "redirect_uri": 7,
	}})
	sum := sha256.Sum256([]byte(trip.Verifier))
	require.Equal(t, map[string][]string{
		"client_id": {"the-client"}, "response_type": {"code"}, "redirect_uri": {"https://id.example.org/self-service/methods/oidc/callback/acme"},
		"scope": {"openid email"}, "state": {"the state"}, "nonce": {trip.Nonce}, "hd": {"example.org"}, "prompt": {"select_account"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"claims": {`{"id_token":{"email":{"essential":true}}}`},
	}, map[string][]string(q))
	require.GreaterOrEqual(t, len(trip.Nonce), 26)
	require.GreaterOrEqual(t, len(trip.Verifier), 43)

	q, other := b.depart(oidc.Departure{State: "s", Reauthenticate: true, Parameters: object{"prompt": "none"}})
	require.Equal(t, "login", q.Get("prompt"), "whatever a client wants")
	require.NotEqual(t, trip.Nonce, other.Nonce)
	require.NotEqual(t, trip.Verifier, other.Verifier)
}

func TestUpstreamParameters(t *testing.T) {
	b := newBench(t, nil)
	for name, v := range map[string]any{"a number": 1, "a list": []any{"x"}, "nothing": nil, "true": true, "too long": strings.Repeat("x", 513)} {
		to, trip, err := b.Depart(t.Context(), oidc.Departure{Parameters: object{"prompt": v}})
		refusal := fail.As(err)
		require.NotNil(t, refusal, name)
		require.Equal(t, "oidc_upstream_parameter_invalid", refusal.ID, name)
		require.Equal(t, fail.BadRequest, refusal.Kind, name)
		require.Empty(t, to, name)
		require.Zero(t, trip, name)
	}
	none := newBench(t, func(_ *bench, s *oidc.Settings) { s.Upstream = []string{} })
	q, _ := none.depart(oidc.Departure{Parameters: object{"prompt": "login", "hd": 1}})
	require.False(t, q.Has("prompt"))
	own := newBench(t, func(_ *bench, s *oidc.Settings) { s.Upstream = []string{"theme"} })
	q, _ = own.depart(oidc.Departure{Parameters: object{"theme": "dark", "hd": "example.org"}})
	require.Equal(t, "dark", q.Get("theme"))
	require.False(t, q.Has("hd"))
}

func TestPKCE(t *testing.T) {
	for mode, challenged := range map[string]bool{"": true, oidc.PKCEAuto: true, oidc.PKCEForce: true, oidc.PKCENever: false} {
		b := newBench(t, func(_ *bench, s *oidc.Settings) { s.PKCE = mode })
		b.op.discovery = func(doc object) { doc["code_challenge_methods_supported"] = []string{"plain"} }
		q, trip := b.depart(oidc.Departure{})
		require.Equal(t, challenged, q.Has("code_challenge"), mode)
		require.Equal(t, challenged, trip.Verifier != "", mode)
		_, err := b.signIn(nil)
		require.NoError(t, err, mode)
		require.Equal(t, challenged, b.op.form.Has("code_verifier"), mode)
		callback := "https://id.example.org/self-service/methods/oidc/callback"
		if mode != oidc.PKCEForce {
			callback += "/acme"
		}
		require.Equal(t, callback, b.RedirectURI(), mode)
		require.Equal(t, callback, q.Get("redirect_uri"), mode)
		require.Equal(t, callback, b.op.form.Get("redirect_uri"), mode)
	}
}

func TestArrive(t *testing.T) {
	b := newBench(t, nil)
	c, err := b.signIn(nil)
	require.NoError(t, err)
	require.Equal(t, b.op.URL, c.Issuer)
	require.Equal(t, "person-1", c.Subject)
	require.Equal(t, "ann@example.org", c.Values["email"])
	require.Equal(t, true, c.Values["email_verified"])
	require.NotContains(t, c.Values, "aud", "known to raw_claims only")
	require.Equal(t, "the-client", c.Values["raw_claims"].(object)["aud"])
	require.Equal(t, "the-access-token", c.Tokens.Access)
	require.Equal(t, "the-refresh-token", c.Tokens.Refresh)
	require.NotEmpty(t, c.Tokens.ID)
	require.False(t, c.AAL2)
	require.Empty(t, b.log.String())
}

func TestTripsAreNotExchangeable(t *testing.T) {
	b := newBench(t, nil)
	_, first := b.depart(oidc.Departure{State: "1"})
	_, second := b.depart(oidc.Departure{State: "2"})
	answer := map[string]string{"code": "the-code"}
	for name, trip := range map[string]oidc.Trip{
		"another trip":         first,
		"another trip's nonce": {Nonce: first.Nonce, Verifier: second.Verifier},
		"another verifier":     {Nonce: second.Nonce, Verifier: first.Verifier},
		"no verifier":          {Nonce: second.Nonce},
		"no nonce":             {Verifier: second.Verifier},
		"nothing":              {},
	} {
		c, err := b.Arrive(t.Context(), trip, answer)
		b.disbelieves(c, err, name)
	}
	b.op.claims = func(c object) { c["nonce"] = nil }
	c, err := b.Arrive(t.Context(), oidc.Trip{Verifier: second.Verifier}, answer)
	b.disbelieves(c, err, "no nonce on either side")
	b.op.claims = nil
	c, err = b.Arrive(t.Context(), second, map[string]string{"code": "another-code"})
	b.disbelieves(c, err, "another code")
	_, err = b.Arrive(t.Context(), second, answer)
	require.NoError(t, err)
}

// Whoever answers in the name of another never gets the code.
func TestMixUp(t *testing.T) {
	for _, advertised := range []bool{false, true} {
		b := newBench(t, nil)
		b.op.discovery = func(doc object) { doc["authorization_response_iss_parameter_supported"] = advertised }
		for name, params := range map[string]map[string]string{
			"another issuer":           {"iss": "https://evil.example"},
			"an issuer with a slash":   {"iss": b.op.URL + "/"},
			"an empty issuer":          {"iss": ""},
			"another issuer's refusal": {"iss": "https://evil.example", "error": "access_denied"},
			"no code":                  {"iss": b.op.URL, "code": ""},
		} {
			c, err := b.signIn(params)
			b.disbelieves(c, err, name)
		}
		c, err := b.signIn(nil)
		if advertised {
			b.disbelieves(c, err, "no issuer, though all answers have one")
			c, err = b.signIn(map[string]string{"error": "access_denied"})
			b.disbelieves(c, err, "no issuer in a refusal")
			require.Zero(t, b.op.count("/token"))
		} else {
			require.NoError(t, err)
		}
		_, err = b.signIn(map[string]string{"iss": b.op.URL})
		require.NoError(t, err)
	}
}

func TestRefusalsOfAProvider(t *testing.T) {
	b := newBench(t, nil)
	for name, one := range map[string]struct {
		params map[string]string
		reason string
	}{
		"cancelled":            {map[string]string{"error": "access_denied"}, "The sign-in was cancelled or refused at Acme."},
		"with a description":   {map[string]string{"error": "access_denied", "error_description": "No.\r\n\x1b[1mReally\u202e"}, "The sign-in was cancelled or refused at Acme. It says: No. [1mReally"},
		"another":              {map[string]string{"error": "login_required"}, "Acme refused the sign-in (login_required)."},
		"a long one":           {map[string]string{"error": strings.Repeat("x", 70), "error_description": strings.Repeat("ä", 300)}, "Acme refused the sign-in (" + strings.Repeat("x", 64) + "…). It says: " + strings.Repeat("ä", 200) + "…"},
		"no text at all":       {map[string]string{"error": "\xff\x00"}, "Acme refused the sign-in ()."},
		"an error beside code": {map[string]string{"code": "the-code", "error": "server_error"}, "Acme refused the sign-in (server_error)."},
	} {
		c, err := b.signIn(one.params)
		var denied *oidc.Denied
		require.ErrorAs(t, err, &denied, name)
		require.Nil(t, c, name)
		require.Equal(t, one.reason, denied.Reason, name)
	}
	require.Zero(t, b.op.count("/token"))
}

func TestNoIDToken(t *testing.T) {
	b := newBench(t, nil)
	for name, v := range map[string]any{"none": nil, "empty": "", "a number": 7} {
		b.op.answer = func(a object) {
			if a["id_token"] = v; v == nil {
				delete(a, "id_token")
			}
		}
		c, err := b.signIn(nil)
		var denied *oidc.Denied
		require.ErrorAs(t, err, &denied, name)
		require.Equal(t, `Authentication failed because no id_token was returned. Please accept the "openid" permission and try again.`, denied.Reason, name)
		require.Nil(t, c, name)
	}
	require.Zero(t, b.op.count("/userinfo"))
}

func TestTokenEndpointFails(t *testing.T) {
	b := newBench(t, nil)
	b.depart(oidc.Departure{})
	say := func(code int, body string) func(w http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}
	}
	for name, one := range map[string]struct {
		answer func(w http.ResponseWriter)
		lie    bool
	}{
		"a spent code":             {say(400, `{"error":"invalid_grant","error_description":"code the-code was spent by ann@example.org"}`), true},
		"a spent code with 200":    {say(200, `{"error":"bad_verification_code"}`), true},
		"we are unknown":           {say(401, `{"error":"invalid_client","error_description":"the-secret is wrong"}`), false},
		"5xx":                      {say(503, `{"secret":"the-secret"}`), false},
		"4xx without a word":       {say(400, `the-secret`), false},
		"no JSON":                  {say(200, `<html>the-secret`), false},
		"no access token":          {say(200, `{"id_token":"eyJ"}`), false},
		"a redirect with the code": {func(w http.ResponseWriter) { w.Header().Set("Location", "/evil"); w.WriteHeader(307) }, false},
		"huge":                     {say(200, `{"access_token":"`+strings.Repeat("x", 1<<20)+`"}`), false},
		"a hang-up":                {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, false},
	} {
		b.op.breaks(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/token" {
				one.answer(w)
			}
			return r.URL.Path == "/token"
		})
		c, err := b.signIn(nil)
		if one.lie {
			b.disbelieves(c, err, name)
		} else {
			b.unavailable(c, err, name)
		}
		b.log.Reset()
	}
	require.Equal(t, 10, b.op.count("/token"), "no code is sent twice")
	require.Zero(t, b.op.count("/evil"))
}

func TestArriveHonoursItsContext(t *testing.T) {
	b := newBench(t, nil)
	_, trip := b.depart(oidc.Departure{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := b.Arrive(ctx, trip, map[string]string{"code": "the-code"})
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, c)
	require.Empty(t, b.log.String())
}
