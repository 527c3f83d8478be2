package session_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/web"
)

type client = *enginetest.Client

const cookieName = "ory_kratos_session"

// signUp registers somebody with a native client and returns the token.
func signUp(t *testing.T, env *enginetest.Env, email string) (token, identity string) {
	t.Helper()
	c := env.Native()
	a := c.Submit(c.Open(""), enginetest.Person(email))
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	return a.JSON()["session_token"].(string), a.JSON()["identity"].(map[string]any)["id"].(string)
}

// signUpBrowser does so with a browser, which then holds the cookie.
func signUpBrowser(t *testing.T, env *enginetest.Env, email string) (c client, identity string) {
	t.Helper()
	c = env.SPA()
	a := c.Submit(c.Open(""), enginetest.Person(email))
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	return c, a.JSON()["identity"].(map[string]any)["id"].(string)
}

// ask sends whoami with headers given as pairs, from a client without any.
func ask(env *enginetest.Env, headers ...string) *enginetest.Answer {
	c := env.Native()
	req := c.Request(http.MethodGet, "/sessions/whoami", nil)
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = append(req.Header[headers[i]], headers[i+1])
	}
	return c.Do(req)
}

func TestWhoami(t *testing.T) {
	env := enginetest.New(t)
	token, id := signUp(t, env, "ada@example.org")
	b, other := signUpBrowser(t, env, "grace@example.org")
	cookie := cookieName + "=" + b.Cookie(cookieName)
	second, _ := signUp(t, env, "mary@example.org")
	wrong := "ory_st_" + strings.Repeat("w", len(token)-7)
	for name, one := range map[string]struct {
		want    string // an identity, or "" for nobody
		headers []string
	}{
		"token":                             {id, []string{"X-Session-Token", token}},
		"bearer":                            {id, []string{"Authorization", "Bearer " + token}},
		"bearer in lower case":              {id, []string{"Authorization", "bearer " + token}},
		"bearer in upper case":              {id, []string{"Authorization", "BEARER " + token}},
		"cookie":                            {other, []string{"Cookie", cookie}},
		"cookie among others":               {other, []string{"Cookie", "a=b; " + cookie + "; c=d"}},
		"cookie after a broken one":         {other, []string{"Cookie", cookieName + "=x; " + cookie}},
		"token before cookie":               {id, []string{"X-Session-Token", token, "Cookie", cookie}},
		"cookie before bearer":              {other, []string{"Cookie", cookie, "Authorization", "Bearer " + token}},
		"token before bearer":               {id, []string{"X-Session-Token", token, "Authorization", "Bearer " + second}},
		"wrong token, good cookie":          {"", []string{"X-Session-Token", wrong, "Cookie", cookie}},
		"empty token, good cookie":          {other, []string{"X-Session-Token", "", "Cookie", cookie}},
		"broken cookie, good bearer":        {id, []string{"Cookie", cookieName + "=x", "Authorization", "Bearer " + token}},
		"nothing":                           {"", nil},
		"basic":                             {"", []string{"Authorization", "Basic " + token}},
		"bearer without a token":            {"", []string{"Authorization", "Bearer "}},
		"the scheme alone":                  {"", []string{"Authorization", "Bearer"}},
		"token as bearer twice":             {"", []string{"Authorization", "Bearer Bearer " + token}},
		"token without a scheme":            {"", []string{"Authorization", token}},
		"token in the cookie":               {"", []string{"Cookie", cookieName + "=" + token}},
		"sealed cookie as a token":          {"", []string{"X-Session-Token", b.Cookie(cookieName)}},
		"cookie under another name":         {"", []string{"Cookie", "session=" + b.Cookie(cookieName)}},
		"cookie in another case":            {"", []string{"Cookie", "ORY_kratos_session=" + b.Cookie(cookieName)}},
		"cookie with a look-alike prefix":   {"", []string{"Cookie", "__Host-" + cookie}},
		"cookie with a prefix in lower":     {"", []string{"Cookie", "__host-" + cookie}},
		"cookie with a prefix __Secure-":    {"", []string{"Cookie", "__Secure-" + cookie}},
		"cookie with a prefix __SECURE-":    {"", []string{"Cookie", "__SECURE-" + cookie}},
		"cookie with a blank in the name":   {"", []string{"Cookie", "ory_kratos session=" + b.Cookie(cookieName)}},
		"cookie with more behind the name":  {"", []string{"Cookie", cookieName + "2=" + b.Cookie(cookieName)}},
		"cookie with less of the name":      {"", []string{"Cookie", "ory_kratos=" + b.Cookie(cookieName)}},
		"cookie with an encoded name":       {"", []string{"Cookie", "ory%5Fkratos_session=" + b.Cookie(cookieName)}},
		"cookie in a header of its own":     {"", []string{"X-Session-Cookie", b.Cookie(cookieName)}},
		"csrf cookie in place of a session": {"", []string{"Cookie", cookieName + "=" + b.Cookie("csrf_token")}},
	} {
		a := ask(env, one.headers...)
		if one.want == "" {
			require.Equal(t, http.StatusUnauthorized, a.Status, name)
			require.Equal(t, "session_inactive", a.ErrorID(), name)
			require.Empty(t, a.Header.Get("X-Kratos-Authenticated-Identity-Id"), name)
			continue
		}
		require.Equal(t, http.StatusOK, a.Status, "%s: %s", name, a.Body)
		require.Equal(t, one.want, a.JSON()["identity"].(map[string]any)["id"], name)
		require.Equal(t, one.want, a.Header.Get("X-Kratos-Authenticated-Identity-Id"), name)
		require.NotContains(t, string(a.Body), token, name)
	}
}

