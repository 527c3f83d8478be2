package selfservice_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// withBothWays lets people recover by code or link, as use says; operators make both.
func withBothWays(use string) []enginetest.Option {
	return []enginetest.Option{
		enginetest.WithVerification(), enginetest.WithRecovery(), enginetest.With("selfservice.flows.recovery.use", use),
		enginetest.With("selfservice.methods.link.enabled", true), enginetest.With("feature_flags.use_continue_with_transitions", true),
	}
}

// rescue has an operator make a way back.
func rescue(t *testing.T, env *enginetest.Env, what string, body map[string]any) map[string]any {
	t.Helper()
	a := env.Admin(http.MethodPost, "/admin/recovery/"+what, body)
	require.Equal(t, map[string]int{"code": 201, "link": 200}[strings.Split(what, "?")[0]], a.Status, "%s", a.Body)
	return a.JSON()
}

// flowOf is the id of the flow that a link leads to.
func flowOf(link any) string {
	return regexpID.FindString(link.(string))
}

// What an operator makes lets a person in once, whatever kind of client they
// have, and whichever way people recover by themselves.
func TestAdminRecovery(t *testing.T) {
	for _, use := range []string{"code", "link"} {
		env := enginetest.New(t, withBothWays(use)...)
		for _, c := range env.Clients() {
			t.Run(use+" code "+string(c.Kind), func(t *testing.T) {
				email := address()
				old := env.Native()
				old.SignUp(enginetest.Person(email))
				order := map[string]any{"identity_id": whoIs(old)}
				if c.Kind == enginetest.Native {
					order["flow_type"] = "api"
				}
				made := rescue(t, env, "code", order)
				require.Len(t, made, 3)
				require.Equal(t, "http://127.0.0.1:4455/recovery?flow="+flowOf(made["recovery_link"]), made["recovery_link"])
				require.Regexp(t, `^[0-9]{6}$`, made["recovery_code"])
				require.InDelta(t, 10*time.Minute, until(t, env, made), float64(5*time.Second))

				f := c.ReadKind("recovery", flowOf(made["recovery_link"]))
				require.Equal(t, []string{
					"default csrf_token hidden 0", "code code text 1070010", "code method hidden 0 code", "code method submit 1070009 code",
				}, drawn(f))
				require.Equal(t, "sent_email", f.State)
				require.Empty(t, messages(f))
				wrong := values{"method": "code", "code": other(made["recovery_code"].(string))}
				require.Equal(t, "4060006", strings.TrimSpace(messages(c.Say(f, wrong))))
				before := epoch(t, env, whoIs(old))
				right := values{"method": "code", "code": made["recovery_code"]}
				a := c.Adopt(c.Submit(f, right))
				require.True(t, c.SignedIn(), "%s", a.Body)
				require.Equal(t, []int{1060001}, c.Arrive("settings", a).IDs(""))
				require.False(t, old.SignedIn())
				require.Equal(t, before+1, epoch(t, env, whoIs(c)))
				require.False(t, verified(t, env, email), "nothing was sent there")
				require.Less(t, env.Native().SignIn("", enginetest.Credentials(email)).Status, 400, "nothing is taken over")

				env.Clock.Advance(time.Minute)
				for _, stranger := range env.Clients() {
					stranger.Adopt(stranger.Submit(f, right))
					require.False(t, stranger.SignedIn(), "once")
				}
			})
		}
		t.Run(use+" link", func(t *testing.T) {
			for _, c := range []client{env.Browser(), env.SPA()} {
				email := address()
				old := env.Native()
				old.SignUp(enginetest.Person(email))
				made := rescue(t, env, "link?return_to=https://app.example.org/in/here", map[string]any{"identity_id": whoIs(old)})
				require.Len(t, made, 2)
				require.True(t, strings.HasPrefix(made["recovery_link"].(string), env.PublicURL+"/self-service/recovery?flow="), made)
				require.InDelta(t, time.Hour, until(t, env, made), float64(5*time.Second))
				for range 3 {
					env.Browser().Get(made["recovery_link"].(string))
				}
				require.True(t, old.SignedIn(), "looking spends nothing")
				f := c.Follow(made["recovery_link"].(string))
				v := values{"method": use, "token": f.Value("token")}
				a := c.Submit(f, v)
				require.True(t, c.SignedIn(), "%s", a.Body)
				require.Equal(t, "https://app.example.org/in/here", c.Arrive("settings", a).ReturnTo)
				require.False(t, old.SignedIn())
				require.False(t, verified(t, env, email))

				late := env.Browser()
				require.Equal(t, "303 form 4060004", tell(late, late.Submit(late.Follow(made["recovery_link"].(string)), v)), "once")
				require.False(t, late.SignedIn())
			}
		})
	}
}

