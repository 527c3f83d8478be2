package oidc_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

var (
	signedAt = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	fakeKey  = sync.OnceValue(func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
)

// trip is one sign-in with a fake, at the addresses that the provider really has.
type trip struct {
	t     *testing.T
	fake  fake
	asked map[string]int                  // requests by method and URL
	lies  map[string]func() (int, string) // answers instead, by method and URL
	query url.Values                      // of the authorization request
	log   bytes.Buffer
}

func (f fake) provider(t *testing.T, change func(*oidc.Settings)) (*oidc.Provider, *trip) {
	t.Helper()
	s := f.settings
	s.ID, s.Kind, s.ClientID, s.ClientSecret, s.RedirectBase = "acme", f.kind, "foyer", "the-client-secret", "https://foyer.example"
	s.AuthoritativeFor, s.Mapping = []string{"*"}, &oidc.Mapping{Traits: map[string]string{"email": "email", "name": "name"}}
	if f.kind == "apple" {
		raw, err := x509.MarshalPKCS8PrivateKey(fakeKey())
		require.NoError(t, err)
		s.ClientSecret, s.ApplePrivateKey = "", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	}
	if change != nil {
		change(&s)
	}
	w := &trip{t: t, fake: f, asked: map[string]int{}, lies: map[string]func() (int, string){}}
	p, err := oidc.New(s, oidc.Deps{Do: w.do, Evaluator: evaluator, Now: func() time.Time { return signedAt }, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	require.NoError(t, err)
	return p, w
}

// do answers as the provider does, and what it does not have fails the test.
func (w *trip) do(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	require.NoError(w.t, err)
	query, err := url.QueryUnescape(r.URL.String())
	require.NoError(w.t, err)
	name := r.Method + " " + query
	if form, err := url.ParseQuery(string(raw)); err == nil && r.Method == http.MethodPost && query != w.fake.token {
		for i, key := range slices.Sorted(maps.Keys(form)) {
			name += map[bool]string{true: "?", false: "&"}[i == 0] + key + "=" + form.Get(key)
		}
	}
	w.asked[name]++
	if lie := w.lies[name]; lie != nil {
		status, body := lie()
		return reply(status, body), nil
	}
	switch {
	case query == w.fake.document:
		return reply(200, w.metadata()), nil
	case query == at(w.metadata(), "jwks_uri"):
		set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: fakeKey().Public(), KeyID: "k", Use: "sig", Algorithm: "ES256"}}})
		require.NoError(w.t, err)
		return reply(200, string(set)), nil
	case name == "POST "+w.fake.token:
		return reply(200, w.trade(r, raw)), nil
	}
	answer, ok := w.answers()[name]
	require.True(w.t, ok, "%s asked for %s", w.fake.kind, name)
	if r.Method == http.MethodGet {
		header, value, _ := strings.Cut(w.bearer(), ": ")
		require.Equal(w.t, value, r.Header.Get(header), name)
	}
	return reply(200, answer), nil
}

func (w *trip) bearer() string {
	if w.fake.bearer != "" {
		return w.fake.bearer
	}
	return bearer
}

// answers are those of the fake, by names that hold what this trip has.
func (w *trip) answers() map[string]string {
	mac := hmac.New(sha256.New, []byte("the-client-secret"))
	mac.Write([]byte("the-access-token"))
	all := map[string]string{}
	for name, answer := range w.fake.answers {
		name = strings.Replace(name, "{proof}", hex.EncodeToString(mac.Sum(nil)), 1)
		if method, rest, _ := strings.Cut(name, " "); method == http.MethodPost {
			path, query, _ := strings.Cut(rest, "?")
			parts := strings.Split(query, "&")
			slices.Sort(parts)
			name = method + " " + path + "?" + strings.Join(parts, "&")
		}
		all[name] = answer
	}
	return all
}

func reply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// at is a text of a JSON object.
func at(raw, name string) string {
	var all map[string]any
	_ = json.Unmarshal([]byte(raw), &all)
	text, _ := all[name].(string)
	return text
}

