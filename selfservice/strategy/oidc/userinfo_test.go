package oidc_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

func TestUserInfoCompletesAToken(t *testing.T) {
	for name, one := range map[string]struct {
		token, info, want object
		source            string
		asked             int
	}{
		"an address is there": {object{}, object{"sub": "person-1", "name": "Ann"}, object{"email": "ann@example.org", "email_verified": true, "name": nil}, "", 0},
		"no address": {
			object{"email": nil, "email_verified": nil, "name": "Token", "acr": nil},
			object{"sub": "person-1", "email": "a@b.example", "email_verified": true, "name": "Info", "locale": "de", "acr": "urn:mfa", "nonce": "x", "iss": "y"},
			object{"email": "a@b.example", "email_verified": true, "name": "Token", "locale": "de", "acr": nil}, "", 1,
		},
		"the proof is of the token, the address is not": {
			object{"email": nil, "email_verified": true}, object{"sub": "person-1", "email": "a@b.example"},
			object{"email": "a@b.example", "email_verified": nil}, oidc.SourceIDToken, 1,
		},
		"userinfo first": {
			object{"name": "Token", "zoneinfo": "UTC"}, object{"sub": "person-1", "email": "a@b.example", "email_verified": false, "name": "Info"},
			object{"email": "a@b.example", "email_verified": false, "name": "Info", "zoneinfo": "UTC"}, oidc.SourceUserInfo, 1,
		},
		"userinfo first, with an address only": {
			object{}, object{"sub": "person-1", "email": "victim@example.org"},
			object{"email": "victim@example.org", "email_verified": nil}, oidc.SourceUserInfo, 1,
		},
		"userinfo first, with a proof only": {
			object{"email": "victim@example.org", "email_verified": false}, object{"sub": "person-1", "email_verified": true},
			object{"email": "victim@example.org", "email_verified": false}, oidc.SourceUserInfo, 1,
		},
		"a phone alike": {
			object{"phone_number": "+491", "phone_number_verified": false}, object{"sub": "person-1", "phone_number_verified": true},
			object{"phone_number": "+491", "phone_number_verified": false}, oidc.SourceUserInfo, 1,
		},
		"nulls": {object{}, object{"sub": "person-1", "email": nil, "name": nil}, object{"email": "ann@example.org", "name": nil}, oidc.SourceUserInfo, 1},
	} {
		b := newBench(t, func(_ *bench, s *oidc.Settings) { s.ClaimsSource = one.source })
		b.op.claims = func(c object) {
			for k, v := range one.token {
				c[k] = v
			}
		}
		b.op.userinfo = one.info
		c, err := b.signIn(nil)
		require.NoError(t, err, name)
		for claim, want := range one.want {
			require.Equal(t, want, c.Values[claim], "%s: %s", name, claim)
		}
		require.Equal(t, b.op.URL, c.Values["iss"], name)
		require.Equal(t, b.op.URL, c.Values["raw_claims"].(object)["iss"], name)
		require.Equal(t, one.asked, b.op.count("/userinfo"), name)
	}
}

func TestUserInfoOfSomebodyElse(t *testing.T) {
	for name, sub := range map[string]any{"another": "person-2", "none": nil, "empty": "", "other case": "Person-1", "a list": []any{"person-1"}} {
		b := newBench(t, func(_ *bench, s *oidc.Settings) { s.ClaimsSource = oidc.SourceUserInfo })
		b.op.userinfo = object{"sub": sub, "email": "victim@example.org", "email_verified": true}
		if sub == nil {
			delete(b.op.userinfo, "sub")
		}
		c, err := b.signIn(nil)
		b.disbelieves(c, err, name)
	}
}

func TestUserInfoFails(t *testing.T) {
	fails := map[string]func(w http.ResponseWriter){
		"refused": func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) },
		"5xx":     func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"no JSON": func(w http.ResponseWriter) { fmt.Fprint(w, "eyJ.eyJ.eyJ") },
		"a list":  func(w http.ResponseWriter) { fmt.Fprint(w, "[]") },
		"a name twice": func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"sub":"person-1","email":"a@a.example","email":"b@b.example"}`)
		},
		"two objects": func(w http.ResponseWriter) { fmt.Fprint(w, `{"sub":"person-1"},"x":{}`) },
	}
	for name, answer := range fails {
		for _, source := range []string{oidc.SourceIDToken, oidc.SourceUserInfo} {
			b := newBench(t, func(_ *bench, s *oidc.Settings) { s.ClaimsSource = source })
			b.op.claims = func(c object) { c["email"] = nil }
			b.op.breaks(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/userinfo" {
					answer(w)
				}
				return r.URL.Path == "/userinfo"
			})
			c, err := b.signIn(nil)
			if name == "refused" && source == oidc.SourceIDToken {
				require.NoError(t, err, "the address was a wish")
				require.NotContains(t, c.Values, "email")
			} else {
				b.unavailable(c, err, name)
			}
		}
	}
	b := newBench(t, func(_ *bench, s *oidc.Settings) { s.ClaimsSource = oidc.SourceUserInfo })
	b.op.discovery = func(doc object) { delete(doc, "userinfo_endpoint") }
	c, err := b.signIn(nil)
	b.unavailable(c, err, "there is none")
	b = newBench(t, nil)
	b.op.discovery = func(doc object) { delete(doc, "userinfo_endpoint") }
	b.op.claims = func(c object) { c["email"] = nil }
	_, err = b.signIn(nil)
	require.NoError(t, err)
}

// Claims keep their types and names, so that a mapper sees what was said.
func TestClaimsAreKeptAsTheyAre(t *testing.T) {
	b := newBench(t, nil)
	b.op.claims = func(c object) {
		c["email_verified"], c["updated_at"], c["https://a.example/roles"], c["team"] = "true", 1e15, []string{"x"}, object{"a.b": 1}
	}
	c, err := b.signIn(nil)
	require.NoError(t, err)
	require.Equal(t, "true", c.Values["email_verified"])
	require.Equal(t, json.Number("1000000000000000"), c.Values["updated_at"])
	require.Equal(t, object{"a.b": json.Number("1")}, c.Values["team"])
	raw := c.Values["raw_claims"].(object)
	require.Equal(t, []any{"x"}, raw["https://a.example/roles"])

	kept, err := json.Marshal(c)
	require.NoError(t, err)
	var again oidc.Claims
	require.NoError(t, json.Unmarshal(kept, &again))
	require.Equal(t, c.Subject, again.Subject)
	require.Equal(t, c.Tokens, again.Tokens)
}
