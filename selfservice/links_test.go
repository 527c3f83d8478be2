package selfservice_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

var mailed = flag.Int("links", 50, "mailed links to fetch and to press")

// Mail scanners fetch links, some of them all links, several times. However
// often a link was fetched, it works once for the person who presses the button.
func TestFetchedLinks(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	asking, scanner := env.Native(), env.Browser()
	links := map[string]string{}
	for range *mailed {
		email := address()
		person(t, env, email)
		ask(t, asking, email)
		links[email] = env.Inbox(email)[0].Link()
	}
	before := env.Rows().Without("flows")
	for _, link := range links {
		for n := range 5 {
			c := scanner
			if n%2 == 1 {
				c = env.Native()
				c.Head = http.Header{}
			}
			require.Contains(t, []int{200, 303}, c.Get(link).Status)
			head := c.Do(c.Request(http.MethodHead, link, nil))
			require.Equal(t, http.StatusSeeOther, head.Status)
			require.Empty(t, head.Body)
		}
	}
	require.Empty(t, env.Rows().Without("flows").Since(before), "nothing is spent by looking")
	for email, link := range links {
		require.False(t, verified(t, env, email))
		c := env.Browser()
		f := c.Follow(link)
		v := values{"method": "code", "token": f.Value("token")}
		require.Equal(t, "303 form 1080002", tell(c, c.Submit(f, v)))
		require.True(t, verified(t, env, email))

		late := env.Browser()
		f = late.Follow(link)
		require.Equal(t, "303 form 4070001", tell(late, late.Submit(f, v)), "once")
	}
	for _, row := range env.Rows()["identities"] {
		require.True(t, strings.HasSuffix(row, "\x1f1"), "one proof each: %s", row)
	}
}

// What a mailed link leads to, for each client, here and elsewhere.
func TestVerificationByLink(t *testing.T) {
	env := enginetest.New(t, enginetest.WithLinks())
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := address()
			person(t, env, email)
			submit := func(f flow, v values) string { return tell(c, c.Submit(f, v)) }

			f := c.OpenKind("verification", "")
			require.Equal(t, "link", f.Active)
			require.Equal(t, []string{"default csrf_token hidden 0", "link email email 1070007", "link method submit 1070009 link"}, drawn(f))
			require.Equal(t, per(c, 400, "email:4000002"), submit(f, values{"method": "link"}))
			require.Equal(t, per(c, 400, "email:4000040"), submit(f, values{"method": "link", "email": "@"}))
			require.Equal(t, per(c, 400, "4010006"), submit(f, values{"email": email}))
			require.Equal(t, per(c, 200, "1080001"), submit(f, values{"method": "link", "email": email}))
			f = c.ReadKind("verification", f.ID)
			require.Equal(t, "sent_email", f.State)
			mail := env.Inbox(email)[0]
			require.Equal(t, "verification_valid", mail.Template)
			require.Empty(t, mail.Code())
			link, err := url.Parse(mail.Link())
			require.NoError(t, err)
			require.Equal(t, env.PublicURL+"/self-service/verification", link.Scheme+"://"+link.Host+link.Path)
			require.Len(t, link.Query()["token"][0], 32)
			require.Equal(t, f.ID, link.Query().Get("flow"))

			for _, wrong := range []string{"x", strings.Repeat("x", 32), strings.Repeat("x", 5000), strings.ToUpper(link.Query().Get("token")) + "A"} {
				require.Equal(t, per(c, 200, "4070001"), submit(f, values{"method": "link", "token": wrong}), "%.10s", wrong)
			}
			require.Equal(t, per(c, 200, "4070001"), submit(f, values{"method": "link", "code": "123456"}), "a link has no code")
			require.False(t, verified(t, env, email))
			require.Equal(t, per(c, 200, "1080002"), submit(f, values{"method": "link", "token": link.Query().Get("token")}))
			require.True(t, verified(t, env, email))
		})
	}
}