func (w *trip) metadata() string {
	if w.fake.document == "" {
		return ""
	}
	issuer := `"issuer": "` + w.fake.issuer + `", `
	if strings.Contains(w.fake.metadata, `"issuer"`) {
		issuer = ""
	}
	return `{` + issuer + `"authorization_endpoint": "` + w.fake.ask + `", "token_endpoint": "` + w.fake.token + `", ` + w.fake.metadata + `}`
}

// trade looks at a token request as the provider does.
func (w *trip) trade(r *http.Request, raw []byte) string {
	got := map[string]string{}
	if r.Header.Get("Content-Type") == "application/json" {
		require.NoError(w.t, json.Unmarshal(raw, &got))
	} else {
		form, err := url.ParseQuery(string(raw))
		require.NoError(w.t, err)
		for name := range form {
			got[name] = form.Get(name)
		}
	}
	if verifier, given := got["code_verifier"]; given {
		challenge := sha256.Sum256([]byte(verifier))
		require.Equal(w.t, w.query.Get("code_challenge"), base64.RawURLEncoding.EncodeToString(challenge[:]))
		got["code_verifier"] = "{verifier}"
	}
	redirect := w.query.Get("redirect_uri")
	want := map[string]string{"grant_type": "authorization_code", "code": "the-code", "redirect_uri": redirect, "code_verifier": "{verifier}"}
	if w.fake.noPKCE {
		delete(want, "code_verifier")
	}
	switch {
	case w.fake.body != nil:
		want = maps.Clone(w.fake.body)
		if want["redirect_uri"] != "" {
			want["redirect_uri"] = redirect
		}
	case w.fake.client == "form":
		want["client_id"], want["client_secret"] = "foyer", "the-client-secret"
	}
	if w.fake.kind == "apple" {
		require.Equal(w.t, 2, strings.Count(got["client_secret"], "."), "it is a JWT")
		want["client_secret"] = got["client_secret"]
	}
	require.Equal(w.t, want, got)
	user, password, basic := r.BasicAuth()
	require.Equal(w.t, w.fake.client == "basic", basic)
	if basic {
		require.Equal(w.t, "foyer the-client-secret", user+" "+password)
	}
	if w.fake.answer == "" {
		w.fake.answer = `{"access_token": "the-access-token", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "r"`
		if w.fake.idToken != "" {
			w.fake.answer += `, "id_token": "{id_token}"`
		}
		w.fake.answer += `}`
	}
	return strings.Replace(w.fake.answer, "{id_token}", w.idToken(), 1)
}

func (w *trip) idToken() string {
	if w.fake.idToken == "" {
		return ""
	}
	claims := map[string]any{"aud": "foyer", "iat": signedAt.Unix(), "exp": signedAt.Add(time.Hour).Unix(), "nonce": w.query.Get("nonce")}
	require.NoError(w.t, json.Unmarshal([]byte(w.fake.idToken), &claims))
	raw, err := json.Marshal(claims)
	require.NoError(w.t, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: fakeKey(), KeyID: "k"}}, nil)
	require.NoError(w.t, err)
	signed, err := signer.Sign(raw)
	require.NoError(w.t, err)
	text, err := signed.CompactSerialize()
	require.NoError(w.t, err)
	return text
}

// signIn goes to the provider and comes back.
func (w *trip) signIn(p *oidc.Provider) (*oidc.Claims, error) {
	w.t.Helper()
	to, kept, err := p.Depart(w.t.Context(), oidc.Departure{State: "the-state"})
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(to)
	require.NoError(w.t, err)
	w.query = u.Query()
	u.RawQuery = ""
	require.Equal(w.t, w.fake.ask, u.String())
	params := map[string]string{"code": "the-code", "state": "the-state"}
	maps.Copy(params, w.fake.back)
	return p.Arrive(w.t.Context(), kept, params)
}

