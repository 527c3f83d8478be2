package selfservice_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/testdb"
)

// Whoever may not come in is told so in the same words, whatever the reason, and
// leaves the same rows.
func TestRefusedLoginsAreAlike(t *testing.T) {
	env := enginetest.New(t, enginetest.WithPasswordless(), enginetest.WithSchema(enginetest.CodeSchema))
	env.Exec("CREATE INDEX unused ON flows (id)") // the file is ours to look into
	n := 0
	next := func() string { n++; return fmt.Sprintf("somebody-%03d@example.org", n) }
	known := func() string {
		email := next()
		register(t, env.Native(), enginetest.Person(email))
		return email
	}
	for _, c := range env.Clients() {
		want := ""
		for _, row := range []struct {
			name string
			who  func() string
		}{
			{"a wrong password", known},
			{"an unknown identifier", next},
			{"nobody with a password", func() string { email := next(); person(t, env, email); return email }},
			{"inactive", func() string {
				email := known()
				env.Exec("UPDATE identities SET state = 'inactive' WHERE traits LIKE ?", "%"+email+"%")
				return email
			}},
		} {
			email := row.who()
			f := c.OpenKind("login", "")
			before := env.Rows()
			a := c.Submit(f, enginetest.Credentials(email).With("password", "not the password"))
			rows := env.Rows().Since(before)
			shown := c.Get("/self-service/login/flows?id=" + f.ID)
			got := masked(a, email) + masked(shown, email) + rows
			if want == "" {
				want = got
				require.Contains(t, got, "4000006")
				require.Equal(t, "flows~1", rows)
			}
			require.Equal(t, want, got, "%s: %s", c.Kind, row.name)
		}
	}
}

// However somebody spells what they sign in with, it is theirs.
func TestSpellingsOfAnIdentifier(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(nestedSchema))
	c := env.Native()
	register(t, c, values{"method": "password", "traits.contact.login": "Zoë.Straße@example.org", "password": "a good long Passphrase 9"})
	for typed, ok := range map[string]bool{
		"Zoë.Straße@example.org":         true,
		"zoë.straße@example.org":         true,
		"ZOË.STRASSE@EXAMPLE.ORG":        true,
		"  Zoë.Straße@example.org\t":     true,
		"Zoe\u0308.Straße@example.org":   true, // composed otherwise
		"Ｚｏë.Straße＠example.org":         true, // full width
		"Zoe.Straße@example.org":         false,
		"Zoë.Straße@example.org.":        false,
		"Zoë.Straße@example.org\u200b":   false, // a blank that nobody sees
		"Zoë.Straße@example.org\u202e":   false,
		"Zoë.Straße%@example.org":        false,
		"Zoë.Straße@example.org' OR 1=1": false,
	} {
		want := "400 form 4000006"
		if ok {
			want = "200 done session token"
		}
		a := c.Submit(c.OpenKind("login", ""), enginetest.Credentials(typed))
		require.Equal(t, want, tell(c, a), "%q: %s", typed, a.Body)
	}
}

// A phone number is known by its number.
func TestLoginByPhone(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(byPhone))
	for _, c := range env.Clients() {
		if c.Kind == enginetest.HTML {
			register(t, env.Native(), values{"method": "password", "traits.phone": "+49 30 901820", "password": "a good long Passphrase 9"})
		}
		for typed, ok := range map[string]bool{"+4930901820": true, " +49 (30) 901-820 ": true, "+49 30 901821": false, "030 901820": false, "4930901820": false, "+": false, "+999999999999999999": false} {
			fresh := clientOf(env, c.Kind)
			a := fresh.Submit(fresh.OpenKind("login", ""), enginetest.Credentials(typed))
			if ok {
				require.Less(t, a.Status, 400, "%q: %s", typed, a.Body)
				require.NotContains(t, a.Header.Get("Location"), "flow")
				continue
			}
			require.Equal(t, per(c, 400, "4000006"), tell(fresh, a), "%q", typed)
		}
	}
}

