package hook_test

import (
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
)

// ada is a ctx as a hook has it: of values that become JSON, and of plain ones.
func ada() map[string]any {
	return map[string]any{
		"flow": map[string]any{"type": "browser", "transient_payload": nil},
		"identity": struct {
			ID     string          `json:"id"`
			Traits json.RawMessage `json:"traits"`
		}{"0198c0de", json.RawMessage(`{"email": "ada@example.org", "age": 36, "score": 1.5, "big": 9007199254740993, "newsletter": true, "tags": ["a", "b"], "orders": [{"n": 1}, {"n": 3}]}`)},
		"request_headers": map[string][]string{"X-Country": {"GB", "DE"}},
		"request_method":  "POST",
		"request_url":     "https://id.example.org/self-service/registration?flow=1",
	}
}

func holds(t *testing.T, source string, env map[string]any) (bool, error) {
	t.Helper()
	c, err := hook.CompileCondition(source)
	require.NoError(t, err, source)
	return c.Holds(env)
}

func TestConditionsThatHoldAndThatDoNot(t *testing.T) {
	for source, want := range map[string]bool{
		`identity.traits.email endsWith "@example.org"`:                              true,
		`identity.traits.email matches "^[a-z]+@example[.]org$"`:                     true,
		`identity.traits.email matches "^[a-z]+$"`:                                   false,
		`lower(request_method) == "post" and not (flow.type == "api")`:               true,
		`identity.traits.age >= 18 && identity.traits.score < 2`:                     true,
		`identity.traits.age in [35, 36.0]`:                                          true,
		`identity.traits.age + 1 == 37`:                                              true,
		`identity["traits"]["email"] == "ada@example.org"`:                           true,
		`request_headers["X-Country"][0] in ["GB", "IE"]`:                            true,
		`"DE" in request_headers["X-Country"]`:                                       true,
		`any(request_headers["X-Country"], # startsWith "D")`:                        true,
		`all(identity.traits.orders, .n > 0) && one(identity.traits.orders, .n > 2)`: true,
		`identity.traits.tags | count(# == "a") == 1`:                                true,
		`identity.traits.newsletter ? request_method == "GET" : true`:                false,
		`request_url contains "/registration" || 1 > 2`:                              true,
		`identity.traits.newsletter`:                                                 true,
	} {
		got, err := holds(t, source, ada())
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
}

// What is not there is nil, however deep it is looked for, and nothing is an
// error that could be answered without it.
func TestConditionsOverWhatIsAbsent(t *testing.T) {
	for source, want := range map[string]bool{
		`identity.traits.nick == nil`:                        true,
		`identity.traits.nick.deeper["and"].deeper != nil`:   false,
		`identity.traits.nick == "ada"`:                      false,
		`identity.traits.nick != "ada"`:                      true,
		`identity.traits.nick contains "a"`:                  false,
		`identity.traits.nick matches "a"`:                   false,
		`identity.traits.nick in ["a"]`:                      false,
		`"a" in identity.traits.nick`:                        false,
		`identity.traits.nick`:                               false,
		`not identity.traits.nick`:                           true,
		`identity.traits.nick && true`:                       false,
		`true and identity.traits.nick`:                      false,
		`identity.traits.nick || flow.type == "browser"`:     true,
		`all(identity.traits.tags, identity.traits.nick)`:    false,
		`(identity.traits.nick ?? 0) > 18`:                   false,
		`any(identity.traits.nick, # == "a")`:                false,
		`all(identity.traits.nick, # == "a")`:                true,
		`count(identity.traits.nick, # == "a") == 0`:         true,
		`session.authenticator_assurance_level == "aal2"`:    false,
		`session == nil and flow.transient_payload.x == nil`: true,
		`request_cookies.ory_kratos_session == nil`:          true,
		`request_headers["X-None"][0] == "a"`:                false,
	} {
		got, err := holds(t, source, ada())
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
}

// What the compiler takes for text is text, in a ctx without any request as well.
func TestConditionsWithoutACtx(t *testing.T) {
	for source, want := range map[string]bool{
		`request_method == "POST"`:                          false,
		`request_method + request_url == ""`:                true,
		`lower(request_url) startsWith "https"`:             false,
		`request_url matches "^$" and len(request_url) < 1`: true,
		`identity.traits.email == nil`:                      true,
		`any(request_headers["X-Country"], # == "DE")`:      false,
	} {
		got, err := holds(t, source, nil)
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
}

func BenchmarkCondition(b *testing.B) {
	c, err := hook.CompileCondition(`identity.traits.email endsWith "@example.org" and request_method == "POST"`)
	require.NoError(b, err)
	env := ada()
	for b.Loop() {
		if _, err := c.Holds(env); err != nil {
			b.Fatal(err)
		}
	}
}

func TestNoConditionHolds(t *testing.T) {
	var c *hook.Condition
	got, err := c.Holds(nil)
	require.NoError(t, err)
	require.True(t, got)
}

func TestConditionsThatCannotBeEvaluated(t *testing.T) {
	for source, want := range map[string]string{
		`identity.traits.nick > 18`:                                         "condition:1:22: the operator does not fit",
		`request_method == 'POST' and identity.traits.email < 5`:            "condition:1:52: the operator does not fit",
		`identity.traits.email + 5 == 1`:                                    "condition:1:23: the operator does not fit",
		"request_method == 'POST' and\n  lower(identity.traits.nick) == ''": "condition:2:3: ",
		`len(identity.traits.nick) == 0`:                                    "condition:1:1: ",
		`request_headers["X-Country"][7] == "a"`:                            "the list has no such entry",
		`identity.traits.email.domain == "a"`:                               "condition:1:23: ",
		`identity.traits.email`:                                             "condition",
		`all(identity.traits, # == "a")`:                                    "something other than a list",
		`1 % (identity.traits.age - 36) == 0`:                               "condition:1:3: ",
	} {
		got, err := holds(t, source, ada())
		require.ErrorContains(t, err, want, source)
		require.False(t, got, source)
		for _, value := range []string{"ada@", "example", "36", "GB"} {
			require.NotContains(t, strings.Replace(err.Error(), source, "", 1), value, source)
		}
	}
	env := ada()
	env["identity"] = map[string]any{"traits": math.Inf(1), "secret": "hunter2"}
	_, err := holds(t, `identity.id == "x"`, env)
	require.EqualError(t, err, "condition: ctx.identity cannot be JSON (map[string]interface {})")
	got, err := holds(t, `request_method == "POST"`, env)
	require.NoError(t, err, "what a condition does not use is not looked at")
	require.True(t, got)
}

func TestConditionsThatAreRefused(t *testing.T) {
	for source, want := range map[string]string{
		``:                                "condition:1:1: ",
		`1`:                               "expected bool, but got int",
		`"sesame"`:                        "expected bool, but got string",
		`idenity.id == "sesame"`:          "condition:1:1: unknown name idenity",
		`request_method > 5`:              "condition:1:16: ",
		"true &&\n  (request_method == 1": "condition:2:",
		`identity.`:                       "condition:1:9: ",
		`identity.id == "sesame`:          "condition:1:",
		`identity.id == "sesame" "open"`:  "condition:1:25: unexpected token",
		`identity.id matches "(sesame"`:   "condition:1:13: ",
		`$env == nil`:                     "$env is not allowed",
		`let x = "sesame"; x == "sesame"`: "condition:1:5: variables and sequences",
		`any(identity.t, let x = #; x == "sesame")`:             "variables and sequences",
		`any(flow.a, any(flow.b, # == 1))`:                      "a loop inside a loop",
		`true; true`:                                            "variables and sequences",
		`any(1..1000000000, # == 5)`:                            "ranges are not allowed",
		`repeat("a", 1000000000) == "a"`:                        "condition:1:1: there is no such function",
		`any(map(identity.t, #), # == 1)`:                       "there is no such function",
		`reduce(identity.t, #acc + #acc, "a") == "a"`:           "there is no such function",
		`sum(identity.t) == 1`:                                  "there is no such function",
		`sortBy(identity.t, #) == nil`:                          "there is no such function",
		`now() > date("2026-01-01")`:                            "there is no such function",
		`fromJSON("[]") == nil`:                                 "there is no such function",
		`identity.String() == ""`:                               "there is no such function",
		`true || ` + strings.Repeat("1 == 1 || ", 200) + `true`: "nodes",
		strings.Repeat(" ", 5000) + `true`:                      "at most 4096",
	} {
		c, err := hook.CompileCondition(source)
		require.ErrorContains(t, err, want, source)
		require.Nil(t, c, source)
		require.NotContains(t, err.Error(), "sesame", source)
		require.NotContains(t, err.Error(), "\n", source)
	}
}

// quick fails the test unless fn takes less than half a second in one of a few tries: the
// machine may have other things to do.
func quick(t *testing.T, what string, fn func()) {
	t.Helper()
	best := time.Hour
	for range 8 {
		start := time.Now()
		fn()
		if best = min(best, time.Since(start)); best < 500*time.Millisecond {
			return
		}
	}
	t.Errorf("%.60s takes %s", what, best)
}

// However hostile the values are, and the condition, there is an end.
func TestHostileConditionsEnd(t *testing.T) {
	many, long := make([]any, 4000), strings.Repeat("a", 64<<10)
	for i := range many {
		many[i] = long
	}
	env := map[string]any{
		"flow":     map[string]any{"many": make([]int, 5000)},
		"identity": map[string]any{"long": long},
		"session":  map[string]any{"some": many[:2]},
	}
	for _, source := range []string{
		`all(flow.many, # == 0) and none(flow.many, # == 1)`,
		`identity.long matches "(a|aa|aaa)+b" or true`,
		`any(session.some, # matches "b") or true`,
	} {
		c, err := hook.CompileCondition(source)
		require.NoError(t, err, source)
		quick(t, source, func() {
			got, err := c.Holds(env)
			require.NoError(t, err, source)
			require.True(t, got)
		})
	}
	for _, source := range []string{
		strings.Repeat("(", 4000), strings.Repeat("[", 4000), strings.Repeat("!", 4000) + "true", strings.Repeat("not ", 1000) + "true",
		strings.Repeat("-", 4000) + "1", strings.Repeat("any(flow,", 400), "flow" + strings.Repeat(".a", 2000), "flow" + strings.Repeat("?.a", 1000),
		strings.Repeat("true ? ", 500), strings.Repeat("{", 4000), strings.Repeat(`"a" + `, 600) + `"a"`, strings.Repeat("9", 4000), `"` + strings.Repeat(`\u`, 2000),
		"flow" + strings.Repeat(" | any(true)", 300), strings.Repeat("if true {", 400), strings.Repeat("1 ?? ", 800) + "1", "9 ** 9 ** 9 ** 9 ** 9 ** 9", strings.Repeat("\xff", 4000), "\x00", "//", "/*",
	} {
		quick(t, source, func() {
			_, err := hook.CompileCondition(source)
			require.Error(t, err, "%.60s", source)
		})
	}
}

func TestOneConditionServesMany(t *testing.T) {
	c, err := hook.CompileCondition(`any(identity.traits.tags, # == "b") and request_method == "POST"`)
	require.NoError(t, err)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			env := ada()
			if n%2 == 1 {
				env["request_method"] = "GET"
			}
			for range 50 {
				got, err := c.Holds(env)
				if err != nil || got != (n%2 == 0) {
					t.Errorf("%d: %v, %v", n, got, err)
				}
			}
		})
	}
	all.Wait()
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{`identity.traits.email endsWith "@example.org"`, `any(identity.traits.tags, # == "b" ?? nil)`, `flow.a?.b[1:2] matches "a+"`, `1 in [1, -2]`, `identity.traits.age ** 2 > 3 ? true : false`} {
		f.Add(s)
	}
	env := ada()
	f.Fuzz(func(t *testing.T, source string) {
		c, err := hook.CompileCondition(source)
		if err != nil {
			if c != nil {
				t.Fatal("a condition beside its error")
			}
			return
		}
		if got, err := c.Holds(env); err != nil && got {
			t.Fatal("it holds beside its error")
		}
	})
}
