package hook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// A receiver's words stand at the field they are about; where the form has none
// such they are about the whole form, and none is lost.
func TestWhereMessagesStand(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, after("registration.after.password", named(r, "asked", blocks)), after("login.after.password", named(r, "asks", blocks)))
	say := func(pointer string) string {
		return fmt.Sprintf(`{"messages":[{"instance_ptr":%q,"messages":[{"id":501,"text":"<b>Not \u2028 so.</b>","type":"error","context":{"n":1.5}},{"id":502,"text":"By the way.","type":"success"}]}]}`, pointer)
	}
	for pointer, node := range map[string]string{
		"#/traits/email": "traits.email", "#/traits/name/first": "traits.name.first", "#/password": "password", "#/": "", "": "", "#/method": "method",
		"#/traits/unknown": "", "#/traits": "", "#/nothing/of/that": "", "#/traits/email/0": "", "#/csrf_token": "csrf_token",
	} {
		for _, c := range env.Clients() {
			r.answers(400, say(pointer))
			f := c.Open("")
			c.Submit(f, enginetest.Person("ada@example.org"))
			shown := c.Read(f.ID)
			all := shown.UI.Messages
			for _, n := range shown.UI.Nodes {
				if len(n.Messages) > 0 {
					require.Equal(t, node, n.Attributes.Name, pointer)
				}
				all = append(all, n.Messages...)
			}
			require.Len(t, all, 2, "%s %s", c.Kind, pointer)
			require.Equal(t, []any{501, "error", "<b>Not \u2028 so.</b>", map[string]any{"n": 1.5}}, []any{all[0].ID, all[0].Type, all[0].Text, all[0].Context})
			require.Equal(t, []any{502, "info"}, []any{all[1].ID, all[1].Type})
			require.Equal(t, "ada@example.org", shown.Value("traits.email"))
			require.Nil(t, shown.Value("password"))
		}
	}
	c := env.SPA()
	exists(c, "bob@example.org")
	r.answers(400, say("#/identifier"))
	a := c.SignIn("", enginetest.Credentials("bob@example.org"))
	require.Equal(t, []int{501, 502}, a.Flow().IDs("identifier"))
	require.Equal(t, "bob@example.org", a.Flow().Value("identifier"))
}

// In two steps a no about what was typed in the first leads back there.
func TestVetoOfTheFirstStep(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.With("selfservice.flows.registration.style", "profile_first"), after("registration.after.password", object{"hook": "session"}, named(r, "asked", blocks)))
	for _, c := range env.Clients() {
		email := string(c.Kind) + "@example.org"
		f := c.Say(c.Open(""), values{"method": "profile", "traits.email": email})
		r.answers(422, veto)
		shown := c.Say(f, enginetest.Person(email))
		require.Equal(t, []int{77001}, shown.IDs("traits.email"))
		require.Equal(t, "email", shown.Node("traits.email").Attributes.Type, "it can be typed again")
		require.Nil(t, shown.Node("password"))
		r.answers(204, "")
		f = c.Say(shown, values{"method": "profile", "traits.email": "other-" + email})
		c.Adopt(c.Submit(f, enginetest.Person("other-"+email)))
		require.Contains(t, string(c.Whoami("").Body), "other-"+email)
	}
}

// A receiver may send back the person as it was told of them: that changes nothing.
func TestAnswersThatEcho(t *testing.T) {
	r := newReceiver(t)
	whole := with(parses, object{"body": []string{"identity"}})
	env := enginetest.New(t, enginetest.WithVerification(),
		after("registration.after.password", object{"hook": "session"}, named(r, "asked", whole)), after("settings.after", named(r, "asks", whole)))
	r.says(func(c call) (int, string) {
		raw, _ := json.Marshal(c.Body)
		return 200, string(raw)
	})
	for _, c := range env.Clients() {
		email := string(c.Kind) + "@example.org"
		c.SignUp(adult(email, 36).With("traits.tags", []any{"a", "b"}))
		before := c.Whoami("").JSON()["identity"].(object)
		require.Equal(t, object{"email": email, "age": 36.0, "tags": []any{"a", "b"}}, before["traits"])
		require.Contains(t, string(c.Whoami("").Body), `"verified":false`)
		require.Len(t, env.Inbox(email), 1, "and is to be proved as ever")
		a := c.Submit(c.OpenKind("settings", ""), values{"method": "profile", "traits.email": "new-" + email, "traits.age": 37})
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.Contains(t, string(c.Whoami("").Body), "new-"+email)
		require.Len(t, env.Inbox("new-"+email), 1)
		a = c.Submit(c.OpenKind("settings", ""), values{"method": "password", "password": "another Passphrase 7"})
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.Len(t, r.got(), 3)
		require.Equal(t, 200, env.Native().SignIn("", values{"method": "password", "identifier": "new-" + email, "password": "another Passphrase 7"}).Status)
	}
}

// Many vetoes of one right code at once use nothing up.
func TestVetoesAtOnce(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithVerification(), after("verification.after", named(r, "asked", blocks)))
	c := env.Native()
	exists(c, "ada@example.org")
	env.Exec("UPDATE addresses SET verified = 0, status = 'pending'")
	f := c.Say(c.OpenKind("verification", ""), values{"method": "code", "email": "ada@example.org"})
	v := values{"method": "code", "code": newest(c, "ada@example.org").Code()}
	r.answers(422, formVeto)
	for range 4 {
		together(3, func(int) {
			kind, body := c.Encode(v)
			req := c.Request("POST", f.UI.Action, bytes.NewReader(body))
			req.Header.Set("Content-Type", kind)
			_, _ = c.Copy().Try(req)
		})
	}
	require.Equal(t, []int{77002}, c.Say(f, v).IDs(""))
	c.Submit(f, values{"method": "code", "code": "000000"})
	r.answers(204, "")
	a := c.Submit(f, v)
	require.Equal(t, "passed_challenge", a.Flow().State, "%s", a.Body)
	wrong := slices.DeleteFunc(r.got(), func(c call) bool { return c.Path != "/asked" })
	require.GreaterOrEqual(t, len(wrong), 13)
}