func TestWhoamiShape(t *testing.T) {
	env := enginetest.New(t)
	token, id := signUp(t, env, "ada@example.org")
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"} {
		c := env.Native()
		req := c.Request(method, "/sessions/whoami", nil)
		req.Header.Set("X-Session-Token", token)
		a := c.Do(req)
		require.Equal(t, http.StatusOK, a.Status, method)
		require.Equal(t, id, a.Header.Get("X-Kratos-Authenticated-Identity-Id"), method)
		if method == "HEAD" {
			require.Empty(t, a.Body)
			continue
		}
		s := a.JSON()
		require.Equal(t, true, s["active"])
		require.Equal(t, "aal1", s["authenticator_assurance_level"])
		device := s["devices"].([]any)[0].(map[string]any)
		require.Equal(t, "127.0.0.1", device["ip_address"])
		require.Equal(t, "Go-http-client/1.1", device["user_agent"])
		require.Contains(t, device, "location")
		who := s["identity"].(map[string]any)
		require.NotContains(t, who, "credentials")
		require.NotContains(t, who, "metadata_admin")
	}
	c := env.Native()
	c.Head.Set("X-Session-Token", token)
	require.Equal(t, "session_tokenizer_unknown", c.Get("/sessions/whoami?tokenize_as=jwt").ErrorID())
	require.Equal(t, http.StatusOK, c.Get("/sessions/whoami?tokenize_as=").Status)
}

// How long a service in front may keep an answer is said where the operator
// lets it, and never longer than the session holds.
func TestWhoamiMayBeKept(t *testing.T) {
	for _, one := range []struct {
		options []enginetest.Option
		first   string // at the beginning, and half an hour before the end
		last    string
	}{
		{nil, "", ""},
		{[]enginetest.Option{enginetest.With("feature_flags.cacheable_sessions_max_age", "1m")}, "", ""},
		{[]enginetest.Option{enginetest.With("feature_flags.cacheable_sessions", true)}, "7199", "1799"},
		{[]enginetest.Option{enginetest.With("feature_flags.cacheable_sessions", true), enginetest.With("feature_flags.cacheable_sessions_max_age", "45m")}, "2700", "1799"},
	} {
		env := enginetest.New(t, append(one.options, enginetest.With("session.lifespan", "2h"))...)
		token, _ := signUp(t, env, "ada@example.org")
		a := env.Native().Whoami(token)
		require.Equal(t, one.first, a.Header.Get("Ory-Session-Cache-For"))
		require.Equal(t, "private, no-cache, no-store, must-revalidate", a.Header.Get("Cache-Control"))
		env.Clock.Advance(90 * time.Minute)
		require.Equal(t, one.last, env.Native().Whoami(token).Header.Get("Ory-Session-Cache-For"))
		require.Empty(t, env.Native().Whoami("").Header.Get("Ory-Session-Cache-For"))
	}
}