func until(t *testing.T, env *enginetest.Env, made map[string]any) time.Duration {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, made["expires_at"].(string))
	require.NoError(t, err)
	return at.Sub(env.Clock.Now())
}

// whoIs is the id of who is signed in.
func whoIs(c client) string {
	return c.Whoami("").JSON()["identity"].(map[string]any)["id"].(string)
}

// Who cannot be reached by any address is let back in all the same.
func TestAdminRecoveryWithoutAddress(t *testing.T) {
	env := enginetest.New(t, append(withBothWays("code"), enginetest.WithSchema(`{"type": "object", "properties": {"traits": {"type": "object", "properties": {
		"name": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}
	}, "required": ["name"]}}}`))...)
	a := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"traits": map[string]any{"name": "ada"}})
	id := a.JSON()["id"]
	made := rescue(t, env, "code", map[string]any{"identity_id": id, "flow_type": "api"})
	c := env.Native()
	a = c.Adopt(c.Submit(c.ReadKind("recovery", flowOf(made["recovery_link"])), values{"method": "code", "code": made["recovery_code"]}))
	require.Equal(t, id, whoIs(c))
	f := c.Say(c.Arrive("settings", a), values{"method": "password", "password": "a good long Passphrase 9"})
	require.Equal(t, []int{1050001}, f.IDs(""))
	require.Less(t, env.Native().SignIn("", enginetest.Credentials("ada")).Status, 400)

	browser := env.Browser()
	f = browser.Follow(rescue(t, env, "link", map[string]any{"identity_id": id})["recovery_link"].(string))
	browser.Submit(f, values{"method": "code", "token": f.Value("token")})
	require.Equal(t, id, whoIs(browser))
}

func TestAdminRecoveryRefused(t *testing.T) {
	id := ""
	refused := func(env *enginetest.Env, what string, body map[string]any) string {
		before := env.Rows()
		a := env.Admin(http.MethodPost, "/admin/recovery/"+what, body)
		require.Empty(t, env.Rows().Since(before), "%s", a.Body)
		return tell(env.Native(), a)
	}
	env := enginetest.New(t, withBothWays("code")...)
	id = person(t, env, address())
	for _, what := range []string{"code", "link"} {
		require.Equal(t, "404 identity_not_found", refused(env, what, map[string]any{"identity_id": unknown}))
		for _, bad := range []any{"", "x", nil} {
			require.Equal(t, "400 identity_id_invalid", refused(env, what, map[string]any{"identity_id": bad}))
		}
		for _, bad := range []string{"0s", "-1h", "1", "soon", "8000h"} {
			require.Equal(t, "400 expires_in_invalid", refused(env, what, map[string]any{"identity_id": id, "expires_in": bad}))
		}
		require.Equal(t, "400 body_invalid", refused(env, what, map[string]any{"identity_id": 1}))
		wrong := env.Admin(http.MethodPost, "/admin/recovery/"+what, map[string]any{"identity_id": id, "expires_in": 5})
		require.Contains(t, string(wrong.Body), `The field \"expires_in\" must not be a number.`)
		require.Equal(t, "400 field_unknown", refused(env, what, map[string]any{"identity_id": id, "code": "123456"}))
	}
	require.Equal(t, "400 expires_in_invalid", refused(env, "code", map[string]any{"identity_id": id, "expires_in": "169h"}))
	require.Equal(t, "400 flow_type_invalid", refused(env, "code", map[string]any{"identity_id": id, "flow_type": "spa"}))
	require.Equal(t, "400 field_unknown", refused(env, "link", map[string]any{"identity_id": id, "flow_type": "api"}))
	require.Equal(t, "400 self_service_flow_return_to_forbidden", refused(env, "link?return_to=https://evil.example.com/", map[string]any{"identity_id": id}))
	for _, what := range []string{"code", "link"} {
		require.Equal(t, http.StatusNotFound, env.Native().Post("/admin/recovery/"+what, values{"identity_id": id}).Status, "not public")
	}

	for what, option := range map[string]enginetest.Option{
		"code": enginetest.With("selfservice.methods.code.enabled", false), "link": enginetest.With("selfservice.methods.link.enabled", false),
	} {
		env := enginetest.New(t, enginetest.WithRecovery(), enginetest.With("selfservice.methods.link.enabled", true),
			enginetest.With("selfservice.flows.recovery.use", map[string]string{"code": "link", "link": "code"}[what]), option)
		require.Equal(t, "404 self_service_method_disabled", refused(env, what, map[string]any{"identity_id": person(t, env, address())}))
	}
	env = enginetest.New(t, enginetest.With("selfservice.methods.link.enabled", true))
	for _, what := range []string{"code", "link"} {
		require.Equal(t, "404 self_service_method_disabled", refused(env, what, map[string]any{"identity_id": person(t, env, address())}))
	}
}

