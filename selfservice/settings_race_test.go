package selfservice_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// deed is a submit that is made at the same time as others.
type deed struct {
	c client
	f flow
	v values
}

// atOnce makes all deeds at once, each by a client of its own, and returns what
// each is told.
func atOnce(deeds ...deed) []string {
	answers := make([]answer, len(deeds))
	reqs := make([]*http.Request, len(deeds))
	for i, d := range deeds {
		contentType, raw := d.c.Encode(d.f.Fill(d.v))
		reqs[i] = d.c.Request(http.MethodPost, d.f.UI.Action, bytes.NewReader(raw))
		reqs[i].Header.Set("Content-Type", contentType)
		deeds[i].c = d.c.Copy()
	}
	together(len(deeds), func(i int) { answers[i], _ = deeds[i].c.Try(reqs[i]) })
	told := make([]string, len(deeds))
	for i, a := range answers {
		told[i] = tell(deeds[i].c, a)
	}
	return told
}

const saved = "200 form 1050001"

// Of two tabs that save at once the later one is judged on the person as the
// first has left them: each change is there, or its tab was told.
func TestTwoTabsSave(t *testing.T) {
	env := enginetest.New(t)
	for range 4 {
		c := env.SPA()
		email := mine(c)
		told := atOnce(
			deed{c, c.OpenKind("settings", ""), profileOf("new-" + email)},
			deed{c, c.OpenKind("settings", ""), newPassword("another Passphrase 10")},
		)
		require.Equal(t, []string{saved, saved}, told)
		require.Equal(t, 200, env.SPA().SignIn("", enginetest.Credentials("new-"+email).With("password", "another Passphrase 10")).Status)
	}
}

// One address goes to one of two people who want it at once; the other is told.
func TestTwoWantOneAddress(t *testing.T) {
	env := enginetest.New(t)
	for range 4 {
		one, two, wanted := env.SPA(), env.SPA(), address()
		first, second := mine(one), mine(two)
		told := atOnce(
			deed{one, one.OpenKind("settings", ""), profileOf(wanted)},
			deed{two, two.OpenKind("settings", ""), profileOf(wanted)},
		)
		slices.Sort(told)
		require.Equal(t, []string{saved, "400 form 4000007"}, told)
		has := []bool{len(addresses(t, one)) == 1 && hasAddress(t, one, wanted), hasAddress(t, two, wanted)}
		require.NotEqual(t, has[0], has[1])
		require.Equal(t, !has[0], hasAddress(t, one, first))
		require.Equal(t, !has[1], hasAddress(t, two, second))
	}
}

func hasAddress(t *testing.T, c client, email string) bool {
	_, ok := addresses(t, c)[email]
	return ok
}

// A proof of the old address and a save of a new one: in either order the new
// one is not proved by it.
func TestSaveRacesAProof(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for range 4 {
		c := env.SPA()
		email := mine(c)
		proof := ask(t, c, email)
		told := atOnce(
			deed{c, c.OpenKind("settings", ""), profileOf("new-" + email)},
			deed{c, proof, values{"method": "code", "code": code(t, env, email)}},
		)
		require.Equal(t, saved, told[0])
		require.Contains(t, []string{"200 form 1080002", "200 form 4070006"}, told[1])
		require.Equal(t, map[string]bool{"new-" + email: false}, addresses(t, c))
	}
}

// A name that is saved while an address is proved loses neither.
func TestNameRacesAProof(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for range 4 {
		c := env.SPA()
		email := mine(c)
		proof := ask(t, c, email)
		told := atOnce(
			deed{c, c.OpenKind("settings", ""), profileOf(email).With("traits.age", 60)},
			deed{c, proof, values{"method": "code", "code": code(t, env, email)}},
		)
		require.Equal(t, []string{saved, "200 form 1080002"}, told)
		require.Equal(t, map[string]bool{email: true}, addresses(t, c))
		require.EqualValues(t, 60, c.Whoami("").JSON()["identity"].(map[string]any)["traits"].(map[string]any)["age"])
	}
}

// A held change of address is brought once, however many submit its proof, and
// one that raced a change of the password is void or came first.
func TestRaceForAHeldMove(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	for n := range 4 {
		c := env.SPA()
		own := member(t, env, c)
		f := wants(t, c, "new-"+own)
		proof := deed{c, f, values{"method": "code", "code": code(t, env, "new-"+own)}}
		if n%2 == 0 {
			require.Equal(t, []string{"200 form 1080002", "200 form 1080002", "200 form 1080002"}, atOnce(proof, proof, proof))
			require.Equal(t, map[string]bool{"new-" + own: true}, addresses(t, c))
			continue
		}
		told := atOnce(proof, deed{c, c.OpenKind("settings", ""), newPassword("another Passphrase 10")})
		require.Equal(t, saved, told[1])
		moved := told[0] == "200 form 1080002"
		require.Equal(t, map[string]bool{map[bool]string{true: "new-" + own, false: own}[moved]: true}, addresses(t, c), "%v", told)
	}
}

// Whoever is removed while they save is gone, and so is what they saved.
func TestSaveRacesADeletion(t *testing.T) {
	env := enginetest.New(t)
	for range 4 {
		c := env.SPA()
		email := mine(c)
		f, id := c.OpenKind("settings", ""), ownID(t, c)
		contentType, raw := c.Encode(f.Fill(profileOf("new-" + email)))
		var a answer
		together(2, func(i int) {
			if i == 0 {
				req := c.Request(http.MethodPost, f.UI.Action, bytes.NewReader(raw))
				req.Header.Set("Content-Type", contentType)
				a, _ = c.Try(req)
				return
			}
			n := env.Native()
			_, _ = n.Try(n.Request(http.MethodDelete, env.AdminURL+"/admin/identities/"+id, nil))
		})
		require.Contains(t, []int{200, 401, 404}, a.Status, "%s", a.Body)
		rows := fmt.Sprint(env.Rows()["identifiers"], env.Rows()["addresses"], env.Rows()["identities"])
		require.NotContains(t, rows, email)
	}
}