func TestEveryKindHasAFake(t *testing.T) {
	var have []string
	for _, f := range fakes {
		have = append(have, f.kind)
	}
	slices.Sort(have)
	require.Equal(t, oidc.Kinds(), have)
	require.Equal(t, []string{
		"amazon", "apple", "auth0", "dingtalk", "discord", "facebook", "generic", "github", "github-app", "gitlab", "google", "hydra", "jackson",
		"keycloak", "lark", "line", "linkedin", "linkedin_v2", "microsoft", "netid", "ory", "patreon", "salesforce", "slack", "spotify", "twitch",
		"uaepass", "vk", "x", "yandex",
	}, oidc.Kinds())
}

// A sign-in at each kind, from the page that people are sent to until there is
// a person.
func TestSignInWithEveryKind(t *testing.T) {
	for _, f := range fakes {
		t.Run(f.kind, func(t *testing.T) {
			p, w := f.provider(t, nil)
			c, err := w.signIn(p)
			require.NoError(t, err, w.log.String())
			w.checkQuery(f.params)

			require.Equal(t, f.subject, c.Subject)
			require.Equal(t, f.issuer, c.Issuer)
			require.Equal(t, "the-access-token", c.Tokens.Access)
			require.Equal(t, f.subject, c.Values["sub"])
			require.Equal(t, f.issuer, c.Values["iss"])
			require.NotEmpty(t, c.Values["raw_claims"])
			values := maps.Clone(c.Values)
			for _, name := range []string{"iss", "sub", "nonce", "raw_claims"} {
				delete(values, name)
			}
			got, err := json.Marshal(values)
			require.NoError(t, err)
			require.JSONEq(t, f.want, string(got))

			person, err := p.Person(t.Context(), c, nil)
			require.NoError(t, err)
			require.Equal(t, values["email"], person.Traits["email"])
			var proved []oidc.Proved
			if values["email_verified"] == true {
				proved = []oidc.Proved{{Via: "email", Value: values["email"].(string)}}
			}
			if f.phone {
				proved = append(proved, oidc.Proved{Via: "sms", Value: values["phone_number"].(string)})
			}
			require.Equal(t, proved, person.Proved)

			for name := range w.answers() {
				require.Equal(t, 1, w.asked[name], name)
			}
			require.Equal(t, 1, w.asked["POST "+f.token])
			require.Empty(t, w.log.String())
		})
	}
}

// checkQuery looks at the authorization request: it is this one and no other.
func (w *trip) checkQuery(more map[string]string) {
	w.t.Helper()
	want := map[string]string{
		"client_id": "foyer", "response_type": "code", "state": "the-state", "redirect_uri": "https://foyer.example/self-service/methods/oidc/callback/acme",
	}
	if !w.fake.noPKCE {
		want["code_challenge"], want["code_challenge_method"] = w.query.Get("code_challenge"), "S256"
		require.Len(w.t, want["code_challenge"], 43)
	}
	if w.fake.scope != "" {
		want["scope"] = w.fake.scope
	}
	if w.fake.document != "" {
		want["nonce"] = w.query.Get("nonce")
		require.GreaterOrEqual(w.t, len(want["nonce"]), 22)
	}
	maps.Copy(want, more)
	got := map[string]string{}
	for name := range w.query {
		require.Len(w.t, w.query[name], 1)
		got[name] = w.query.Get(name)
	}
	require.Equal(w.t, want, got)
}

func TestEveryKindAsksForAFreshSignIn(t *testing.T) {
	for _, f := range fakes {
		t.Run(f.kind, func(t *testing.T) {
			p, w := f.provider(t, nil)
			to, _, err := p.Depart(t.Context(), oidc.Departure{State: "the-state", Reauthenticate: true})
			require.NoError(t, err)
			u, err := url.Parse(to)
			require.NoError(t, err)
			w.query = u.Query()
			again := map[string]string{"prompt": "login"}
			if f.again != nil {
				again = f.again
			}
			more := maps.Clone(f.params)
			if more == nil {
				more = map[string]string{}
			}
			maps.Copy(more, again)
			w.checkQuery(more)
		})
	}
}

