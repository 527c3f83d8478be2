package oidc_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// fakeOf is a copy of the fake of a kind, whose answers can be changed.
func fakeOf(kind string) fake {
	f := fakes[slices.IndexFunc(fakes, func(f fake) bool { return f.kind == kind })]
	f.answers = maps.Clone(f.answers)
	return f
}

// claimsOf are those of a sign-in where person answers so, without what every
// sign-in has.
func claimsOf(t *testing.T, f fake, person string) string {
	t.Helper()
	f.answers[f.person] = person
	p, w := f.provider(t, nil)
	c, err := w.signIn(p)
	require.NoError(t, err, person)
	for _, name := range []string{"iss", "sub", "nonce", "raw_claims"} {
		delete(c.Values, name)
	}
	raw, err := json.Marshal(c.Values)
	require.NoError(t, err)
	return string(raw)
}

// What people keep to themselves, or have not filled in, is no claim.
func TestSparseAnswers(t *testing.T) {
	for _, c := range []struct{ kind, person, want string }{
		{"amazon", `{"user_id": "1"}`, `{}`},
		{"dingtalk", `{"openId": "1", "nick": "Jo", "email": null}`, `{"name": "Jo", "nickname": "Jo"}`},
		{"discord", `{"id": "1", "username": "jo", "global_name": null, "avatar": null, "email": null}`, `{"nickname": "jo", "preferred_username": "jo"}`},
		{"discord", `{"id": "1", "username": "jo", "email": "jo@acme.example", "verified": false}`, `{"nickname": "jo", "preferred_username": "jo", "email": "jo@acme.example", "email_verified": false}`},
		{"facebook", `{"id": "1", "name": "Jo", "verified": true}`, `{"name": "Jo"}`},
		{"jackson", `{"id": "1", "firstName": "", "lastName": ""}`, `{}`},
		{"jackson", `{"id": "1", "lastName": "Doe", "email_verified": true}`, `{"family_name": "Doe", "last_name": "Doe", "name": "Doe"}`},
		{"lark", `{"open_id": "1", "email": "", "mobile": ""}`, `{}`},
		{"line", `{"iss": "https://access.line.me", "aud": "foyer", "sub": "1"}`, `{}`},
		{"linkedin_v2", `{"sub": "1", "email": "jo@acme.example"}`, `{"email": "jo@acme.example"}`},
		{"patreon", `{"data": {"id": "1", "attributes": {"email": "jo@acme.example", "is_email_verified": false}}}`, `{"email": "jo@acme.example", "email_verified": false}`},
		{"patreon", `{"data": {"id": "1"}}`, `{}`},
		{"spotify", `{"id": "jo", "images": [], "email": "jo@acme.example", "email_verified": true}`, `{"email": "jo@acme.example"}`},
		{"uaepass", `{"sub": "1", "mobile": "", "userType": "SOP1"}`, `{}`},
		{"vk", `{"user": {"user_id": "1", "sex": 0, "verified": true, "email": "jo@acme.example"}}`, `{"email": "jo@acme.example"}`},
		{"vk", `{"user": {"user_id": "1", "sex": 2, "phone": "+79037659418"}}`, `{"gender": "male", "phone_number": "+79037659418"}`},
		{"x", `{"data": {"id": "1", "username": "jo", "verified": true}}`, `{"nickname": "jo", "preferred_username": "jo"}`},
		{"yandex", `{"id": "1", "login": "jo", "default_phone": null, "default_avatar_id": ""}`, `{"nickname": "jo", "preferred_username": "jo"}`},
	} {
		require.JSONEq(t, c.want, claimsOf(t, fakeOf(c.kind), c.person), c.kind)
	}
}

// Dates that others write as text are numbers, and what is none is left alone.
func TestUpdatedAt(t *testing.T) {
	for text, want := range map[string]string{
		`"2023-03-01T10:00:00.000Z"`: `1677664800`, `"2023-03-01T11:00:00+01:00"`: `1677664800`, `"2023-03-01T10:00:00.000+0000"`: `1677664800`,
		`1677664800`: `1677664800`, `"yesterday"`: `"yesterday"`,
	} {
		f := fakeOf("auth0")
		f.idToken = `{"iss": "https://acme.eu.auth0.com/", "sub": "1", "email": "a", "updated_at": ` + text + `}`
		p, w := f.provider(t, nil)
		c, err := w.signIn(p)
		require.NoError(t, err)
		raw, err := json.Marshal(c.Values["updated_at"])
		require.NoError(t, err)
		require.Equal(t, want, string(raw))
	}
}

