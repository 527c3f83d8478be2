package selfservice_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// issue orders a code as an operator does.
func issue(t *testing.T, env *enginetest.Env, body map[string]any) map[string]any {
	t.Helper()
	a := env.Admin(http.MethodPost, "/admin/codes", body)
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	return a.JSON()
}

// activate answers one and returns the status and the error's id.
func activate(env *enginetest.Env, body map[string]any) string {
	a := env.Admin(http.MethodPost, "/admin/activations", body)
	return strings.TrimSpace(fmt.Sprint(a.Status, " ", a.ErrorID()))
}

// What an operator delivers by their own means proves an address: the digits
// with the id, the long code alone, the link, or the digits in the flow.
func TestActivation(t *testing.T) {
	for use, option := range map[string]enginetest.Option{"code": enginetest.WithVerification(), "link": enginetest.WithLinks()} {
		env := enginetest.New(t, option)
		for name, answer := range map[string]func(made map[string]any) string{
			"digits": func(made map[string]any) string {
				return activate(env, map[string]any{"id": made["id"], "code": made["code"]})
			},
			"long": func(made map[string]any) string { return activate(env, map[string]any{"code": made["long_code"]}) },
			"long, not with another's id": func(made map[string]any) string {
				require.Equal(t, "404 activation_not_found", activate(env, map[string]any{"id": unknown, "code": made["long_code"]}))
				return activate(env, map[string]any{"id": made["id"], "code": made["long_code"]})
			},
			"link": func(made map[string]any) string {
				c := env.Browser()
				f := c.Follow(made["verification_link"].(string))
				return strings.Replace(tell(c, c.Submit(f, values{"method": use, "token": f.Value("token")})), "303 form 1080002", "200", 1)
			},
			"flow": func(made map[string]any) string {
				c := env.Native()
				f := c.ReadKind("verification", made["id"].(string))
				return strings.Replace(tell(c, c.Submit(f, values{"method": use, "code": made["code"]})), "200 form 1080002", "200", 1)
			},
		} {
			t.Run(use+" "+name, func(t *testing.T) {
				email := address()
				id := person(t, env, email)
				made := issue(t, env, map[string]any{"identity_id": id})
				require.Len(t, made, 9)
				require.Equal(t, []any{id, email, "email", false}, []any{made["identity_id"], made["address"], made["via"], made["sent"]})
				require.Regexp(t, `^[0-9]{6}$`, made["code"])
				require.Regexp(t, `^`+made["id"].(string)+`\.[A-Za-z0-9]{32}$`, made["long_code"])
				require.True(t, strings.HasPrefix(made["verification_link"].(string), env.PublicURL+"/self-service/verification?"))
				require.NotContains(t, made["verification_link"], made["code"])
				expires, err := time.Parse(time.RFC3339Nano, made["expires_at"].(string))
				require.NoError(t, err)
				require.InDelta(t, 10*time.Minute, expires.Sub(env.Clock.Now()), float64(5*time.Second))
				require.Empty(t, env.Inbox(email), "nothing is sent unless it is asked for")
				require.NotContains(t, env.Logs.String(), made["long_code"])
				require.False(t, verified(t, env, email))

				require.Equal(t, "200", answer(made))
				require.True(t, verified(t, env, email))
				require.Equal(t, "400 activation_code_invalid", activate(env, map[string]any{"id": made["id"], "code": made["code"]}), "once")
				require.Equal(t, "400 activation_code_invalid", activate(env, map[string]any{"code": made["long_code"]}))
			})
		}
	}
}

func TestActivationAnswers(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	email := address()
	id := person(t, env, email)
	made := issue(t, env, map[string]any{"identity_id": id})
	a := env.Admin(http.MethodPost, "/admin/activations", map[string]any{"id": made["id"], "code": made["code"]})
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, map[string]any{"identity_id": id, "address": email, "via": "email", "verified": true}, a.JSON())
	require.NotEqual(t, http.StatusOK, env.Native().Post("/admin/codes", values{"identity_id": id}).Status, "not on the public port")
	require.NotEqual(t, http.StatusCreated, env.Native().Post("/admin/codes", values{"identity_id": id}).Status)
}

func TestSentActivation(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	email := address()
	id := person(t, env, email)
	made := issue(t, env, map[string]any{"identity_id": id, "send": true, "locale": "de", "address": strings.ToUpper(email)})
	require.Equal(t, true, made["sent"])
	require.Equal(t, email, made["address"])
	mail := env.Inbox(email)[0]
	require.Equal(t, []string{made["code"].(string), "de", "verification_code_valid"}, []string{mail.Code(), mail.Locale, mail.Template})
	c := env.Browser()
	f := c.Follow(mail.Link())
	require.Equal(t, "303 form 1080002", tell(c, c.Submit(f, values{"method": "code", "token": f.Value("token")})))
	require.Equal(t, "400 activation_code_invalid", activate(env, map[string]any{"id": made["id"], "code": made["code"]}))
}