// One who says force has an app there that wants it, and nobody goes without
// silently otherwise.
func TestWithoutPKCE(t *testing.T) {
	for _, f := range fakes {
		for pkce, sent := range map[string]bool{"": !f.noPKCE, oidc.PKCEAuto: !f.noPKCE, oidc.PKCEForce: true, oidc.PKCENever: false} {
			p, _ := f.provider(t, func(s *oidc.Settings) { s.PKCE = pkce })
			to, kept, err := p.Depart(t.Context(), oidc.Departure{State: "the-state"})
			require.NoError(t, err)
			u, err := url.Parse(to)
			require.NoError(t, err)
			require.Equal(t, sent, u.Query().Has("code_challenge"), "%s %s", f.kind, pkce)
			require.Equal(t, sent, kept.Verifier != "", "%s %s", f.kind, pkce)
			require.Equal(t, pkce == oidc.PKCEForce, !strings.HasSuffix(p.RedirectURI(), "/acme"))
		}
	}
}

// What an operator asks for by name takes the place of what a kind does.
func TestRequestedClaimsTakeThePlaceOfAKindsOwn(t *testing.T) {
	for _, kind := range []string{"twitch", "netid", "generic"} {
		p, _ := fakeOf(kind).provider(t, func(s *oidc.Settings) { s.RequestedClaims = json.RawMessage(`{"id_token":{"email":null}}`) })
		to, _, err := p.Depart(t.Context(), oidc.Departure{State: "the-state"})
		require.NoError(t, err)
		u, err := url.Parse(to)
		require.NoError(t, err)
		require.Equal(t, []string{`{"id_token":{"email":null}}`}, u.Query()["claims"], kind)
	}
}

// Whatever breaks at a provider, at whichever of its addresses: nobody signs in
// as somebody else, and no address is proved by half an answer.
func TestBrokenAnswersOfEveryKind(t *testing.T) {
	for _, f := range fakes {
		t.Run(f.kind, func(t *testing.T) {
			_, sample := f.provider(t, nil)
			places := []string{"POST " + f.token}
			if f.document != "" {
				places = append(places, "GET "+f.document, "GET "+at(sample.metadata(), "jwks_uri"))
			}
			for _, place := range slices.Concat(places, slices.Collect(maps.Keys(sample.answers()))) {
				// Beside an id_token, userinfo only adds to what is known.
				optional := sample.answers()[place] != "" && (f.document != "" || f.answers[f.person] != sample.answers()[place])
				for name, lie := range map[string]struct {
					status int
					body   string
				}{
					"nothing": {200, ""}, "no content": {204, ""}, "an empty object": {200, "{}"}, "null": {200, "null"}, "a list": {200, "[]"}, "a number": {200, "7"},
					"a page": {200, "<!doctype html><title>the-client-secret</title>"}, "half": {200, `{"id": "1", "sub": "1"`}, "a failure": {500, `{"error": "x"}`},
					"busy": {503, ""}, "a limit": {429, ""}, "not allowed": {403, "{}"}, "an error": {200, `{"error": "invalid_token", "code": 7, "ok": false}`}, "elsewhere": {302, ""},
				} {
					p, w := f.provider(t, nil)
					w.lies[place] = func() (int, string) { return lie.status, lie.body }
					c, err := w.signIn(p)
					if err == nil && optional {
						require.Equal(t, f.subject, c.Subject, "%s at %s", name, place)
						require.Nil(t, c.Values["email"], "%s at %s", name, place)
						require.Nil(t, c.Values["email_verified"], "%s at %s", name, place)
						continue
					}
					refused(t, c, err, "%s at %s", name, place)
					require.NotContains(t, err.Error()+w.log.String(), "the-", "%s at %s", name, place)
				}
			}
		})
	}
}

