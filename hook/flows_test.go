package hook_test

import (
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

type (
	client = *enginetest.Client
	values = enginetest.Values
	option = enginetest.Option
)

// moments are all lists of hooks that something here can reach.
var moments = []string{
	"registration.before", "registration.after", "registration.after.password", "registration.after.code",
	"login.before", "login.after", "login.after.password", "login.after.code",
	"settings.before", "settings.after", "settings.after.profile", "settings.after.password",
	"recovery.before", "recovery.after", "verification.before", "verification.after",
}

// everywhere puts a web_hook at each moment, whose path is its name; more is as
// for webHook.
func everywhere(url string, more object) (all []option) {
	for _, moment := range moments {
		config := maps.Clone(more)
		if config == nil {
			config = object{}
		}
		config["id"] = moment
		if config["body"] == nil && strings.HasSuffix(moment, ".before") {
			config["body"] = []string{"flow.id", "flow.type"}
		}
		list := []object{webHook(url+"/"+moment, config)}
		if strings.HasPrefix(moment, "registration.after.") {
			list = append([]object{{"hook": "session"}}, list...)
		}
		all = append(all, enginetest.With("selfservice.flows."+moment+".hooks", list))
	}
	return all
}

// vetoes lets the hook at one path say no, and all others yes.
func (r *receiver) vetoes(moment string) {
	r.says(func(c call) (int, string) {
		if c.Path == "/"+moment {
			return 422, formVeto
		}
		return 204, ""
	})
}

// says sets what is answered from now on, by call.
func (r *receiver) says(say func(call) (int, string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.say = say
}

// kindOf is the kind of a flow.
func kindOf(f *enginetest.Flow) string {
	u, err := url.Parse(f.UI.Action)
	if err != nil {
		panic(err)
	}
	return path.Base(u.Path)
}

const formVeto = `{"messages":[{"instance_ptr":"#/","messages":[{"id":77002,"text":"Not while the moon is full.","type":"error"}]}]}`

// paths are where calls went, in order.
func paths(calls []call) (all []string) {
	for _, c := range calls {
		all = append(all, strings.TrimPrefix(c.Path, "/"))
	}
	return all
}

// worlds are the programs that ends are reached in, besides what hooks they have.
var worlds = map[string][]option{
	"plain": {
		enginetest.WithVerification(), enginetest.WithRecovery(), enginetest.WithPasswordless(), enginetest.WithSchema(enginetest.CodeSchema),
	},
	"links": {
		enginetest.WithLinks(), enginetest.WithRecovery(), enginetest.With("selfservice.flows.recovery.use", "link"),
	},
	"proof first": {enginetest.WithProofFirst()},
	"two steps": {
		enginetest.With("selfservice.flows.registration.style", "profile_first"), enginetest.With("selfservice.flows.login.style", "identifier_first"),
	},
	"stealth": {enginetest.WithStealth(), enginetest.WithRecovery()},
}

// transitions lets recoveries be answered by what comes next.
var transitions = enginetest.With("feature_flags.use_continue_with_transitions", true)

// end is a last submit, after which hooks have their say.
type end struct {
	name   string
	worlds []string
	asked  []string // moments whose hooks are asked, in order
	// ready brings a client there.
	ready func(c client, email string) (*enginetest.Flow, values)
	// undone holds while hooks refuse, and does not once they agree.
	undone func(c client, email string) bool
	code   bool // the submit carries a code, which is not to be lost
}

func newest(c client, email string) enginetest.Mail {
	c.Env.Deliver()
	for _, m := range c.Env.Inbox(email) {
		if m.Code() != "" || m.Link() != "" {
			return m
		}
	}
	return enginetest.Mail{}
}

// exists makes a person with a password.
func exists(c client, email string) string {
	a := c.Env.Admin(http.MethodPost, "/admin/identities", object{"schema_id": "default", "traits": object{"email": email},
		"credentials": object{"password": object{"config": object{"password": enginetest.Credentials("")["password"]}}}})
	id, _ := a.JSON()["id"].(string)
	c.Env.Exec("UPDATE addresses SET verified = 1, status = 'completed' WHERE identity_id = ?", id)
	return id
}

// comes is exists, and signs in by a browser or app of another kind of flow.
func comes(c client, email string) client {
	exists(c, email)
	c.SignIn("", enginetest.Credentials(email))
	return c
}

func nobodyYet(c client, email string) bool {
	return c.Env.Admin("GET", "/admin/identities?credentials_identifier="+email, nil).Status == 200 && !c.SignedIn() &&
		strings.TrimSpace(string(c.Env.Admin("GET", "/admin/identities?credentials_identifier="+email, nil).Body)) == "[]"
}

func stranger(c client, _ string) bool { return !c.SignedIn() }

func signsInAs(password string) func(client, string) bool {
	return func(c client, email string) bool {
		return !strings.Contains(string(c.Env.Native().SignIn("", values{"method": "password", "identifier": email, "password": password}).Body), "ory_st_")
	}
}

func unproved(c client, email string) bool {
	a := c.Env.Admin("GET", "/admin/identities?credentials_identifier="+email, nil)
	return !strings.Contains(string(a.Body), `"verified":true`)
}

// ends are all there are.
var ends = []end{
	{"registration by password", []string{"plain", "links"}, []string{"registration.after", "registration.after.password"}, func(c client, email string) (*enginetest.Flow, values) {
		return c.Open(""), enginetest.Person(email)
	}, nobodyYet, false},
	{"registration by code", []string{"plain"}, []string{"registration.after", "registration.after.code"}, func(c client, email string) (*enginetest.Flow, values) {
		f := c.Say(c.Open(""), values{"method": "code", "traits.email": email})
		return f, values{"method": "code", "traits.email": email, "code": newest(c, email).Code()}
	}, nobodyYet, true},
	{"registration, proved first", []string{"proof first", "stealth"}, []string{"registration.after", "registration.after.password"}, func(c client, email string) (*enginetest.Flow, values) {
		f := c.Say(c.Open(""), enginetest.Person(email))
		return f, values{"method": "code", "traits.email": email, "code": newest(c, email).Code()}
	}, nobodyYet, true},
	{"registration in two steps", []string{"two steps"}, []string{"registration.after", "registration.after.password"}, func(c client, email string) (*enginetest.Flow, values) {
		return c.Say(c.Open(""), values{"method": "profile", "traits.email": email}), enginetest.Person(email)
	}, nobodyYet, false},
	{"login by password", []string{"plain", "stealth"}, []string{"login.after", "login.after.password"}, func(c client, email string) (*enginetest.Flow, values) {
		exists(c, email)
		return c.OpenKind("login", ""), enginetest.Credentials(email)
	}, stranger, false},
	{"login by code", []string{"plain"}, []string{"login.after", "login.after.code"}, func(c client, email string) (*enginetest.Flow, values) {
		exists(c, email)
		f := c.Say(c.OpenKind("login", ""), values{"method": "code", "identifier": email})
		return f, values{"method": "code", "identifier": email, "code": newest(c, email).Code()}
	}, stranger, true},
	{"login in two steps", []string{"two steps"}, []string{"login.after", "login.after.password"}, func(c client, email string) (*enginetest.Flow, values) {
		exists(c, email)
		return c.Say(c.OpenKind("login", ""), values{"method": "identifier_first", "identifier": email}), enginetest.Credentials(email)
	}, stranger, false},
	{"login again", []string{"plain"}, []string{"login.after", "login.after.password"}, func(c client, email string) (*enginetest.Flow, values) {
		comes(c, email)
		c.Env.Clock.Advance(7200e9)
		return c.OpenKind("login", "refresh=true"), enginetest.Credentials(email)
	}, func(c client, _ string) bool {
		return c.SignedIn() && c.Env.Clock.Now().Sub(authenticated(c)) > 3600e9
	}, false},
	{"settings, profile", []string{"plain"}, []string{"settings.after", "settings.after.profile"}, func(c client, email string) (*enginetest.Flow, values) {
		return comes(c, email).OpenKind("settings", ""), values{"method": "profile", "traits.email": email, "traits.plan": "pro"}
	}, func(c client, _ string) bool { return !strings.Contains(string(c.Whoami("").Body), `"plan":"pro"`) }, false},
	{"settings, password", []string{"plain"}, []string{"settings.after", "settings.after.password"}, func(c client, email string) (*enginetest.Flow, values) {
		return comes(c, email).OpenKind("settings", ""), values{"method": "password", "password": "another Passphrase 7"}
	}, signsInAs("another Passphrase 7"), false},
	{"settings, an address held back", []string{"stealth"}, []string{"settings.after", "settings.after.profile"}, func(c client, email string) (*enginetest.Flow, values) {
		return comes(c, email).OpenKind("settings", ""), values{"method": "profile", "traits.email": "new-" + email}
	}, func(c client, email string) bool { return len(c.Env.Inbox("new-"+email)) == 0 }, false},
	{"the proof of an address held back", []string{"stealth"}, []string{"verification.after"}, func(c client, email string) (*enginetest.Flow, values) {
		a := comes(c, email).Submit(c.OpenKind("settings", ""), values{"method": "profile", "traits.email": "new-" + email})
		return c.Arrive("verification", a), values{"method": "code", "code": newest(c, "new-"+email).Code()}
	}, func(c client, email string) bool {
		return !strings.Contains(string(c.Whoami("").Body), "new-"+email)
	}, true},
	{"recovery by code", []string{"plain"}, []string{"recovery.after"}, func(c client, email string) (*enginetest.Flow, values) {
		comes(c.Env.SPA(), email) // whose session is to stay until somebody has recovered
		f := c.Say(c.OpenKind("recovery", ""), values{"method": "code", "email": email})
		return f, values{"method": "code", "code": newest(c, email).Code()}
	}, stranger, true},
	{"recovery by link", []string{"links"}, []string{"recovery.after"}, func(c client, email string) (*enginetest.Flow, values) {
		exists(c, email)
		c.Say(c.OpenKind("recovery", ""), values{"method": "link", "email": email})
		f := c.Follow(newest(c, email).Link())
		return f, values{"method": "link", "token": f.Value("token")}
	}, stranger, false},
	{"verification by code", []string{"plain"}, []string{"verification.after"}, func(c client, email string) (*enginetest.Flow, values) {
		exists(c, email)
		c.Env.Exec("UPDATE addresses SET verified = 0, status = 'pending'")
		f := c.Say(c.OpenKind("verification", ""), values{"method": "code", "email": email})
		return f, values{"method": "code", "code": newest(c, email).Code()}
	}, unproved, true},
	{"verification by link", []string{"links"}, []string{"verification.after"}, func(c client, email string) (*enginetest.Flow, values) {
		exists(c, email)
		c.Env.Exec("UPDATE addresses SET verified = 0, status = 'pending'")
		c.Say(c.OpenKind("verification", ""), values{"method": "link", "email": email})
		f := c.Follow(newest(c, email).Link())
		return f, values{"method": "link", "token": f.Value("token")}
	}, unproved, false},
}

func authenticated(c client) time.Time {
	var v struct {
		At time.Time `json:"authenticated_at"`
	}
	c.Whoami("").Decode(&v)
	return v.At
}

// reached runs a test at each end with a program for each world, nil for all of
// them: by each kind of client in the world that is wide, by one of them else.
func reached(t *testing.T, among []string, wide string, more func(r *receiver) []option, do func(t *testing.T, r *receiver, c client, e end, email string)) {
	for world, options := range worlds {
		if among != nil && !slices.Contains(among, world) {
			continue
		}
		t.Run(world, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			env := enginetest.New(t, append(append(slices.Clone(options), transitions), more(r)...)...)
			for n, e := range ends {
				if !slices.Contains(e.worlds, world) {
					continue
				}
				for m, c := range env.Clients() {
					if world != wide && m != n%3 {
						continue
					}
					if c.Kind == enginetest.Native && strings.HasSuffix(e.name, "by link") {
						continue // a mailed link is opened by a browser
					}
					t.Run(e.name+" "+string(c.Kind), func(t *testing.T) {
						r.answers(204, "")
						do(t, r, c, e, strings.ReplaceAll(strings.ReplaceAll(e.name, ",", ""), " ", "-")+"-"+string(c.Kind)+"@example.org")
					})
				}
			}
		})
	}
}

// Wherever a hook says no, the form says so and nothing has happened: the same
// submit, the same code goes through as soon as the hook agrees.
func TestVetoesAtEachEnd(t *testing.T) {
	reached(t, nil, "plain", func(r *receiver) []option { return everywhere(r.URL, blocks) }, func(t *testing.T, r *receiver, c client, e end, email string) {
		f, v := e.ready(c, email)
		for _, moment := range e.asked {
			r.got()
			r.vetoes(moment)
			times := 1
			if e.code && c.Kind == enginetest.Native && len(e.worlds) == 1 {
				times = 11 // more than any budget has
			}
			before, cookies := c.Env.Rows(), c.Cookies()
			for range times {
				a := c.Submit(f, v)
				shown := c.ReadKind(kindOf(f), f.ID)
				require.Equal(t, []int{77002}, shown.IDs(""), "%s: %s", moment, a.Body)
				require.NotContains(t, string(a.Body), "ory_st_")
				if c.Kind == enginetest.HTML {
					require.Equal(t, f.ID, a.Location().Query().Get("flow"))
				} else {
					require.Equal(t, 400, a.Status)
				}
				require.Equal(t, f.State, shown.State)
				if shown.Node("traits.email") != nil && v["traits.email"] != nil {
					require.Equal(t, v["traits.email"], shown.Value("traits.email"), "what was typed stays")
				}
			}
			require.Equal(t, "flows~1", c.Env.Rows().Without("budgets").Since(before.Without("budgets")), "%s: the problem, and nothing else", moment)
			require.Equal(t, cookies, c.Cookies(), moment)
			require.Equal(t, slices.Repeat(e.asked[:1+slices.Index(e.asked, moment)], times), paths(r.got()), "nobody is asked after a no")
			require.True(t, e.undone(c, email), moment)
		}
		r.answers(204, "")
		r.got()
		a := c.Adopt(c.Submit(f, v))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.Equal(t, e.asked, paths(r.got()))
		require.False(t, e.undone(c, email), "%s", a.Body)
	})
}

// Wherever a hook does not block, it is a row of the commit, and what it would
// have answered means nothing.
func TestStoredHooksAtEachEnd(t *testing.T) {
	reached(t, nil, "", func(r *receiver) []option { return everywhere(r.URL, nil) }, func(t *testing.T, r *receiver, c client, e end, email string) {
		f, v := e.ready(c, email)
		c.Env.Deliver()
		r.got()
		r.answers(422, formVeto)
		wrong := maps.Clone(v)
		for name := range wrong {
			switch name {
			case "password":
				wrong[name] = "x"
			case "code":
				wrong[name] = "00000000"
			case "token":
				delete(wrong, name)
			case "traits.plan":
				wrong[name] = "none"
			}
		}
		if e.name == "settings, an address held back" {
			wrong["traits.email"] = "@"
		}
		before := c.Env.Rows()
		c.Submit(f, wrong)
		require.NotContains(t, c.Env.Rows().Since(before), "messages")
		a := c.Adopt(c.Submit(f, v))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.Empty(t, r.got(), "nobody waits for it")
		r.answers(204, "")
		c.Env.Deliver()
		got := r.got()
		require.ElementsMatch(t, e.asked, paths(got))
		for _, one := range got {
			require.Equal(t, f.ID, one.Body["flow"].(object)["id"])
			require.NotEmpty(t, one.Body["identity"].(object)["id"])
		}
		c.Submit(f, v)
		c.Env.Deliver()
		require.Empty(t, r.got(), "the same submit again tells nobody again")
		require.False(t, e.undone(c, email))
	})
}

// An answer may change a person who registers or changes their settings. Of
// anybody else it is the receiver's fault, and nothing has happened.
func TestAnswersAtEachEnd(t *testing.T) {
	reached(t, []string{"plain", "stealth"}, "", func(r *receiver) []option { return everywhere(r.URL, parses) }, func(t *testing.T, r *receiver, c client, e end, email string) {
		f, v := e.ready(c, email)
		r.says(func(one call) (int, string) {
			return 200, `{"identity":{"metadata_public":{"seen":"` + strings.TrimPrefix(one.Path, "/") + `"}}}`
		})
		a := c.Adopt(c.Submit(f, v))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.False(t, e.undone(c, email))
		if kind := kindOf(f); kind == "registration" || kind == "settings" {
			require.Contains(t, string(c.Whoami("").Body), `"seen":"`+e.asked[len(e.asked)-1]+`"`, "the last word counts")
		} else {
			require.NotContains(t, string(c.Env.Admin("GET", "/admin/identities", nil).Body), `"seen":"`+e.asked[len(e.asked)-1]+`"`, "nobody is stored who could be changed")
		}
	})
}
