package cmd_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Codes sign nobody in where no schema says to which address they go, and no
// schema may name an address whose proof it has no place for.
func TestPasswordlessCodesNeedAnAddress(t *testing.T) {
	trait := func(says string) string {
		return `{"type":"object","properties":{"traits":{"type":"object","properties":{"email":{"type":"string","format":"no-validate","ory.sh/kratos":{` + says + `}}}}}}`
	}
	const (
		byMail = `"credentials":{"code":{"identifier":true,"via":"email"}},"verification":{"via":"email"}`
		bySMS  = `"credentials":{"code":{"identifier":true,"via":"sms"}},"verification":{"via":"sms"}`
		none   = `"credentials":{"password":{"identifier":true}},"verification":{"via":"email"}`
	)
	for name, c := range map[string]struct {
		schemas []string
		says    string
	}{
		"fine":             {[]string{byMail}, ""},
		"one of two":       {[]string{none, byMail}, ""},
		"no identifier":    {[]string{none}, "passwordless_enabled needs an identity schema with a trait that codes go to"},
		"no channel":       {[]string{bySMS}, "passwordless_enabled needs an identity schema with a trait that codes go to"},
		"a channel of two": {[]string{bySMS, byMail}, ""},
		"no via":           {[]string{byMail, `"credentials":{"code":{"identifier":true}},"verification":{"via":"email"}`}, `identity schema "x1": selfservice.methods.code.passwordless_enabled needs credentials.code.via beside credentials.code.identifier, which says where codes go: traits.email`},
		"not verifiable":   {[]string{`"credentials":{"code":{"identifier":true,"via":"email"}}`}, `identity schema "x0": selfservice.methods.code.passwordless_enabled needs verification.via to be email where codes go by email, or their proof could not be recorded: traits.email`},
		"verified by SMS":  {[]string{byMail, `"credentials":{"code":{"identifier":true,"via":"email"}},"verification":{"via":"sms"}`}, `identity schema "x1"`},
	} {
		t.Run(name, func(t *testing.T) {
			var schemas []any
			for i, says := range c.schemas {
				schemas = append(schemas, map[string]any{"id": []string{"x0", "x1"}[i], "url": inline(trait(says))})
			}
			conf := passwordless(schemas)
			err := wires(t, configFile(t, conf))
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				conf["selfservice"].(map[string]any)["methods"] = map[string]any{}
				err = wires(t, configFile(t, conf))
			}
			require.NoError(t, err, "it is passwordless codes only that ask for more")
		})
	}
}

// What signs in by code is an identifier like any other to whoever wants
// addresses proved first, and to whoever hides which are taken.
func TestCodeIdentifiersAreProvedFirst(t *testing.T) {
	const (
		alone = `{"type":"object","properties":{"traits":{"type":"object","properties":{"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"code":{"identifier":true,"via":"email"}},"verification":{"via":"email"}}}}}}}`
		named = `{"type":"object","properties":{"traits":{"type":"object","properties":{"name":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"code":{"identifier":true,"via":"email"}},"verification":{"via":"email"}}}}}}}`
	)
	conf := passwordless([]any{map[string]any{"id": "x0", "url": inline(alone)}})
	conf["security"] = map[string]any{"account_enumeration": map[string]any{"mitigate": true}}
	require.NoError(t, wires(t, configFile(t, conf)))
	conf["identity"].(map[string]any)["schemas"] = []any{map[string]any{"id": "x0", "url": inline(named)}}
	require.ErrorContains(t, wires(t, configFile(t, conf)), "traits.name")
	conf["identity"].(map[string]any)["schemas"] = []any{map[string]any{"id": "x0", "url": inline(alone)}}
	conf["selfservice"].(map[string]any)["methods"] = map[string]any{}
	require.ErrorContains(t, wires(t, configFile(t, conf)), "verify_before_create needs a trait", "codes do not sign in")
}

func passwordless(schemas []any) map[string]any {
	return map[string]any{
		"dev":      false,
		"secrets":  map[string]any{"default": []any{"a secret of sixteen letters"}},
		"courier":  map[string]any{"smtp": map[string]any{"connection_uri": "smtp://mail.example.org"}},
		"identity": map[string]any{"default_schema_id": "x0", "schemas": schemas},
		"selfservice": map[string]any{
			"default_browser_return_url": "https://app.example.org/",
			"methods":                    map[string]any{"code": map[string]any{"passwordless_enabled": true}},
			"flows": map[string]any{
				"registration": map[string]any{"ui_url": "https://app.example.org/registration"},
				"verification": map[string]any{"enabled": true, "ui_url": "https://app.example.org/verification"},
				"error":        map[string]any{"ui_url": "https://app.example.org/error"},
			},
		},
	}
}
