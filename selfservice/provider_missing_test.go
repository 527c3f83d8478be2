package selfservice_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// withWebsite is a schema that asks for what providers do not know.
var withWebsite = enginetest.WithSchema(strings.Replace(strings.Replace(enginetest.PersonSchema,
	`"required": ["email"]`, `"required": ["email", "website", "plan"]`, 1),
	`"age":`, `"website": {"type": "string", "title": "Website", "format": "uri"}, "age":`, 1))

// What the provider leaves out is asked for here, with what was typed before and
// what the provider said; finishing it asks the provider no second time.
func TestProviderLeavesOut(t *testing.T) {
	for _, door := range []string{"registration", "login"} {
		t.Run(door, func(t *testing.T) {
			p := withProvider(t, map[string]any{"mapping": map[string]any{"traits": map[string]any{"email": "email", "name.first": "given_name", "name.last": "family_name"}}}, withWebsite)
			for n, c := range p.Clients() {
				p.op.SetPerson(opsim.Person{"sub": door + string(rune('a'+n)), "email": door + string(rune('a'+n)) + "@example.com", "given_name": "Ada", "family_name": "Lovelace"})
				asked := len(p.op.Requests(opsim.Token))
				query := ""
				if c.Kind == enginetest.Native {
					query = "return_session_token_exchange_code=true"
				}
				f := c.OpenKind(door, query)
				typed := by("op")
				if door == "registration" {
					typed = typed.With("traits.plan", "pro").With("traits.name.last", "Byron").With("traits.email", "")
				}
				a := c.Visit(p.op, c.Submit(f, typed))
				if c.Kind == enginetest.Native {
					f = c.Unfinished("registration", f, a)
				} else {
					f = c.Landed("registration", a)
				}
				require.Equal(t, n, p.Identities(), "nobody yet")
				if door == "login" && n == 0 {
					require.NotContains(t, fmt.Sprint(p.Rows()), "Lovelace", "what the provider says is sealed")
				}
				require.Equal(t, "oidc", f.Active)
				require.Equal(t, []int{4000002}, f.IDs("traits.website"))
				require.Equal(t, "oidc", f.Node("traits.website").Group)
				require.Equal(t, "Ada", f.Value("traits.name.first"))
				require.Equal(t, 1040003, f.Node("provider").Meta.Label.ID)
				require.Nil(t, f.Node("password"), "another method would forget who the provider says it is")
				if door == "registration" {
					require.Equal(t, "pro", f.Value("traits.plan"))
					require.Equal(t, "Byron", f.Value("traits.name.last"), "what was typed stands above what the provider says")
				}
				require.Equal(t, 1040008, f.Node("screen").Meta.Label.ID)
				last, rest := f.Value("traits.name.last"), enginetest.Values{
					"provider": "op", "traits.email": f.Value("traits.email"), "traits.plan": "pro", "traits.name.first": "Ada", "traits.name.last": f.Value("traits.name.last"),
				}
				f = c.Refused(f, rest.With("traits.website", "no address"))
				require.Equal(t, "no address", f.Value("traits.website"))
				require.Equal(t, last, f.Value("traits.name.last"))
				back := c.Say(f, values{"screen": "previous", "traits.plan": "free", "traits.email": f.Value("traits.email")})
				require.Equal(t, 1040002, back.Node("provider").Meta.Label.ID)
				require.NotNil(t, back.Node("password"), "any method again")
				require.Equal(t, "free", back.Value("traits.plan"))
				require.Nil(t, back.Value("traits.name.first"), "what the provider said is given up")
				a = c.Visit(p.op, c.Submit(back, by("op")))
				asked++
				if c.Kind != enginetest.Native {
					f = c.Landed("registration", a)
				} else {
					f = c.Unfinished("registration", back, a)
				}
				done := c.Adopt(c.Submit(f, rest.With("traits.website", "https://ada.example.com")))
				require.Less(t, done.Status, 400, "%s", done.Body)
				require.True(t, c.SignedIn())
				require.Equal(t, asked+1, len(p.op.Requests(opsim.Token)), "the provider was asked once, and once for each time somebody went there")
				require.Equal(t, n+1, p.Identities())
				require.Contains(t, string(c.Whoami("").Body), `"website":"https://ada.example.com"`)
			}
		})
	}
}

// A page sends the fields that were left alone, too, with the button of a provider:
// they are told as missing, not as too short.
func TestFieldsLeftAloneAreMissing(t *testing.T) {
	p := withProvider(t, nil)
	p.op.SetPerson(opsim.Person{"sub": "ada"})
	b := p.Browser()
	f := b.Landed("registration", b.Visit(p.op, b.Submit(b.OpenKind("registration", ""), by("op").With("traits.email", "").With("traits.name.first", ""))))
	require.Equal(t, []int{4000002}, f.IDs("traits.email"))
	require.Empty(t, f.IDs("traits.name.first"))
	require.Zero(t, p.Identities())
}