// refused says that err is one of those a sign-in ends with, and c nobody.
func refused(t *testing.T, c *oidc.Claims, err error, why ...any) {
	t.Helper()
	require.Nil(t, c, why...)
	require.Error(t, err, why...)
	var lie *oidc.Untrusted
	var denied *oidc.Denied
	if !errors.As(err, &lie) && !errors.As(err, &denied) {
		require.NotNil(t, fail.As(err), "%v", err)
		require.Equal(t, "oidc_provider_unavailable", fail.As(err).ID)
		require.Equal(t, fail.Upstream, fail.As(err).Kind)
	}
}

// A person without an id, or with one that is none, is nobody.
func TestNoSubject(t *testing.T) {
	for _, f := range fakes {
		if f.document != "" {
			continue // the table of lies has those
		}
		t.Run(f.kind, func(t *testing.T) {
			for _, id := range []string{`""`, `null`, `true`, `{}`, `["` + f.subject + `"]`, `" "`, `"` + strings.Repeat("x", 256) + `"`, `1.5`, `-1`, `"a\u0000b"`, `"ü"`} {
				p, w := f.provider(t, nil)
				whole := w.fake.answers[f.person]
				changed := strings.ReplaceAll(whole, `"`+f.subject+`"`, id)
				if changed == whole {
					changed = strings.ReplaceAll(whole, `": `+f.subject, `": `+id)
				}
				require.NotEqual(t, whole, changed)
				w.fake.answers = maps.Clone(f.answers)
				w.fake.answers[f.person] = changed
				c, err := w.signIn(p)
				refused(t, c, err, id)
			}
		})
	}
}

// What a provider calls verified counts as JSON's true only.
func TestVerifiedInOtherWordsIsNone(t *testing.T) {
	for _, f := range fakes {
		for _, word := range []string{`"is_email_verified": `, `"verified": `, `"email_verified": `} {
			if !strings.Contains(f.answers[f.person]+f.answers[githubMails]+f.idToken, word+"true") || f.kind == "vk" || f.kind == "microsoft" {
				continue
			}
			t.Run(f.kind, func(t *testing.T) {
				for _, other := range []string{`"true"`, `1`, `false`, `null`, `"yes"`, `[true]`} {
					p, w := f.provider(t, nil)
					w.fake.answers = map[string]string{}
					for name, answer := range f.answers {
						w.fake.answers[name] = strings.ReplaceAll(answer, word+"true", word+other)
					}
					w.fake.idToken = strings.ReplaceAll(f.idToken, word+"true", word+other)
					c, err := w.signIn(p)
					require.NoError(t, err)
					require.NotNil(t, c.Values["email"])
					person, err := p.Person(t.Context(), c, nil)
					require.NoError(t, err)
					require.Empty(t, person.Proved, "%s %s", f.kind, other)
				}
			})
		}
	}
}

func TestKindsThatAreNone(t *testing.T) {
	for kind, why := range map[string]string{
		"fedcm-test": "provider: fedcm-test is for the tests of those who made it, and signs nobody in",
		"myspace":    "provider: expected one of amazon, apple, auth0,",
		"":           "provider: expected one of amazon, apple, auth0,",
		"Google":     "provider: expected one of amazon, apple, auth0,",
	} {
		_, err := oidc.New(oidc.Settings{ID: "acme", Kind: kind, ClientID: "foyer"}, oidc.Deps{})
		require.ErrorContains(t, err, why)
	}
}

func TestGoogle(t *testing.T) {
	b := newBench(t, func(_ *bench, s *oidc.Settings) { s.Kind, s.IssuerURL = "google", "https://elsewhere.example" })
	b.at("https://accounts.google.com")
	q, _ := b.depart(oidc.Departure{Parameters: object{"hd": "example.org"}})
	require.Equal(t, "openid email profile", q.Get("scope"))
	require.Equal(t, "example.org", q.Get("hd"))
	c, err := b.signIn(nil)
	require.NoError(t, err)
	require.Equal(t, "https://accounts.google.com", c.Issuer)

	for _, iss := range []string{"accounts.google.com", "https://elsewhere.example", b.op.URL} {
		b.op.claims = func(c object) { c["iss"] = iss }
		c, err = b.signIn(nil)
		b.disbelieves(c, err, iss)
	}
}