// An operator's code is guarded as any other: by its flow, by the person, by
// time, by whatever happens to the account, and against who asks for more.
func TestAdminRecoveryLimits(t *testing.T) {
	env := enginetest.New(t, withBothWays("code")...)
	email := address()
	id := person(t, env, email)
	order := map[string]any{"identity_id": id, "flow_type": "api", "expires_in": "30m"}
	c := env.Native()
	made, more := rescue(t, env, "code", order), rescue(t, env, "code", order)
	require.InDelta(t, 30*time.Minute, until(t, env, made), float64(5*time.Second))
	f := c.ReadKind("recovery", flowOf(made["recovery_link"]))
	say := func(f flow, code any) string { return tell(c, c.Submit(f, values{"method": "code", "code": code})) }
	wrong := other(made["recovery_code"].(string))
	for range 5 {
		require.Equal(t, "200 form 4060006", say(f, wrong))
	}
	require.Equal(t, "400 form 4000001", say(f, made["recovery_code"]))
	second := c.ReadKind("recovery", flowOf(more["recovery_link"]))
	for range 5 {
		require.Equal(t, "200 form 4060006", say(second, other(more["recovery_code"].(string))))
	}
	third := rescue(t, env, "code", order)
	f = c.ReadKind("recovery", flowOf(third["recovery_link"]))
	require.Contains(t, say(f, third["recovery_code"]), "400 form ", "the person's budget")
	someone := rescue(t, env, "code", map[string]any{"identity_id": person(t, env, address()), "flow_type": "api"})
	require.Equal(t, "200 form", say(c.ReadKind("recovery", flowOf(someone["recovery_link"])), someone["recovery_code"]), "another's is their own")

	env.Clock.Advance(time.Hour)
	late := rescue(t, env, "code", map[string]any{"identity_id": id, "flow_type": "api", "expires_in": "1m"})
	f = c.ReadKind("recovery", flowOf(late["recovery_link"]))
	env.Clock.Advance(time.Minute)
	require.Equal(t, "200 form 4060006", say(f, late["recovery_code"]), "expired")

	used, void := rescue(t, env, "code", order), rescue(t, env, "code", order)
	require.Equal(t, "200 form", say(c.ReadKind("recovery", flowOf(used["recovery_link"])), used["recovery_code"]))
	require.Equal(t, "200 form 4060006", say(c.ReadKind("recovery", flowOf(void["recovery_link"])), void["recovery_code"]), "one way back is enough")
}