// A link opened where the flow was started goes on in that flow; elsewhere a
// flow of that client's own takes its place, and both are at the end then.
func TestLinkHereAndElsewhere(t *testing.T) {
	for use, option := range map[string]enginetest.Option{"code": enginetest.WithVerification(), "link": enginetest.WithLinks()} {
		env := enginetest.New(t, option)
		for _, c := range env.Clients() {
			for _, opener := range []client{c, env.Browser(), env.SPA()} {
				email := address()
				person(t, env, email)
				first := ask(t, c, email)
				mail := env.Inbox(email)[0]
				var shown flow
				if opener.Kind == enginetest.Native {
					// What an app follows is JSON, and a flow of a browser's.
					a := opener.Get(mail.Link())
					require.Equal(t, http.StatusOK, a.Status)
					require.NotEqual(t, first.ID, a.Flow().ID)
					continue
				}
				shown = opener.Follow(mail.Link())
				here := opener == c
				require.Equal(t, here, shown.ID == first.ID)
				token := shown.Value("token")
				require.Equal(t, []string{
					"default csrf_token hidden 0", fmt.Sprint(use, " token hidden 0 ", token), use + " method submit 1080102 " + use,
				}, drawn(shown))
				require.Empty(t, messages(shown))
				require.NotContains(t, shown.Request, token, "what is quoted holds no secret")

				a := opener.Submit(shown, values{"method": use, "token": token})
				require.Equal(t, per(opener, 200, "1080002"), tell(opener, a))
				require.Equal(t, "passed_challenge", c.ReadKind("verification", first.ID).State)
				require.True(t, verified(t, env, email))
			}
		}
	}
}

// Links that were damaged, made up, or are of what is gone.
func TestStrangeLinks(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	email := address()
	person(t, env, email)
	f := ask(t, env.Native(), email)
	const base = "/self-service/verification?"
	for _, c := range []client{env.Browser(), env.SPA()} {
		for query, want := range map[string]string{
			"token=x":        "400 flow_id_invalid",
			"flow=x&token=x": "400 flow_id_invalid",
			"flow=" + f.ID + "&token=" + strings.Repeat("x", 65): "400 link_invalid",
			"flow=" + f.ID + "&code=12345x":                      "400 link_invalid",
			"flow=" + f.ID + "&code=" + strings.Repeat("1", 33):  "400 link_invalid",
		} {
			if c.Kind == enginetest.HTML {
				want = "303 error " + want
			}
			require.Equal(t, want, tell(c, c.Get(base+query)), query)
		}
		for _, query := range []string{
			"flow=" + f.ID + "&token=x", "flow=" + f.ID + "&code=123456",
			"flow=" + unknown + "&token=x", "flow=" + unknown + "&code=123456", "flow=" + f.ID + "&token=%00", "flow=" + f.ID + "&token=%22%3E%3Cscript%3E",
		} {
			shown := c.Follow(env.PublicURL + base + query)
			require.NotEqual(t, f.ID, shown.ID)
			v := values{"method": "code"}
			for _, name := range []string{"token", "code"} {
				if s, ok := shown.Value(name).(string); ok && s != "\x00" {
					v[name] = s
				}
			}
			said := tell(c, c.Submit(shown, v))
			require.Contains(t, []string{per(c, 200, "4070001"), per(c, 200, "4070006"), per(c, 400, "code:4000002"), per(c, 400, "4000002")}, said, query)
		}
	}
	require.False(t, verified(t, env, email))
}

// Whatever path a link is sent to, looking at it does no harm.
func TestHeadOnEveryKind(t *testing.T) {
	for name, env := range map[string]*enginetest.Env{"on": enginetest.New(t, enginetest.WithVerification()), "off": enginetest.New(t)} {
		for _, kind := range []string{"registration", "login", "verification", "recovery", "settings"} {
			for _, method := range []string{http.MethodHead, http.MethodGet} {
				for _, c := range env.Clients() {
					a := c.Do(c.Request(method, "/self-service/"+kind+"?flow="+unknown+"&token=x", nil))
					require.Less(t, a.Status, 500, "%s %s %s", name, method, kind)
					if a.Status == http.StatusSeeOther {
						require.NotEmpty(t, a.Header.Get("Location"), "%s %s %s", name, method, kind)
					}
				}
			}
		}
	}
}