func TestInstallationsOfOnesOwn(t *testing.T) {
	f := hosted("gitlab", "https://git.acme.example", "https://git.acme.example", "/oauth/authorize", "/oauth/token", "/oauth/userinfo")
	p, w := f.provider(t, nil)
	c, err := w.signIn(p)
	require.NoError(t, err)
	require.Equal(t, "https://git.acme.example", c.Issuer)
	require.Zero(t, w.asked["GET https://gitlab.com/.well-known/openid-configuration"])

	f = fakeOf("uaepass")
	f.ask, f.token, f.answers = "https://stg-id.uaepass.ae/idshub/authorize", "https://stg-id.uaepass.ae/idshub/token", map[string]string{"GET https://stg-id.uaepass.ae/idshub/userinfo": f.answers[f.person]}
	p, w = f.provider(t, func(s *oidc.Settings) {
		s.AuthURL, s.TokenURL, s.UserInfoURL = f.ask, f.token, "https://stg-id.uaepass.ae/idshub/userinfo"
	})
	c, err = w.signIn(p)
	require.NoError(t, err)
	require.Equal(t, "https://stg-id.uaepass.ae", c.Issuer, "its people are not those of the public one")

	f = fakeOf("facebook")
	f.answers = map[string]string{"GET https://graph.acme.example/me?appsecret_proof={proof}": f.answers[f.person]}
	p, w = f.provider(t, func(s *oidc.Settings) { s.UserInfoURL = "https://graph.acme.example/me" })
	_, err = w.signIn(p)
	require.NoError(t, err)

	_, err = oidc.New(oidc.Settings{ID: "acme", Kind: "jackson", ClientID: "foyer"}, oidc.Deps{})
	require.ErrorContains(t, err, "issuer_url: required, but missing")
}

// LINE reads the id_token for us; what it read must be ours.
func TestLineTokensOfOthers(t *testing.T) {
	for _, answer := range []string{
		`{"iss": "https://access.line.me", "sub": "1", "aud": "other"}`, `{"iss": "https://access.line.me", "sub": "1"}`,
		`{"iss": "https://evil.example", "sub": "1", "aud": "foyer"}`, `{"sub": "1", "aud": "foyer"}`, `{"iss": "https://access.line.me", "sub": "1", "aud": ["foyer"]}`,
	} {
		f := fakeOf("line")
		f.answers[f.person] = answer
		p, w := f.provider(t, nil)
		c, err := w.signIn(p)
		require.Nil(t, c)
		require.ErrorAs(t, err, new(*oidc.Untrusted), answer)
	}
	f := fakeOf("line")
	f.answer = `{"access_token": "the-access-token", "token_type": "Bearer"}`
	p, w := f.provider(t, nil)
	_, err := w.signIn(p)
	denied := (*oidc.Denied)(nil)
	require.ErrorAs(t, err, &denied)
	require.Equal(t, `Authentication failed because no id_token was returned. Please accept the "openid" permission and try again.`, denied.Reason)
	require.Zero(t, w.asked[lineVerify])
}

// An address that the token is not good for is missing, and nothing else is.
func TestAddressesThatAreWithheld(t *testing.T) {
	for kind, place := range map[string]string{"linkedin": linkedinMail, "github": githubMails, "github-app": githubMails} {
		for status, missing := range map[int]bool{400: true, 401: true, 403: true, 404: true, 408: false, 429: false, 500: false, 302: false} {
			p, w := fakeOf(kind).provider(t, nil)
			w.lies[place] = func() (int, string) { return status, `{"message": "x"}` }
			c, err := w.signIn(p)
			if !missing {
				refused(t, c, err, "%s %d", kind, status)
				continue
			}
			require.NoError(t, err, "%s %d", kind, status)
			require.Equal(t, "Jo Doe", c.Values["name"])
			require.NotContains(t, c.Values, "email")
			require.NotContains(t, c.Values, "email_verified")
		}
	}
}

func TestCodesOfOthers(t *testing.T) {
	for kind, answer := range map[string]string{
		"vk": `{"error": "invalid_grant", "error_description": "code is expired"}`, "github": `{"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}`,
		"discord": `{"error": "invalid_grant", "error_description": "Invalid \"code\" in request."}`,
	} {
		f := fakeOf(kind)
		f.answer = answer
		p, w := f.provider(t, nil)
		c, err := w.signIn(p)
		require.Nil(t, c)
		require.ErrorAs(t, err, new(*oidc.Untrusted), kind)
		require.Zero(t, w.asked[f.person])
	}
	for _, answer := range []string{`{"code": "invalidParameter.authCode.notFound", "message": "the code is not found"}`, `{"accessToken": 7}`, `{"accessToken": ""}`} {
		f := fakeOf("dingtalk")
		f.answer = answer
		p, w := f.provider(t, nil)
		c, err := w.signIn(p)
		refused(t, c, err, answer)
		require.False(t, strings.Contains(err.Error()+w.log.String(), "the-"), "no secret, no token")
	}
}