// Forwarding headers of whoever connects say nothing about where from.
func TestDeviceAddressIsThePeers(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Forwarded"} {
		c.Head.Set(name, "203.0.113.7")
	}
	a := c.Submit(c.Open(""), enginetest.Person("ada@example.org"))
	require.Equal(t, "127.0.0.1", c.Whoami(a.JSON()["session_token"].(string)).JSON()["devices"].([]any)[0].(map[string]any)["ip_address"])
}

// A listed proxy says it, with the one header that proxies write the peer
// behind, and whoever stands before the proxy does not.
func TestDeviceAddressByAListedProxy(t *testing.T) {
	env := enginetest.New(t, enginetest.With("serve.public.trusted_proxies", []string{"127.0.0.0/8"}))
	for forwarded, want := range map[string]string{
		"203.0.113.7":                          "203.0.113.7",
		"198.51.100.9, 203.0.113.7":            "203.0.113.7",
		"198.51.100.9, 203.0.113.7, 127.0.0.2": "203.0.113.7",
		"2001:db8::7":                          "2001:db8::7",
		"203.0.113.7, unknown":                 "127.0.0.1",
		"":                                     "127.0.0.1",
	} {
		c := env.Native()
		for _, name := range []string{"X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip"} {
			c.Head.Set(name, "192.0.2.66")
		}
		c.Head.Set("X-Forwarded-For", forwarded)
		a := c.Submit(c.Open(""), enginetest.Person(fmt.Sprintf("ada%d@example.org", env.Identities())))
		require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
		require.Equal(t, want, c.Whoami(a.JSON()["session_token"].(string)).JSON()["devices"].([]any)[0].(map[string]any)["ip_address"], forwarded)
	}
}