func TestRefusedActivations(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	email := address()
	id := person(t, env, email)
	for body, want := range map[*map[string]any]string{
		{}:                       "400 identity_id_invalid",
		{"identity_id": "x"}:     "400 identity_id_invalid",
		{"identity_id": unknown}: "404 identity_not_found",
		{"identity_id": id, "address": "nobody@example.org"}: "404 address_not_found",
		{"identity_id": id, "address": "x"}:                  "404 address_not_found",
		{"identity_id": id, "address": 1}:                    "400 body_invalid",
		{"identity_id": id, "expires_in": "x"}:               "400 expires_in_invalid",
		{"identity_id": id, "expires_in": "-1m"}:             "400 expires_in_invalid",
		{"identity_id": id, "expires_in": "0s"}:              "400 expires_in_invalid",
		{"identity_id": id, "expires_in": "169h"}:            "400 expires_in_invalid",
		{"identity_id": id, "expire_in": "1h"}:               "400 field_unknown",
	} {
		before := env.Rows()
		a := env.Admin(http.MethodPost, "/admin/codes", *body)
		require.Equal(t, want, fmt.Sprint(a.Status, " ", a.ErrorID()), "%v: %s", *body, a.Body)
		require.Empty(t, env.Rows().Since(before), "%v", *body)
	}
	made := issue(t, env, map[string]any{"identity_id": id})
	for body, want := range map[*map[string]any]string{
		{}:                                    "400 activation_code_missing",
		{"code": ""}:                          "400 activation_code_missing",
		{"id": "x", "code": "123456"}:         "400 activation_id_invalid",
		{"code": made["code"]}:                "404 activation_not_found",
		{"id": unknown, "code": made["code"]}: "404 activation_not_found",
		{"code": unknown + "." + strings.Repeat("x", 32)}:             "404 activation_not_found",
		{"code": "x." + strings.Repeat("x", 32)}:                      "404 activation_not_found",
		{"code": made["id"].(string) + "." + strings.Repeat("x", 32)}: "400 activation_code_invalid",
		{"code": made["id"].(string) + "."}:                           "400 activation_code_invalid",
		{"id": made["id"], "code": "."}:                               "404 activation_not_found",
		{"id": made["id"], "code": "x"}:                               "400 activation_code_invalid",
		{"id": made["id"], "code": 123456}:                            "400 body_invalid",
		{"id": made["id"], "kode": "x", "code": "x"}:                  "400 field_unknown",
	} {
		require.Equal(t, want, activate(env, *body), "%v", *body)
	}
	require.False(t, verified(t, env, email))
	env.Clock.Advance(10 * time.Minute)
	require.Equal(t, "400 activation_code_invalid", activate(env, map[string]any{"id": made["id"], "code": made["code"]}), "its time is over")
	env.Clock.Advance(48 * time.Hour)
	require.Equal(t, "404 activation_not_found", activate(env, map[string]any{"id": made["id"], "code": made["code"]}))

	off := enginetest.New(t)
	a := off.Admin(http.MethodPost, "/admin/codes", map[string]any{"identity_id": person(t, off, email)})
	require.Equal(t, "400 self_service_flow_disabled", fmt.Sprint(a.Status, " ", a.ErrorID()))
}

// An operator's code lives as long as was asked for, and guesses at it are
// limited like those at any other; the long code needs no limit.
func TestActivationLimits(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	email := address()
	id := person(t, env, email)
	made := issue(t, env, map[string]any{"identity_id": id, "expires_in": "168h"})
	env.Clock.Advance(167 * time.Hour)
	wrong := map[string]any{"id": made["id"], "code": other(made["code"].(string))}
	for range 5 {
		require.Equal(t, "400 activation_code_invalid", activate(env, wrong))
	}
	for _, code := range []any{wrong["code"], made["code"]} {
		require.Equal(t, "429 activation_guesses_exhausted", activate(env, map[string]any{"id": made["id"], "code": code}))
	}
	again := issue(t, env, map[string]any{"identity_id": id})
	for range 5 {
		activate(env, map[string]any{"id": again["id"], "code": "x"})
	}
	third := issue(t, env, map[string]any{"identity_id": id})
	require.Equal(t, "429 activation_guesses_exhausted", activate(env, map[string]any{"id": third["id"], "code": third["code"]}), "ten an hour over all")
	require.False(t, verified(t, env, email))
	require.Equal(t, "200", activate(env, map[string]any{"code": made["long_code"]}))
	require.True(t, verified(t, env, email))
	require.Equal(t, "400 activation_code_invalid", activate(env, map[string]any{"code": third["long_code"]}), "a proof voids the others")
}
