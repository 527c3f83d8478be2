package selfservice_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/testdb"
)

// settingsPage is where settings are drawn.
const settingsPage = "http://127.0.0.1:4455/settings?flow="

// withRecovery lets people recover by use, and leads them on as the flag says.
func withRecovery(use string, flag bool) []enginetest.Option {
	return append(withBothWays(use), enginetest.With("feature_flags.use_continue_with_transitions", flag))
}

// forget opens a recovery and has a message sent.
func forget(t *testing.T, c client, query, email string) flow {
	t.Helper()
	f := c.OpenKind("recovery", query)
	f = c.Say(f, values{"method": f.Active, "email": email})
	require.Equal(t, "sent_email", f.State, messages(f))
	return f
}

// recovered is what an answer to the right secret tells, on one line: the status,
// where it leads, and what to do there.
func recovered(a answer) string {
	if a.Status == http.StatusSeeOther {
		return "303 " + regexpID.ReplaceAllString(a.Location().String(), "ID")
	}
	var v struct {
		State    string `json:"state"`
		To       string `json:"redirect_browser_to"`
		Continue []struct {
			Action string `json:"action"`
		} `json:"continue_with"`
		Error struct {
			Details struct {
				Continue []struct {
					Action string `json:"action"`
				} `json:"continue_with"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal(a.Body, &v)
	line := strings.TrimSpace(fmt.Sprint(a.Status, " ", v.State, a.ErrorID(), " ", regexpID.ReplaceAllString(v.To, "ID")))
	for _, todo := range append(v.Continue, v.Error.Details.Continue...) {
		line += " " + todo.Action
	}
	return line
}

// ends is how a recovery ends, by client and feature flag.
var ends = map[bool]map[enginetest.ClientKind]string{
	true: {
		enginetest.HTML:   "303 " + settingsPage + "ID",
		enginetest.JSON:   "200 passed_challenge redirect_browser_to show_settings_ui",
		enginetest.Native: "200 passed_challenge set_ory_session_token show_settings_ui",
	},
	false: {
		enginetest.HTML:   "303 " + settingsPage + "ID",
		enginetest.JSON:   "422 browser_location_change_required " + settingsPage + "ID redirect_browser_to show_settings_ui",
		enginetest.Native: "422 browser_location_change_required " + settingsPage + "ID set_ory_session_token show_settings_ui",
	},
}

// skipped is how it ends without settings.
var skipped = map[bool]map[enginetest.ClientKind]string{
	true: {
		enginetest.HTML:   "303 https://app.example.org/in/x?a=b&state=s+1",
		enginetest.JSON:   "200 passed_challenge redirect_browser_to",
		enginetest.Native: "200 passed_challenge set_ory_session_token",
	},
	false: {
		enginetest.HTML:   "303 https://app.example.org/in/x?a=b&state=s+1",
		enginetest.JSON:   "422 browser_location_change_required https://app.example.org/in/x?a=b&state=s+1 redirect_browser_to",
		enginetest.Native: "422 browser_location_change_required https://app.example.org/in/x?a=b&state=s+1 set_ory_session_token",
	},
}

// Each row of the protocol's table for recovery by code, for each client, with
// and without the flag.
func TestRecoveryByCode(t *testing.T) {
	for _, flag := range []bool{true, false} {
		env := enginetest.New(t, withRecovery("code", flag)...)
		for _, c := range env.Clients() {
			t.Run(fmt.Sprint(c.Kind, " ", flag), func(t *testing.T) {
				email := address()
				env.Native().SignUp(enginetest.Person(email))
				submit := func(f flow, v values) string { return tell(c, c.Submit(f, v)) }

				f := c.OpenKind("recovery", "")
				require.Equal(t, []string{"choose_method", "code"}, []string{f.State, f.Active})
				require.Equal(t, env.PublicURL+"/self-service/recovery?flow="+f.ID, f.UI.Action)
				require.Equal(t, []string{"default csrf_token hidden 0", "code email email 1070007", "code method submit 1070009 code"}, drawn(f))
				require.Equal(t, per(c, 400, "email:4000002"), submit(f, values{"method": "code"}))
				require.Equal(t, per(c, 400, "email:4000040"), submit(f, values{"method": "code", "email": "@"}))
				require.Equal(t, per(c, 400, "email:4000002"), submit(f, values{"method": "code", "code": "123456"}), "nothing is awaited yet")
				for _, v := range []values{{"email": email}, {"method": "magic", "email": email}} {
					require.Equal(t, per(c, 400, "4010005"), submit(f, v), "%v", v)
				}
				before := len(env.Inbox(email))
				require.Equal(t, per(c, 200, "1060003"), submit(f, values{"method": "code", "email": email}))
				require.Len(t, env.Inbox(email), before+1)
				f = c.ReadKind("recovery", f.ID)
				require.Equal(t, []string{
					"default csrf_token hidden 0", "code code text 1070010", "code method hidden 0 code", "code method submit 1070009 code",
					"code email submit 1070008 " + email,
				}, drawn(f))
				require.Equal(t, per(c, 400, "code:4000002"), submit(f, values{"method": "code"}))
				require.Equal(t, per(c, 200, "1060003"), submit(f, values{"method": "code", "email": email}), "the resend button")
				mails := env.Inbox(email)
				require.Len(t, mails, before+2)
				require.Equal(t, per(c, 200, "4060006"), submit(f, values{"method": "code", "code": mails[1].Code()}), "sent before")
				require.Equal(t, per(c, 200, "4060006"), submit(f, values{"method": "code", "code": other(mails[0].Code())}))
				require.Equal(t, per(c, 200, "4060004"), submit(f, values{"method": "code", "token": strings.Repeat("x", 32)}))
				require.False(t, c.SignedIn())
				require.False(t, verified(t, env, email))

				right := values{"method": "code", "code": mails[0].Code()}
				a := c.Adopt(c.Submit(f, right))
				require.Equal(t, ends[flag][c.Kind], recovered(a), "%s", a.Body)
				require.True(t, verified(t, env, email))
				require.True(t, c.SignedIn())
				require.Equal(t, "code_recovery", method(c))
				settings := c.Arrive("settings", a)
				require.Equal(t, []int{1060001}, settings.IDs(""))

				again := c.Submit(f, right)
				require.Equal(t, recovered(a), recovered(again), "the same submit has the same answer")
				c.Adopt(again)
				require.Equal(t, settings.ID, c.Arrive("settings", again).ID)
				require.Equal(t, per(c, 400, "4060001"), submit(f, right.With("code", "123456")))
				require.Equal(t, []int{4060001}, c.ReadKind("recovery", f.ID).IDs(""))
				stranger := clientOf(env, c.Kind)
				stranger.Adopt(stranger.Submit(f, right.With("code", mails[0].Code()+" ")))
				require.False(t, stranger.SignedIn())

				kind := map[bool]string{true: "api", false: "browser"}[c.Kind == enginetest.Native]
				opened := c.Get("/self-service/recovery/" + kind)
				if c.Kind == enginetest.HTML {
					require.Equal(t, "303 http://127.0.0.1:4455/", tell(c, opened))
				} else {
					require.Equal(t, "400 session_already_available", tell(c, opened))
				}
			})
		}
	}
}

// method is how the session of a client began.
func method(c client) string {
	var v struct {
		Methods []struct {
			Method string `json:"method"`
		} `json:"authentication_methods"`
	}
	c.Whoami("").Decode(&v)
	return v.Methods[0].Method
}

// By link, in the browser that asked, in another one, and for an app that asked.
func TestRecoveryByLink(t *testing.T) {
	for _, flag := range []bool{true, false} {
		env := enginetest.New(t, withRecovery("link", flag)...)
		for _, c := range env.Clients() {
			for _, opener := range []client{c, env.Browser(), env.SPA()} {
				if opener.Kind == enginetest.Native {
					continue // apps are sent no links that they could open
				}
				t.Run(fmt.Sprint(c.Kind, " ", opener.Kind, " ", opener == c, " ", flag), func(t *testing.T) {
					asking := clientOf(env, c.Kind)
					if opener == c {
						opener = asking
					}
					email := address()
					env.Native().SignUp(enginetest.Person(email))
					f := forget(t, asking, "return_to="+url.QueryEscape("https://app.example.org/in/x"), email)
					require.Equal(t, "link", f.Active)
					require.Equal(t, []int{1060002}, f.IDs(""))
					require.Equal(t, []string{"default csrf_token hidden 0", "link email email 1070007 " + email, "link method submit 1070009 link"}, drawn(f))
					mail := env.Inbox(email)[0]
					require.Equal(t, "recovery_valid", mail.Template)
					require.Empty(t, mail.Code())

					scanned := env.Rows().Without("flows")
					for range 3 {
						env.Browser().Get(mail.Link())
						head := env.Native()
						require.Equal(t, http.StatusSeeOther, head.Do(head.Request(http.MethodHead, mail.Link(), nil)).Status)
					}
					require.Empty(t, env.Rows().Without("flows").Since(scanned), "looking spends nothing")

					shown := opener.Follow(mail.Link())
					require.Equal(t, opener == asking, shown.ID == f.ID)
					token := shown.Value("token")
					require.Equal(t, []string{
						"default csrf_token hidden 0", fmt.Sprint("link token hidden 0 ", token), "link method submit 1060102 link",
					}, drawn(shown))
					wrong := values{"method": "link", "token": strings.Repeat("x", 32)}
					require.Equal(t, per(opener, 200, "4060004"), tell(opener, opener.Submit(shown, wrong)))
					shown = opener.Follow(mail.Link())
					a := opener.Submit(shown, values{"method": "link", "token": token})
					require.Equal(t, ends[flag][opener.Kind], recovered(a), "%s", a.Body)
					require.True(t, opener.SignedIn())
					require.Equal(t, "link_recovery", method(opener))
					require.Equal(t, "https://app.example.org/in/x", opener.Arrive("settings", a).ReturnTo)
					require.True(t, verified(t, env, email))
					require.Equal(t, opener == asking, asking.SignedIn())
					require.Equal(t, "passed_challenge", asking.ReadKind("recovery", f.ID).State)
					require.Empty(t, asking.ReadKind("recovery", f.ID).Value("token"))

					late := env.Browser()
					again := late.Follow(mail.Link())
					require.Equal(t, "303 form 4060004", tell(late, late.Submit(again, values{"method": "link", "token": token})), "once")
					require.False(t, late.SignedIn())
				})
			}
		}
	}
}

// Where the person wanted to go is where they end, with what they brought along,
// after settings or without.
func TestRecoveryGoesOn(t *testing.T) {
	for _, flag := range []bool{true, false} {
		env := enginetest.New(t, withRecovery("code", flag)...)
		query := "state=s+1&return_to=" + url.QueryEscape("https://app.example.org/in/x?a=b")
		for _, c := range env.Clients() {
			for _, skip := range []bool{true, false} {
				c := clientOf(env, c.Kind)
				email := address()
				person(t, env, email)
				f := forget(t, c, fmt.Sprint(query, "&skip_settings=", skip), email)
				require.Equal(t, "s 1", f.Foyer.State)
				a := c.Adopt(c.Submit(f, values{"method": "code", "code": code(t, env, email)}))
				require.True(t, c.SignedIn())
				if skip {
					require.Equal(t, skipped[flag][c.Kind], recovered(a), "%s", a.Body)
					continue
				}
				f = c.Arrive("settings", a)
				require.Equal(t, "https://app.example.org/in/x?a=b", f.ReturnTo)
				require.Equal(t, "s 1", f.Foyer.State)
				a = c.Submit(f, values{"method": "password", "password": "another Passphrase 10"})
				if c.Kind == enginetest.HTML {
					require.Equal(t, "https://app.example.org/in/x?a=b&state=s+1", a.Location().String())
				}
			}
		}
		refused := env.SPA().Get("/self-service/recovery/browser?return_to=https://evil.example.com/")
		require.Equal(t, "400 self_service_flow_return_to_forbidden", tell(env.SPA(), refused))
	}
}

// A link that is opened on another device leads where the person wanted to go,
// too, and past the settings where they wanted none.
func TestRecoveryElsewhereGoesOn(t *testing.T) {
	for _, flag := range []bool{true, false} {
		env := enginetest.New(t, withRecovery("link", flag)...)
		query := "skip_settings=true&state=s+1&return_to=" + url.QueryEscape("https://app.example.org/in/x?a=b")
		for _, c := range env.Clients()[:2] {
			email := address()
			person(t, env, email)
			forget(t, c, query, email)
			other := clientOf(env, c.Kind)
			shown := other.Follow(env.Inbox(email)[0].Link())
			a := other.Submit(shown, values{"method": "link", "token": shown.Value("token")})
			require.Equal(t, skipped[flag][c.Kind], recovered(a), "%s", a.Body)
			require.True(t, other.SignedIn())
		}
	}
}

// Whose address it is, and in what state, is told in the mailbox alone: whatever
// is asked and guessed looks the same and writes the same.
func TestRecoveryOfAnyAddress(t *testing.T) {
	for _, use := range []string{"code", "link"} {
		env := enginetest.New(t, append(withRecovery(use, true), enginetest.WithSchema(TwoRecoverable))...)
		for _, c := range env.Clients() {
			if use == "link" && c.Kind != enginetest.JSON {
				continue // the same engine behind another form
			}
			people := map[string]string{}
			for _, state := range []string{"unknown", "unverified", "verified", "inactive", "beside a proved one"} {
				people[state] = address()
				for len(people[state]) != len(people["unknown"]) {
					people[state] = address()
				}
			}
			for _, state := range []string{"unverified", "verified", "inactive"} {
				person(t, env, people[state])
			}
			beside := address()
			made := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"traits": map[string]any{"email": beside, "work": people["beside a proved one"]}})
			require.Equal(t, http.StatusCreated, made.Status)
			for _, proved := range []string{people["verified"], beside} {
				env.Exec("UPDATE addresses SET verified = 1, status = 'completed' WHERE value = ?", proved)
			}
			env.Exec("UPDATE identities SET state = 'inactive' WHERE id = (SELECT identity_id FROM addresses WHERE value = ? LIMIT 1)", people["inactive"])
			var first []string
			for state, email := range people {
				log := askedAndGuessed(env, c, use, email)
				if first == nil {
					first = log
				}
				require.Equal(t, first, log, "%s: %s", c.Kind, state)
				wanted := 3
				if state == "unknown" || state == "beside a proved one" {
					wanted = 0
				}
				require.Len(t, env.Inbox(email), wanted, state)
			}
		}
	}
}

// TwoRecoverable is a schema with two addresses to be proved and to recover by.
const TwoRecoverable = `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
	"email": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}, "recovery": {"via": "email"}}},
	"work": {"type": "string", "format": "email", "ory.sh/kratos": {"verification": {"via": "email"}, "recovery": {"via": "email"}}}
}, "required": ["email"]}}}`

// askedAndGuessed has messages sent to an address, too often, and guesses, and
// returns all that was told and written.
func askedAndGuessed(env *enginetest.Env, c client, use, email string) (log []string) {
	f := c.OpenKind("recovery", "")
	before := env.Rows()
	note := func(v values) {
		a := c.Submit(f, v)
		log = append(log, masked(a, email), soon(env, a))
		if c.Kind == enginetest.JSON { // looking takes long
			after := env.Rows()
			log = append(log, after.Since(before))
			before = after
		}
	}
	asked := values{"method": use, "email": email}
	for range 4 { // first and second at once; too early, twice
		note(asked)
	}
	env.Clock.Advance(10 * time.Minute)
	note(asked)
	note(asked)
	for range 7 {
		note(values{"method": use, "code": "000000"})
	}
	note(values{"method": use, "token": strings.Repeat("x", 32)})
	return append(log, masked(c.Get("/self-service/recovery/flows?id="+f.ID), email))
}

// Five guesses are judged in a flow, ten in an hour for an address; then the
// right one is refused and the link still works.
func TestRecoveryGuesses(t *testing.T) {
	env := enginetest.New(t, withRecovery("code", true)...)
	for _, c := range env.Clients() {
		email := address()
		person(t, env, email)
		for n := range 3 {
			f := forget(t, c, "", email)
			right := code(t, env, email)
			for range map[int]int{0: 5, 1: 5, 2: 0}[n] {
				require.Equal(t, per(c, 200, "4060006"), tell(c, c.Submit(f, values{"method": "code", "code": other(right)})))
			}
			told := per(c, 400, map[int]string{0: "4000001", 1: "4000001", 2: "4000101"}[n])
			require.Equal(t, told, tell(c, c.Submit(f, values{"method": "code", "code": right})), "%s %d", c.Kind, n)
		}
		browser := env.Browser()
		f := browser.Follow(env.Inbox(email)[0].Link())
		browser.Submit(f, values{"method": "code", "token": f.Value("token")})
		require.True(t, browser.SignedIn())
		env.Clock.Advance(time.Hour)
	}
}

// However many right answers come at once, they are one recovery: one session.
func TestRecoveryInParallel(t *testing.T) {
	const at = 64
	env := enginetest.New(t, withRecovery("code", true)...)
	for _, c := range []client{env.Native(), env.SPA()} {
		email := address()
		id := person(t, env, email)
		f := forget(t, c, "", email)
		for _, a := range parallel(c, f, repeated(values{"method": "code", "code": code(t, env, email)}, at)) {
			require.NotNil(t, a)
			require.Contains(t, []string{"200 form", "400 form 4000001", "400 form 4060001", "503 flow_contended"}, tell(c, a))
		}
		sessions := 0
		for _, row := range env.Rows()["sessions"] {
			if strings.Contains(row, id) {
				sessions++
			}
		}
		require.Equal(t, 1, sessions)
		require.Equal(t, 1, epoch(t, env, id))
	}
}

// What comes too late leads on: a code to another code, a flow to another flow.
func TestRecoveryExpires(t *testing.T) {
	env := enginetest.New(t, withRecovery("code", true)...)
	for _, c := range env.Clients() {
		email := address()
		person(t, env, email)
		f := forget(t, c, "", email)
		late := values{"method": "code", "code": code(t, env, email)}
		env.Clock.Advance(10 * time.Minute)
		require.Equal(t, per(c, 200, "4060006"), tell(c, c.Submit(f, late)))
		env.Clock.Advance(time.Hour)
		a := c.Submit(f, late)
		if c.Kind == enginetest.HTML {
			require.Equal(t, "303 form 4060005", tell(c, a))
			f = c.ReadKind("recovery", a.Location().Query().Get("flow"))
		} else {
			require.Equal(t, "410 self_service_flow_expired", tell(c, a))
			f = c.ReadKind("recovery", a.JSON()["use_flow_id"].(string))
		}
		require.Equal(t, "choose_method", f.State)
		require.Equal(t, email, f.Value("email"))
		require.False(t, c.SignedIn())
		f = c.Say(f, values{"method": "code", "email": email})
		c.Adopt(c.Submit(f, values{"method": "code", "code": code(t, env, email)}))
		require.True(t, c.SignedIn())
	}
}

// Who is not allowed in learns it only with the right secret.
func TestRecoveryOfInactive(t *testing.T) {
	env := enginetest.New(t, withRecovery("code", true)...)
	for _, c := range env.Clients() {
		email := address()
		id := person(t, env, email)
		env.Exec("UPDATE identities SET state = 'inactive' WHERE id = ?", id)
		f := forget(t, c, "", email)
		before := env.Rows()
		require.Equal(t, per(c, 400, "4010011"), tell(c, c.Submit(f, values{"method": "code", "code": code(t, env, email)})))
		require.Equal(t, "flows~1", env.Rows().Without("budgets").Since(before.Without("budgets")))
		require.False(t, c.SignedIn())
	}
}

// People who are reached by phone recover by it.
func TestRecoveryByPhone(t *testing.T) {
	env := enginetest.New(t, append(withRecovery("code", true), enginetest.WithSchema(strings.Replace(byPhone, `"verification"`, `"recovery": {"via": "sms"}, "verification"`, 1)))...)
	for n, c := range env.Clients() {
		stored := fmt.Sprint("+4930901820", n)
		made := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"traits": map[string]any{"phone": stored}})
		require.Equal(t, http.StatusCreated, made.Status, "%s", made.Body)
		f := forget(t, c, "", "+49 30 901820 "+fmt.Sprint(n))
		require.Equal(t, "code sms submit 1070008 +49 30 901820 "+fmt.Sprint(n), drawn(f)[4])
		message := env.Inbox(stored)[0]
		require.Equal(t, []string{"sms", "recovery_code_valid"}, []string{message.Channel, message.Template})
		require.Contains(t, message.Text, message.Code())
		c.Adopt(c.Submit(f, values{"method": "code", "code": message.Code()}))
		require.Equal(t, made.JSON()["id"], whoIs(c))
	}
}

// Who has no account is written to where an operator wants that, by mail only.
func TestRecoveryNotifiesUnknown(t *testing.T) {
	for use, template := range map[string]string{"code": "recovery_code_invalid", "link": "recovery_invalid"} {
		env := enginetest.New(t, append(withRecovery(use, true), enginetest.With("selfservice.flows.recovery.notify_unknown_recipients", true))...)
		email := address()
		f := forget(t, env.SPA(), "", email)
		mail := env.Inbox(email)[0]
		require.Equal(t, template, mail.Template)
		require.Empty(t, []string{mail.Code(), mail.Link()}[0])
		require.Empty(t, mail.Link())
		require.NotContains(t, mail.Text, f.ID)
	}
}

// kept is what somebody has of an account on one server that another recovery,
// of an owner who proved everything, ends on another.
type kept struct {
	name string
	take func(t *testing.T, env *enginetest.Env, email string) (holds func() bool)
}

var endings = []kept{
	{"cookie", func(t *testing.T, env *enginetest.Env, email string) func() bool { return in(t, env.Browser(), email) }},
	{"token", func(t *testing.T, env *enginetest.Env, email string) func() bool { return in(t, env.Native(), email) }},
	{"settings", func(t *testing.T, env *enginetest.Env, email string) func() bool {
		c := env.SPA()
		in(t, c, email)
		f := c.OpenKind("settings", "")
		return func() bool {
			return c.Submit(f, values{"method": "profile", "traits.email": email}).Status == http.StatusOK
		}
	}},
	{"refresh by code", func(t *testing.T, env *enginetest.Env, email string) func() bool {
		c := env.Native()
		in(t, c, email)
		return answering(t, c, "login", "refresh=true", values{"identifier": email}, email)
	}},
	{"login by code", func(t *testing.T, env *enginetest.Env, email string) func() bool {
		return answering(t, env.Native(), "login", "", values{"identifier": email}, email)
	}},
	{"verification", func(t *testing.T, env *enginetest.Env, email string) func() bool {
		return answering(t, env.Native(), "verification", "", values{"email": email}, email)
	}},
	{"recovery", func(t *testing.T, env *enginetest.Env, email string) func() bool {
		return answering(t, env.Native(), "recovery", "", values{"email": email}, email)
	}},
	{"an operator's code", func(t *testing.T, env *enginetest.Env, email string) func() bool {
		made := rescue(t, env, "code", map[string]any{"identity_id": idOf(t, env, email), "flow_type": "api"})
		c := env.Native()
		f := c.ReadKind("recovery", flowOf(made["recovery_link"]))
		return func() bool {
			c.Adopt(c.Submit(f, values{"method": "code", "code": made["recovery_code"]}))
			return c.SignedIn()
		}
	}},
	{"an operator's link", func(t *testing.T, env *enginetest.Env, email string) func() bool {
		made := rescue(t, env, "link", map[string]any{"identity_id": idOf(t, env, email)})
		return following(env, made["recovery_link"].(string))
	}},
}

// in signs in and tells whether that lasts.
func in(t *testing.T, c client, email string) func() bool {
	t.Helper()
	a := c.SignIn("", enginetest.Credentials(email))
	require.Less(t, a.Status, 400, "%s", a.Body)
	return c.SignedIn
}

// answering asks for a message and tells whether its code, or else its link,
// proves anything.
func answering(t *testing.T, c client, kind, query string, who values, email string) func() bool {
	t.Helper()
	var f flow
	mail := arriving(t, c.Env, email, func() {
		f = c.Say(c.OpenKind(kind, query), who.With("method", "code"))
	})
	return func() bool {
		a := c.Submit(f, who.Without("email").With("method", "code").With("code", mail.Code()))
		if sessionStarts(a) || bytes.Contains(a.Body, []byte("passed_challenge")) {
			return true
		}
		return mail.Link() != "" && following(c.Env, mail.Link())()
	}
}

// sessionStarts reports whether an app is given a session.
func sessionStarts(a answer) bool { return bytes.Contains(a.Body, []byte("ory_st_")) }

// arriving is the message that doing something brings to an address. Servers have
// clocks of their own, so the newest one may be another.
func arriving(t *testing.T, env *enginetest.Env, email string, do func()) enginetest.Mail {
	t.Helper()
	before := env.Inbox(email)
	do()
	for _, mail := range env.Inbox(email) {
		if !slices.ContainsFunc(before, func(m enginetest.Mail) bool { return m.ID == mail.ID }) {
			return mail
		}
	}
	t.Fatal("no message arrives")
	return enginetest.Mail{}
}

// following tells whether a link still proves anything.
func following(env *enginetest.Env, link string) func() bool {
	return func() bool {
		c := env.SPA()
		f := c.Follow(link)
		return bytes.Contains(c.Submit(f, values{"method": "code", "token": f.Value("token")}).Body, []byte("passed_challenge"))
	}
}

func idOf(t *testing.T, env *enginetest.Env, email string) string {
	t.Helper()
	var found []struct {
		ID string `json:"id"`
	}
	env.Admin(http.MethodGet, "/admin/identities?credentials_identifier="+url.QueryEscape(email), nil).Decode(&found)
	require.Len(t, found, 1)
	return found[0].ID
}

// A recovery ends, before it is answered, whatever else leads to the account, on
// every server: whoever recovers does not know who else is in.
func TestRecoveryEndsEverythingElse(t *testing.T) {
	options := append(contestedOptions(), enginetest.With("selfservice.methods.link.enabled", true))
	t.Run("one server", func(t *testing.T) {
		env := enginetest.New(t, options...)
		endAll(t, env, env)
	})
	t.Run("two servers", func(t *testing.T) {
		on := append(options, enginetest.WithDSN(testdb.Postgres(t)))
		endAll(t, enginetest.New(t, on...), enginetest.New(t, on...))
	})
}

func endAll(t *testing.T, theirs, ours *enginetest.Env) {
	for _, k := range endings {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			for _, by := range []string{"code", "link", "operator"} {
				email := address()
				ours.Native().SignUp(enginetest.Person(email))
				c := ours.Native()
				c.Submit(ask(t, c, email), values{"method": "code", "code": code(t, ours, email)})
				require.True(t, verified(t, ours, email))
				if by == "code" {
					require.True(t, k.take(t, theirs, email)(), "leads in at first")
				}
				holds := k.take(t, theirs, email)
				c = ours.SPA()
				comeBack(t, ours, c, by, email)
				require.True(t, c.SignedIn())
				require.False(t, holds(), "by %s", by)
				require.True(t, c.SignedIn())
			}
		})
	}
}

// A change of address that waits for its proof is void once the owner has come
// back, however often its message is asked for again.
func TestRecoveryEndsAddressChange(t *testing.T) {
	env := enginetest.New(t, append(withRecovery("code", true), enginetest.WithStealth(), enginetest.With("courier.budget.per_10_minutes", 100))...)
	for _, by := range []string{"", "code", "link", "operator"} {
		email, own := address(), address()
		f := env.Native().Open("")
		thief := env.Native()
		f = thief.Say(f, enginetest.Person(email))
		require.Equal(t, "200 done session token", tell(thief, thief.Adopt(thief.Submit(f, values{"method": "code", "code": code(t, env, email)}))))
		id := whoIs(thief)
		a := thief.Submit(thief.OpenKind("settings", ""), values{"method": "profile", "traits.email": own})
		mail := env.Inbox(own)[0]
		waits := thief.ReadKind("verification", flowOf(mail.Link()))
		require.Equal(t, "sent_email", waits.State, "%s", a.Body)
		require.NotContains(t, string(env.Admin(http.MethodGet, "/admin/identities/"+id, nil).Body), own, "held back")

		c := env.SPA()
		if by != "" {
			comeBack(t, env, c, by, email)
			require.True(t, c.SignedIn())
			require.False(t, thief.SignedIn())
		}
		told := map[bool]string{true: "200 form 1080002", false: "200 form 4070006"}[by == ""]
		require.Equal(t, told, tell(thief, thief.Submit(waits, values{"method": "code", "code": mail.Code()})), by)
		moved := env.Admin(http.MethodGet, "/admin/identities/"+id, nil)
		require.Equal(t, by == "", strings.Contains(string(moved.Body), own), "%s", moved.Body)
		if by == "" {
			continue
		}
		require.Equal(t, "200 form 1080003", tell(thief, thief.Submit(waits, values{"method": "code", "email": own})))
		require.Equal(t, told, tell(thief, thief.Submit(waits, values{"method": "code", "code": code(t, env, own)})), by)
		require.False(t, following(env, mail.Link())())
		require.Equal(t, email, c.OpenKind("settings", "").Value("traits.email"))
	}
}

// comeBack recovers.
func comeBack(t *testing.T, env *enginetest.Env, c client, by, email string) {
	t.Helper()
	switch by {
	case "code":
		var f flow
		mail := arriving(t, env, email, func() { f = forget(t, c, "", email) })
		c.Submit(f, values{"method": "code", "code": mail.Code()})
	case "link":
		f := c.Follow(arriving(t, env, email, func() { forget(t, env.Native(), "", email) }).Link())
		c.Submit(f, values{"method": "code", "token": f.Value("token")})
	default:
		made := rescue(t, env, "code", map[string]any{"identity_id": idOf(t, env, email)})
		c.Submit(c.ReadKind("recovery", flowOf(made["recovery_link"])), values{"method": "code", "code": made["recovery_code"]})
	}
}