// Only the exact token is one: 10,000 others that are like it are not, wherever
// they are presented.
func TestMutatedTokens(t *testing.T) {
	env := enginetest.New(t)
	token, _ := signUp(t, env, "ada@example.org")
	mutants := mutated(token, 10_000)
	require.GreaterOrEqual(t, len(mutants), 10_000)
	present := []func(r *http.Request, token string){
		func(r *http.Request, token string) { r.Header["X-Session-Token"] = []string{token} },
		func(r *http.Request, token string) { r.Header["Authorization"] = []string{"Bearer " + token} },
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for n := worker; n < len(mutants); n += 4 {
				r := httptest.NewRequest(http.MethodGet, "/sessions/whoami", nil)
				present[n/4%2](r, mutants[n])
				w := httptest.NewRecorder()
				env.App.Public.ServeHTTP(w, r)
				if w.Code != http.StatusUnauthorized {
					t.Errorf("%q: %d", mutants[n], w.Code)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, http.StatusOK, env.Native().Whoami(token).Status)
}

// mutated makes n strings at least that are like token and not token.
func mutated(token string, n int) (mutants []string) {
	prefix := len(token) - 32
	seen := map[string]bool{token: true}
	try := func(mutant string) {
		if !seen[mutant] && strings.TrimSpace(mutant) != token {
			seen[mutant] = true
			mutants = append(mutants, mutant)
		}
	}
	for i := range token {
		try(token[:i])
		try(token[i:])
		try(token[:i] + token[i+1:])
		flip := []byte(token)
		if flip[i] ^= 0x20; flip[i] > 0x20 && flip[i] < 0x7f { // no client sends that
			try(string(flip))
		}
		try(token[:i] + "x" + token[i:])
	}
	for _, s := range []string{
		strings.ToUpper(token), strings.ToLower(token), token + "=", token + "==", token + "A", token + token, token[:prefix] + token,
		token[prefix:], "ory_lo_" + token[prefix:], "ory_st_" + token[prefix:], strings.Replace(token, "_", "%5F", 1), "\"" + token + "\"", "Bearer " + token,
		hex.EncodeToString([]byte(token)), token + "%00", token + "\x00", token + ";", token + ",", "a," + token,
	} {
		try(s)
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	r := rand.New(rand.NewPCG(1, 2))
	for len(mutants) < n {
		b := []byte(token)
		for range 1 + r.IntN(3) {
			b[prefix+r.IntN(32)] = letters[r.IntN(len(letters))]
		}
		try(string(b))
	}
	return mutants
}

// A sealed cookie opens as a whole or not at all.
func TestMutatedCookies(t *testing.T) {
	env := enginetest.New(t)
	b, _ := signUpBrowser(t, env, "ada@example.org")
	value := b.Cookie(cookieName)
	for i := range value {
		flip := []byte(value)
		flip[i] ^= 1
		if a := ask(env, "Cookie", cookieName+"="+string(flip)); a.Status != http.StatusUnauthorized {
			t.Fatalf("byte %d changed: %d", i, a.Status)
		}
	}
	for _, s := range []string{value[:len(value)-1], value + "A", value + "=", value[1:], ""} {
		require.Equal(t, http.StatusUnauthorized, ask(env, "Cookie", cookieName+"="+s).Status)
	}
	require.Equal(t, http.StatusOK, ask(env, "Cookie", cookieName+"="+value).Status)
}

// A session ends by the clock, with its identity, and by its flag.
func TestSessionEnds(t *testing.T) {
	env := enginetest.New(t, enginetest.With("session.lifespan", "2h"))
	token, id := signUp(t, env, "ada@example.org")
	b, other := signUpBrowser(t, env, "grace@example.org")
	third, _ := signUp(t, env, "mary@example.org")
	require.Equal(t, http.StatusOK, b.Whoami("").Status)

	require.Equal(t, http.StatusNoContent, env.Admin("DELETE", "/admin/identities/"+id, nil).Status)
	require.Equal(t, http.StatusUnauthorized, env.Native().Whoami(token).Status)
	require.Equal(t, http.StatusOK, b.Whoami("").Status, "nobody else's ends")

	env.Exec("UPDATE sessions SET active = 0 WHERE identity_id = ?", other)
	require.Equal(t, http.StatusUnauthorized, b.Whoami("").Status)

	expires, err := time.Parse(time.RFC3339Nano, env.Native().Whoami(third).JSON()["expires_at"].(string))
	require.NoError(t, err)
	env.Clock.Advance(expires.Sub(env.Clock.Now()) - time.Second)
	require.Equal(t, http.StatusOK, env.Native().Whoami(third).Status)
	env.Clock.Advance(time.Second)
	require.Equal(t, http.StatusUnauthorized, env.Native().Whoami(third).Status)
}

// What is stored leads nobody in: the token is nowhere, its SHA-256 is.
func TestTokenIsStoredAsHash(t *testing.T) {
	env := enginetest.New(t)
	token, _ := signUp(t, env, "ada@example.org")
	b, _ := signUpBrowser(t, env, "grace@example.org")
	for name, raw := range env.Files() {
		require.NotContains(t, string(raw), token, name)
		require.NotContains(t, string(raw), token[7:], name)
		require.NotContains(t, string(raw), b.Cookie(cookieName), name)
		require.NotContains(t, string(raw), b.Cookie("csrf_token"), name)
	}
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(token)))
	found := 0
	for _, row := range env.Rows()["session_tokens"] {
		stored, _, _ := strings.Cut(row, "\x1f")
		if stored == hash {
			found++
		}
		for _, replay := range []string{stored, "ory_st_" + stored[:32]} {
			require.Equal(t, http.StatusUnauthorized, ask(env, "X-Session-Token", replay).Status)
		}
	}
	require.Equal(t, 1, found)
}

// Every cookie of the journey has the attributes it was configured with.
func TestCookieAttributes(t *testing.T) {
	secure := []enginetest.Option{enginetest.With("cookies.secure", true), enginetest.With("cookies.same_site", "Strict")}
	host := append(secure[:2:2], enginetest.With("session.cookie.name", "__Host-session"))
	for _, one := range []struct {
		options       []enginetest.Option
		csrf, session string // what has to follow the value
	}{
		{nil, `; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`, `; Path=/; Expires=[^;]+ GMT; Max-Age=86[34]\d\d; HttpOnly; SameSite=Lax`},
		{secure, `; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Strict`, `; Path=/; Expires=[^;]+ GMT; Max-Age=86[34]\d\d; HttpOnly; Secure; SameSite=Strict`},
		{host, `; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Strict`, `; Path=/; Expires=[^;]+ GMT; Max-Age=86[34]\d\d; HttpOnly; Secure; SameSite=Strict`},
		{[]enginetest.Option{enginetest.With("session.cookie.persistent", false)}, `; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`, `; Path=/; HttpOnly; SameSite=Lax`},
	} {
		env := enginetest.New(t, one.options...)
		csrf := regexp.MustCompile(`^csrf_token_[0-9a-f]{64}=[A-Za-z0-9+/]{43}=` + one.csrf + `$`)
		session := regexp.MustCompile(`^(__Host-session|ory_kratos_session)=[A-Za-z0-9_-]+` + one.session + `$`)
		seen := map[string]int{}
		// check counts the cookies of an answer, and makes a Cookie header of them.
		check := func(a *enginetest.Answer) string {
			var pairs []string
			for _, line := range a.Header.Values("Set-Cookie") {
				require.Less(t, len(line), 4096)
				switch {
				case csrf.MatchString(line):
					seen["csrf"]++
				case session.MatchString(line):
					seen["session"]++
				default:
					t.Fatal(line)
				}
				pair, _, _ := strings.Cut(line, ";")
				pairs = append(pairs, pair)
			}
			return strings.Join(pairs, "; ")
		}
		for i := range 20 {
			// The jar of a test over http would keep no secure cookie.
			c := env.Native()
			opened := c.Get("/self-service/registration/browser")
			cookie := check(opened)
			f := opened.Flow()
			v := f.Fill(enginetest.Person(fmt.Sprintf("p%d@example.org", i)))
			c.Head.Set("Cookie", cookie)
			require.Equal(t, http.StatusBadRequest, c.Post(f.UI.Action, v.Without("password")).Status)
			a := c.Post(f.UI.Action, v)
			require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
			check(a)
			check(c.Post(f.UI.Action, v))
			check(c.Get("/self-service/registration/flows?id=" + f.ID))
		}
		require.Equal(t, map[string]int{"csrf": 60, "session": 40}, seen)
	}
}

// Signing in makes all of it new: the token, the session, the CSRF secret.
func TestNothingPlantedSurvivesSignIn(t *testing.T) {
	env := enginetest.New(t)
	planted, _ := signUp(t, env, "attacker@example.org")
	attacker, _ := signUpBrowser(t, env, "attacker2@example.org")
	for i, cookie := range []string{
		"", cookieName + "=x", cookieName + "=" + planted, cookieName + "=ory_st_" + strings.Repeat("A", 32),
		"session=" + planted, "__Host-" + cookieName + "=" + attacker.Cookie(cookieName), cookieName + "2=" + attacker.Cookie(cookieName),
		"session_id=" + planted, "JSESSIONID=x", cookieName + "=" + attacker.Cookie(cookieName)[1:],
	} {
		before := map[string]bool{}
		for _, row := range env.Rows()["sessions"] {
			id, _, _ := strings.Cut(row, "\x1f")
			before[id] = true
		}
		c := env.SPA()
		f := c.Open("")
		old := c.Cookie("csrf_token")
		contentType, body := c.Encode(f.Fill(enginetest.Person(fmt.Sprintf("victim%d@example.org", i))))
		bare := env.Native()
		req := bare.Request(http.MethodPost, f.UI.Action, strings.NewReader(string(body)))
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Cookie", strings.Trim(cookie+"; "+c.Cookies()[0].String(), "; "))
		a := bare.Do(req)
		require.Equal(t, http.StatusOK, a.Status, "%s: %s", cookie, a.Body)
		id := a.JSON()["session"].(map[string]any)["id"].(string)
		require.False(t, before[id], "a session of its own")
		set := strings.Join(a.Header.Values("Set-Cookie"), "\n")
		require.NotContains(t, set, old, "the CSRF secret is new")
		require.Contains(t, set, "csrf_token_")
		if _, value, _ := strings.Cut(cookie, "="); len(value) > 1 {
			require.NotContains(t, set, value)
		}
	}
	// Two sign-ins of one browser have nothing in common.
	one, _ := signUpBrowser(t, env, "a@example.org")
	two, _ := signUpBrowser(t, env, "b@example.org")
	require.NotEqual(t, one.Cookie(cookieName), two.Cookie(cookieName))
	require.NotEqual(t, one.Cookie("csrf_token"), two.Cookie("csrf_token"))
}

// Whatever somebody else has put into a browser before its owner signs in, the
// session of the owner has nothing of it, and what was put there leads nowhere
// new.
func TestNothingPlantedIsAdopted(t *testing.T) {
	env := enginetest.New(t)
	planted, eve := signUp(t, env, "eve@example.org")
	attacker, mallory := signUpBrowser(t, env, "mallory@example.org")
	ended, _ := signUpBrowser(t, env, "ended@example.org")
	dead := ended.Cookie(cookieName)
	link := ended.Get("/self-service/logout/browser").JSON()["logout_url"].(string)
	require.Equal(t, http.StatusNoContent, ended.Get(link).Status)
	unissued := "ory_st_" + strings.Repeat("A", 32)
	sealed := func(token string) string {
		w := httptest.NewRecorder()
		c := &web.SealedCookie{Options: web.CookieOptions{Name: cookieName}, Ring: cookieRing, Now: env.Clock.Now}
		require.NoError(t, c.Write(w, token, env.Clock.Now().Add(time.Hour)))
		return w.Result().Cookies()[0].Value
	}
	cookie := func(value string) []string { return []string{"Cookie", cookieName + "=" + value} }
	signedIn := 0
	for i, headers := range [][]string{
		cookie("x"), cookie(planted), cookie(unissued), cookie(sealed(unissued)), cookie(dead), cookie(attacker.Cookie(cookieName)),
		cookie(sealed(planted)), cookie(attacker.Cookie(cookieName)[1:]), cookie(`"` + planted + `"`), cookie(url.QueryEscape(planted)),
		cookie(dead + "; " + cookieName + "=" + attacker.Cookie(cookieName)), {"Cookie", "session=" + planted}, {"Cookie", "__Host-" + cookieName + "=" + sealed(planted)},
		{"X-Session-Token", unissued}, {"X-Session-Token", planted}, {"X-Session-Token", dead}, {"Authorization", "Bearer " + unissued}, {"Authorization", "Bearer " + planted},
		{"X-Session-Token", unissued, "Cookie", cookieName + "=" + attacker.Cookie(cookieName)}, {"X-Session-Cookie", attacker.Cookie(cookieName)},
	} {
		c := env.SPA()
		f := c.Open("")
		csrf := c.Cookies()[0]
		contentType, body := c.Encode(f.Fill(enginetest.Person(fmt.Sprintf("victim%d@example.org", i))))
		bare := env.Native()
		req := bare.Request(http.MethodPost, f.UI.Action, bytes.NewReader(body))
		req.Header.Set("Content-Type", contentType)
		for n := 0; n < len(headers); n += 2 {
			req.Header.Set(headers[n], headers[n+1])
		}
		req.Header.Set("Cookie", strings.Trim(req.Header.Get("Cookie")+"; "+csrf.String(), "; "))
		a := bare.Do(req)
		after := ask(env, headers...)
		if after.Status == http.StatusOK { // whose browser it seems to be cannot sign up once more
			require.Equal(t, "session_already_available", a.ErrorID(), "%q", headers)
			require.Empty(t, a.Header.Values("Set-Cookie"), "%q", headers)
			require.Contains(t, []any{eve, mallory}, after.JSON()["identity"].(map[string]any)["id"], "%q", headers)
		} else {
			signedIn++
			require.Equal(t, http.StatusOK, a.Status, "%q: %s", headers, a.Body)
			victim := a.JSON()["identity"].(map[string]any)["id"]
			given := map[string]string{}
			for _, one := range (&http.Response{Header: a.Header}).Cookies() {
				name, _, _ := strings.Cut(one.Name, "_token_")
				given[name] = one.Value
			}
			require.NotEqual(t, csrf.Value, given["csrf"])
			require.NotContains(t, strings.Join(headers, " "), given[cookieName])
			require.Equal(t, victim, ask(env, cookie(given[cookieName])...).JSON()["identity"].(map[string]any)["id"])
		}
	}
	require.Equal(t, 16, signedIn)
}

// So have the cookies of a session that was extended, and of one that is over.
func TestCookieAttributesToTheEnd(t *testing.T) {
	for _, one := range []struct {
		options []enginetest.Option
		more    string // behind the lifetime
	}{
		{nil, `; HttpOnly; SameSite=Lax`},
		{[]enginetest.Option{enginetest.With("cookies.secure", true), enginetest.With("cookies.same_site", "Strict"), enginetest.With("session.cookie.name", "__Host-session")}, `; HttpOnly; Secure; SameSite=Strict`},
	} {
		env := enginetest.New(t, one.options...)
		c := env.Native() // the jar of a test over http would keep no secure cookie
		opened := c.Get("/self-service/registration/browser")
		pair, _, _ := strings.Cut(opened.Header.Get("Set-Cookie"), ";")
		c.Head.Set("Cookie", pair)
		f := opened.Flow()
		var pairs []string
		for _, line := range c.Post(f.UI.Action, f.Fill(enginetest.Person("ada@example.org"))).Header.Values("Set-Cookie") {
			pair, _, _ := strings.Cut(line, ";")
			pairs = append(pairs, pair)
		}
		require.Len(t, pairs, 2)
		c.Head.Set("Cookie", strings.Join(pairs, "; "))

		env.Clock.Advance(time.Hour)
		id := c.Whoami("").JSON()["id"].(string)
		require.Equal(t, http.StatusOK, env.Admin("PATCH", "/admin/sessions/"+id+"/extend", nil).Status)
		set := c.Whoami("").Header.Values("Set-Cookie")
		require.Len(t, set, 1)
		require.Regexp(t, `^(__Host-session|ory_kratos_session)=[A-Za-z0-9_-]+; Path=/; Expires=[^;]+ GMT; Max-Age=86[34]\d\d`+one.more+`$`, set[0])

		link := c.Get("/self-service/logout/browser").JSON()["logout_url"].(string)
		set = c.Get(link).Header.Values("Set-Cookie")
		require.Len(t, set, 2)
		require.Regexp(t, `^(__Host-session|ory_kratos_session)=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0`+one.more+`$`, set[0])
		require.Regexp(t, `^csrf_token_[0-9a-f]{64}=[A-Za-z0-9+/]{43}=; Path=/; Max-Age=31536000`+one.more+`$`, set[1])
		require.Equal(t, http.StatusUnauthorized, c.Whoami("").Status)
	}
}