// A secret answers the challenge it was made for and no other: not in another
// flow, not of another purpose, person, address or time.
func TestSwappedSecrets(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.WithSchemas("drafting", enginetest.PersonSchema))
	drafting := enginetest.New(t, enginetest.WithProofFirst())
	type secret struct {
		env             *enginetest.Env
		client          client
		flow            flow
		email, code     string
		token, id, long string
	}
	var all []*secret
	fromMail := func(s *secret) {
		mail := s.env.Inbox(s.email)[0]
		link, err := url.Parse(mail.Link())
		require.NoError(t, err)
		s.code, s.token = mail.Code(), link.Query().Get("token")
		all = append(all, s)
	}
	for n := range 10 {
		c := env.Clients()[n%3]
		asked := &secret{env: env, client: c, email: address()}
		person(t, env, asked.email)
		asked.flow = ask(t, c, asked.email)
		fromMail(asked)

		hooked := &secret{env: env, client: env.Clients()[n%3], email: address()}
		hooked.flow = registered(t, hooked.client, hooked.email)
		fromMail(hooked)

		drafted := &secret{env: drafting, client: drafting.Clients()[n%3], email: address()}
		drafted.flow = drafted.client.Say(drafted.client.Open(""), enginetest.Person(drafted.email))
		fromMail(drafted)

		admin := &secret{env: env, client: env.Native(), email: address()}
		a := env.Admin(http.MethodPost, "/admin/codes", map[string]any{"identity_id": person(t, env, admin.email)})
		require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
		made := a.JSON()
		admin.code, admin.long, admin.id = made["code"].(string), made["long_code"].(string), made["id"].(string)
		_, admin.token, _ = strings.Cut(admin.long, ".")
		admin.flow = admin.client.ReadKind("verification", admin.id)
		all = append(all, admin)
	}
	swaps := 0
	for i, own := range all {
		for n := range 9 {
			foreign := all[(i+1+n*3)%len(all)]
			v := values{"method": "code", "token": foreign.token}
			if n < 4 {
				v = values{"method": "code", "code": foreign.code}
				if foreign.code == own.code {
					continue
				}
			}
			a := own.client.Submit(own.flow, v)
			said := tell(own.client, a)
			require.Regexp(t, `form (4070001|4070006|4040003)$`, said)
			swaps++
		}
		// The other face, where the one belongs.
		own.client.Submit(own.flow, values{"method": "code", "token": own.code})
		require.NotRegexp(t, `1080002|done`, tell(own.client, own.client.Submit(own.flow, values{"method": "code", "code": own.token})))
	}
	require.GreaterOrEqual(t, swaps, 355)
	for _, own := range all {
		said := tell(own.client, own.client.Submit(own.flow, values{"method": "code", "token": own.token}))
		require.Regexp(t, `1080002|done|303 http://127.0.0.1:4455/$`, said, "its own works still")
	}
}

// TwoAddresses is a schema with a second address to prove.
const TwoAddresses = `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
	"email": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}}},
	"work": {"type": "string", "format": "email", "ory.sh/kratos": {"verification": {"via": "email"}}}
}, "required": ["email"]}}}`

// What proves one address makes void all that was sent to any address of that
// person before, and what is void is wrong like anything else.
func TestProofVoidsWhatWasSentBefore(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.WithSchema(TwoAddresses))
	for _, c := range env.Clients() {
		home, work := address(), address()
		a := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"schema_id": "default", "traits": map[string]any{"email": home, "work": work}})
		require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
		first, second, third := ask(t, c, home), ask(t, c, work), ask(t, c, work)
		mails := env.Inbox(work)
		made := env.Admin(http.MethodPost, "/admin/codes", map[string]any{"identity_id": a.JSON()["id"], "address": work}).JSON()
		require.Equal(t, per(c, 200, "1080002"), tell(c, c.Submit(first, values{"method": "code", "code": code(t, env, home)})))

		require.Equal(t, per(c, 200, "4070006"), tell(c, c.Submit(second, values{"method": "code", "code": mails[1].Code()})), c.Kind)
		browser := env.Browser()
		shown := browser.Follow(mails[0].Link())
		require.Equal(t, "303 form 4070001", tell(browser, browser.Submit(shown, values{"method": "code", "token": shown.Value("token")})))
		require.Equal(t, "sent_email", c.ReadKind("verification", third.ID).State)
		for _, secret := range []any{made["code"], made["long_code"]} {
			a := env.Admin(http.MethodPost, "/admin/activations", map[string]any{"id": made["id"], "code": secret})
			require.Equal(t, "400 activation_code_invalid", tell(env.Native(), a))
		}
		env.Clock.Advance(time.Minute)
		require.Equal(t, per(c, 200, "1080003"), tell(c, c.Submit(second, values{"method": "code", "email": work})))
		require.Len(t, env.Inbox(work), 2, "beside a proved address, another is for who is signed in to ask for")
		made = issue(t, env, map[string]any{"identity_id": a.JSON()["id"], "address": work})
		require.Equal(t, "200", activate(env, map[string]any{"id": made["id"], "code": made["code"]}), "a new one works")
	}
}
