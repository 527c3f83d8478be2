package selfservice_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/opsim"
)

// meanwhile is a running program in which something happens while it asks a hook,
// after it has looked who comes by a provider and before it stores that: at each of
// the next questions, as many as set says.
func meanwhile(t *testing.T) (p *provided, set func(times int, happens func())) {
	t.Helper()
	r, err := hooksim.Start()
	require.NoError(t, err)
	t.Cleanup(r.Close)
	p = withProvider(t, nil, asksAfter("login", r), asksAfter("registration", r))
	var left atomic.Int64
	return p, func(times int, happens func()) {
		left.Store(int64(times))
		r.SetFunc(func(hooksim.Call) string {
			if left.Add(-1) >= 0 {
				happens()
			}
			return "ok"
		})
	}
}

// asksAfter has a hook asked after flows of a kind.
func asksAfter(kind string, r *hooksim.Receiver) enginetest.Option {
	hook := map[string]any{"hook": "web_hook", "config": map[string]any{"id": kind, "url": r.URL(""), "method": "POST", "timeout": "20s", "can_interrupt": true}}
	return enginetest.With("selfservice.flows."+kind+".after.hooks", []any{hook})
}

// Who is changed again and again at the moment at which they come by a provider comes
// in all the same: the provider is not asked again, and nobody is shown a form.
func TestProviderSignInAgainstChange(t *testing.T) {
	p, set := meanwhile(t)
	for n, c := range p.Clients() {
		door := []string{"login", "registration", "login"}[n]
		app := p.Native()
		p.come(app, "login", "")
		asked := len(p.op.Requests(opsim.Token))
		saves := 0
		set(6, func() {
			if app.Say(app.OpenKind("settings", ""), profileOf("ada@example.com").With("traits.age", 20+10*n+saves)).State == "success" {
				saves++
			}
		})
		a := p.come(c, door, "")
		require.Equal(t, 6, saves)
		require.True(t, c.SignedIn(), "client %d: %s", n, a.Location())
		require.Equal(t, asked+1, len(p.op.Requests(opsim.Token)))
	}
	require.Equal(t, 1, p.Identities())
	require.Empty(t, p.op.Faults())
}

// Of two who come by one account with a provider at once, and whom nobody knows,
// one registers, and both are that one.
func TestProviderStrangersAtOnce(t *testing.T) {
	for _, door := range []string{"registration", "login"} {
		p, set := meanwhile(t)
		first, second := p.Browser(), p.SPA()
		set(1, func() { p.come(first, door, "") })
		a := p.come(second, door, "")
		require.True(t, first.SignedIn())
		require.True(t, second.SignedIn(), "%s: %s", door, a.Location())
		require.Equal(t, first.Whoami("").JSON()["identity"].(map[string]any)["id"], second.Whoami("").JSON()["identity"].(map[string]any)["id"])
		require.Equal(t, 1, p.Identities())
		require.Equal(t, 2, len(p.op.Requests(opsim.Token)))
		require.Empty(t, p.op.Faults())
	}
}

// Who registers the address with a password while its owner is on the way back
// from a provider has it; the other is asked to prove that it is theirs.
func TestProviderAgainstPassword(t *testing.T) {
	for _, door := range []string{"registration", "login"} {
		p, set := meanwhile(t)
		first, second := p.Native(), p.Browser()
		set(1, func() { first.SignUp(enginetest.Person("Ada@Example.com")) })
		f := second.Landed("login", p.come(second, door, ""))
		require.Equal(t, []int{1010016}, f.IDs(""))
		require.True(t, first.SignedIn())
		require.Less(t, second.Submit(f, enginetest.Credentials("ada@example.com")).Status, 400)
		require.True(t, second.SignedIn())
		require.Equal(t, 1, p.Identities())
		require.Equal(t, 1, len(p.op.Requests(opsim.Token)))
	}
}

// A name that is taken and that reaches nobody is refused, in the end: there is
// nobody who could prove that they have it.
func TestProviderTakenName(t *testing.T) {
	named := `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
		"name": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}}}}}`
	for _, hooks := range []bool{false, true} {
		options := []enginetest.Option{enginetest.WithSchema(named)}
		mapping := map[string]any{"mapping": map[string]any{"traits": map[string]any{"name": "given_name"}}}
		p := withProvider(t, mapping, options...)
		if hooks {
			r, err := hooksim.Start()
			require.NoError(t, err)
			t.Cleanup(r.Close)
			p = withProvider(t, mapping, append(options, asksAfter("registration", r))...)
		}
		p.Native().SignUp(enginetest.Values{"method": "password", "password": "a good long Passphrase 9", "traits.name": "ada"})
		c := p.Browser()
		require.Equal(t, []int{4000007}, c.Landed("registration", p.come(c, "registration", "")).IDs(""))
		require.Equal(t, 1, p.Identities())
	}
}