// Nothing that can be typed breaks a login, on any database.
func TestHostileIdentifiers(t *testing.T) {
	hostile := map[string]string{
		"a NUL":                  "ada\x00@example.org",
		"320 letters":            strings.Repeat("a", 320),
		"321 letters":            strings.Repeat("a", 321),
		"half a letter cut off":  strings.Repeat("a", 319) + strings.Repeat("ü", 200),
		"wide letters":           strings.Repeat("𝔄", 400),
		"letters that grow":      strings.Repeat("ﷺ", 320),
		"a megabyte, nearly":     strings.Repeat("x", 900_000),
		"line ends":              "ada@example.org\r\nBcc: eve@example.org",
		"quotes":                 `'; DROP TABLE identities; -- "`,
		"a wildcard":             "%",
		"controls":               "\x01\x02\x1b[31m\x7f",
		"a surrogate's stand-in": "\ufffd\ufffe\uffff",
		"right to left":          "\u202eada@example.org",
		"a template":             "{{ .Env }} ${7*7} <script>",
		"a plus":                 "+",
		"a comma":                "a@example.org,b@example.org",
	}
	testdb.Each(t, func(t *testing.T, dsn string) {
		for _, style := range []string{"unified", "identifier_first"} {
			env := enginetest.New(t, enginetest.WithDSN(dsn), enginetest.WithPasswordless(), enginetest.WithSchema(enginetest.CodeSchema),
				enginetest.With("selfservice.flows.login.style", style))
			clients, turn := env.Clients(), 0
			for name, typed := range hostile {
				for _, v := range []values{enginetest.Credentials(typed), {"method": "code", "identifier": typed}} {
					tryHostile(t, clients[turn%len(clients)], style, name, v)
					turn++
				}
			}
			env.Deliver()
			for _, m := range env.Inbox("") {
				require.Fail(t, "a message to nobody", m.Recipient)
			}
			require.NotContains(t, env.Logs.String(), `"status":5`)
		}
	})
}

// tryHostile takes a login as far as it gets.
func tryHostile(t *testing.T, c client, style, name string, v values) {
	t.Helper()
	f := c.OpenKind("login", "")
	say := func(v values) bool {
		a := c.Submit(f, v)
		told := tell(c, a)
		if !strings.HasPrefix(told+" ", fmt.Sprint(a.Status)+" form ") {
			require.Regexp(t, "^(303 error )?400 [a-z_]+$", told, "%s: %s", name, c.Kind)
			return false
		}
		f = c.ReadKind("login", f.ID)
		raw, err := json.Marshal(f)
		require.NoError(t, err)
		require.Less(t, len(raw), 1<<16, "%s: what is too long is not kept", name)
		return true
	}
	if style == "identifier_first" {
		if !say(values{"method": "identifier_first", "identifier": v["identifier"]}) {
			return
		}
		if f.Node("screen") == nil {
			require.NotEmpty(t, f.IDs("identifier"), name)
			return
		}
		require.NotEmpty(t, f.Value("identifier"), name)
	}
	if !say(v) {
		return
	}
	if f.State == "sent_email" {
		require.True(t, say(v.With("code", "123456")))
	}
	require.NotEmpty(t, messages(f), "%s: %s", name, c.Kind)
}

// A login is a login, whichever schema it was opened with.
func TestLoginWithSeveralSchemas(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchemas("staff", nestedSchema))
	c := env.Native()
	a := c.Submit(c.Open("identity_schema=staff"), values{"method": "password", "traits.contact.login": "Ada", "password": "a good long Passphrase 9"})
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	known := signedUp(t, env)
	for _, query := range []string{"", "identity_schema=staff", "identity_schema=default"} {
		for _, c := range env.Clients() {
			for _, v := range []values{enginetest.Credentials("ada"), known} {
				fresh := clientOf(env, c.Kind)
				f := fresh.OpenKind("login", query)
				require.Equal(t, 1070004, f.Node("identifier").Meta.Label.ID, "neither schema's title")
				a := fresh.Submit(f, v)
				require.Less(t, a.Status, 400, "%s", a.Body)
				require.NotContains(t, a.Header.Get("Location"), "flow=")
			}
		}
	}
}
