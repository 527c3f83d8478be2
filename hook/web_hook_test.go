package hook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// call is what a receiver got.
type call struct {
	Method string
	Path   string
	Header http.Header
	Body   map[string]any
	Raw    []byte
}

// receiver notes what it gets and answers as a test says.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
	say   func(c call) (status int, body string)
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c := call{Method: req.Method, Path: req.URL.Path, Header: req.Header}
		c.Raw, _ = io.ReadAll(req.Body)
		_ = json.Unmarshal(c.Raw, &c.Body)
		r.mu.Lock()
		r.calls = append(r.calls, c)
		say := r.say
		r.mu.Unlock()
		status, body := 204, ""
		if say != nil {
			status, body = say(c)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(r.Close)
	return r
}

// answers sets what is answered from now on, whatever is asked.
func (r *receiver) answers(status int, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.say = func(call) (int, string) { return status, body }
}

// got returns the calls there were, and forgets them.
func (r *receiver) got() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.calls
	r.calls = nil
	return all
}

type object = map[string]any

// webHook is one in a configuration; more overrides.
func webHook(url string, more object) object {
	config := object{"id": "crm", "url": url, "method": "POST", "body": []string{"flow.id", "flow.transient_payload", "identity.id", "identity.traits"}}
	for key, value := range more {
		if config[key] = value; value == nil {
			delete(config, key)
		}
	}
	return object{"hook": "web_hook", "config": config}
}

func afterPassword(hooks ...object) enginetest.Option {
	return enginetest.With("selfservice.flows.registration.after.password.hooks", hooks)
}

var blocks, parses = object{"can_interrupt": true}, object{"response": object{"parse": true}}

const veto = `{"messages":[{"instance_ptr":"#/traits/email","messages":[{"id":77001,"text":"This company is not served.","type":"error","context":{"domain":"example.org"}}]}]}`

// A hook that says no leaves nothing, and its words stand at the field.
func TestAVetoLeavesNothing(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithVerification(), afterPassword(object{"hook": "session"}, webHook(r.URL, blocks)))
	for _, c := range env.Clients() {
		r.answers(422, veto)
		f := c.OpenKind("registration", "")
		before := env.Rows()
		a := c.Submit(f, enginetest.Person(string(c.Kind)+"@example.org"))
		require.Equal(t, "flows~1", env.Rows().Since(before), "the problem, and nothing else")
		require.Empty(t, a.Header.Get("Set-Cookie"))
		shown := c.Read(f.ID)
		at := shown.Node("traits.email").Messages
		require.Len(t, at, 1)
		require.Equal(t, 77001, at[0].ID)
		require.Equal(t, "This company is not served.", at[0].Text)
		require.Equal(t, "error", at[0].Type)
		require.Equal(t, "example.org", at[0].Context["domain"])
		require.Equal(t, string(c.Kind)+"@example.org", shown.Value("traits.email"), "what was typed stays")
		if c.Kind != enginetest.HTML {
			require.Equal(t, 400, a.Status)
		}

		r.answers(204, "")
		require.Less(t, c.Submit(f, enginetest.Person(string(c.Kind)+"@example.org")).Status, 400, "and the flow goes on")
	}
	require.Equal(t, 3, env.Identities())
	for _, got := range r.got() {
		require.NotContains(t, string(got.Raw), "csrf")
		require.Empty(t, got.Header.Get("Cookie"))
		require.NotEmpty(t, got.Header.Get("Ory-Webhook-Trigger-Id"))
	}
}

// An answer may change who comes to be, before they do.
func TestAnAnswerChangesThePerson(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithVerification(), afterPassword(webHook(r.URL, parses), object{"hook": "session"}))
	r.answers(200, `{"identity":{"traits":{"email":"ada.lovelace@example.org","plan":"pro","age":36},"metadata_public":{"tier":1},"metadata_admin":{"risk":0.5},
		"external_id":"crm-1","verifiable_addresses":[{"value":"ada.lovelace@example.org","via":"email","verified":true}]}}`)
	c := env.Native()
	a := c.SignUp(enginetest.Person("ada@example.org"))
	who := a.JSON()["identity"].(object)
	require.Equal(t, "ada.lovelace@example.org", who["traits"].(object)["email"])
	require.Equal(t, "pro", who["traits"].(object)["plan"])
	require.Equal(t, object{"tier": 1.0}, who["metadata_public"])
	require.Equal(t, "crm-1", who["external_id"])
	require.NotContains(t, string(a.Body), "risk")
	require.Equal(t, true, who["verifiable_addresses"].([]any)[0].(object)["verified"])
	require.Empty(t, env.Inbox(""), "what is proved is not asked to be proved")
	require.Equal(t, 200, env.Native().SignIn("", enginetest.Credentials("ada.lovelace@example.org")).Status)
	require.Equal(t, 400, env.Native().SignIn("", enginetest.Credentials("ada@example.org")).Status, "that name was never theirs")
	require.Contains(t, string(env.Admin("GET", "/admin/identities/"+who["id"].(string), nil).Body), `"risk":0.5`)
}

// What an answer must not say is the receiver's fault, and nobody comes to be.
func TestChangesThatCannotBe(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, afterPassword(webHook(r.URL, parses)))
	f := env.Native().OpenKind("registration", "")
	before := env.Rows()
	for _, body := range []string{
		`{"identity":{"traits":{"email":"no address"}}}`, `{"identity":{"traits":{"email":"x@example.org","unknown":1}}}`, `{"identity":{"traits":{}}}`,
		`{"identity":{"state":"gone"}}`, `{"identity":{"schema_id":"other"}}`, `{"identity":[]}`, `{"identity":{"traits":[]}}`,
		`{"identity":{"verifiable_addresses":[{"value":"else@example.org","via":"email","verified":true}]}}`, `[]`, `{`, ``, `<html>`,
	} {
		r.answers(200, body)
		a := env.Native().Submit(f, enginetest.Person("ada@example.org"))
		require.Equal(t, 502, a.Status, "%s: %s", body, a.Body)
		require.Equal(t, "upstream_error", a.ErrorID())
		require.Contains(t, string(a.Body), "web_hook_answer_invalid")
		require.NotContains(t, string(a.Body), r.URL)
	}
	require.Empty(t, env.Rows().Since(before))
	r.answers(200, `{}`)
	require.Equal(t, 200, env.Native().Submit(f, enginetest.Person("ada@example.org")).Status)
}

// A hook that nobody waits for is a row of the commit, and leaves afterwards.
func TestStoredHooks(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, afterPassword(webHook(r.URL, nil), object{"hook": "session"}), enginetest.With("secrets.web_hook", []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}))
	v := enginetest.Person("ada@example.org")
	v["transient_payload"] = object{"coupon": "spring"}
	r.answers(500, "")
	a := env.Native().SignUp(v)
	require.Empty(t, r.got(), "not before the commit")
	env.Deliver()
	first := r.got()
	require.Len(t, first, 1)
	r.answers(200, "")
	env.Clock.Advance(20e9)
	env.Deliver()
	second := r.got()
	require.Len(t, second, 1)
	require.Equal(t, first[0].Header.Get("Webhook-Id"), second[0].Header.Get("Webhook-Id"))
	require.Equal(t, first[0].Raw, second[0].Raw)
	require.NotEmpty(t, second[0].Header.Get("Webhook-Signature"))
	require.Equal(t, a.JSON()["identity"].(object)["id"], second[0].Body["identity"].(object)["id"])
	require.Equal(t, "spring", second[0].Body["flow"].(object)["transient_payload"].(object)["coupon"])
	env.Clock.Advance(3600e9)
	env.Deliver()
	require.Empty(t, r.got(), "delivered is delivered")
}

// A registration that fails stores no row for anybody.
func TestStoredHooksOfWhatFailed(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, afterPassword(webHook(r.URL, nil)))
	c := env.Native()
	c.SignUp(enginetest.Person("ada@example.org"))
	env.Deliver()
	require.Len(t, r.got(), 1)
	require.Equal(t, 400, c.Submit(c.OpenKind("registration", ""), enginetest.Person("ada@example.org")).Status)
	env.Deliver()
	require.Empty(t, r.got())
}

// Both phases of a reservation, and never both of its ends.
func TestReservations(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, afterPassword(webHook(r.URL, object{"reserve": true, "body": nil}), object{"hook": "session"}))
	phases := func(calls []call) (list []string) {
		for _, c := range calls {
			list = append(list, c.Header.Get("Foyer-Reservation-Phase"))
			require.NotEmpty(t, c.Header.Get("Foyer-Reservation-Id"))
			require.Equal(t, c.Header.Get("Foyer-Reservation-Id"), c.Body["data"].(object)["reservation_id"])
		}
		return list
	}
	a := env.Native().SignUp(enginetest.Person("ada@example.org"))
	env.Deliver()
	env.Clock.Advance(3600e9)
	env.Deliver()
	got := r.got()
	require.Equal(t, []string{"reserve", "confirm"}, phases(got))
	require.Equal(t, a.JSON()["identity"].(object)["id"], got[1].Body["data"].(object)["identity_id"])
	require.Equal(t, got[0].Body["data"].(object)["reservation_id"], got[1].Body["data"].(object)["reservation_id"])

	c := env.Native()
	require.Equal(t, 400, c.Submit(c.OpenKind("registration", ""), enginetest.Person("ada@example.org")).Status, "taken: nobody is asked")
	env.Deliver()
	require.Empty(t, r.got())

	r.answers(400, veto)
	require.Equal(t, 400, c.Submit(c.OpenKind("registration", ""), enginetest.Person("bob@example.org")).Status)
	env.Deliver()
	env.Clock.Advance(3600e9)
	env.Deliver()
	require.Equal(t, []string{"reserve"}, phases(r.got()), "who says no holds nothing")

	r.answers(500, "")
	require.Equal(t, 502, c.Submit(c.OpenKind("registration", ""), enginetest.Person("bob@example.org")).Status)
	r.answers(204, "")
	env.Deliver()
	require.Equal(t, []string{"reserve", "cancel"}, phases(r.got()), "who knows what a 500 has done")

	env.Exec("CREATE TRIGGER refuse BEFORE INSERT ON credentials BEGIN SELECT RAISE(ABORT, 'refused by the test'); END")
	require.Equal(t, 500, c.Submit(c.OpenKind("registration", ""), enginetest.Person("bob@example.org")).Status)
	env.Exec("DROP TRIGGER refuse")
	env.Deliver()
	env.Clock.Advance(3600e9)
	env.Deliver()
	require.Equal(t, []string{"reserve", "cancel"}, phases(r.got()))
	require.Equal(t, 1, env.Identities())
}

// What happens to people is told in the order in which it does.
func TestEvents(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.With("events.endpoints", []object{{"id": "all", "url": r.URL, "types": []string{"*"}}}))
	c := env.Native()
	a := c.SignUp(enginetest.Person("ada@example.org"))
	require.Equal(t, 400, env.Native().Submit(env.Native().OpenKind("registration", ""), enginetest.Person("x")).Status)
	id := a.JSON()["identity"].(object)["id"].(string)
	env.Deliver()
	var types []string
	for n := 0; n < 5; n++ {
		env.Deliver()
	}
	for _, got := range r.got() {
		types = append(types, got.Body["type"].(string))
		require.Equal(t, got.Header.Get("Webhook-Id"), got.Body["id"])
	}
	require.Subset(t, types, []string{"identity.created", "registration.completed", "session.issued", "registration.failed"})
	require.Equal(t, 204, env.Admin("DELETE", "/admin/identities/"+id, nil).Status)
	env.Deliver()
	got := r.got()
	require.Len(t, got, 2, "and admin.audited, whenever that comes")
	if got[0].Body["type"] == "admin.audited" {
		got[0] = got[1]
	}
	require.Equal(t, "identity.deleted", got[0].Body["type"])
	require.Equal(t, id, got[0].Body["data"].(object)["identity_id"])
}

// Before a flow is opened a hook may say no, and no row is written.
func TestBeforeAFlowIsOpened(t *testing.T) {
	r := newReceiver(t)
	for _, kind := range []string{"registration", "login"} {
		env := enginetest.New(t, enginetest.With("selfservice.flows."+kind+".before.hooks", []object{webHook(r.URL, object{"can_interrupt": true, "body": []string{"flow.id", "request_headers.User-Agent"}})}))
		r.answers(403, `{"messages":[{"instance_ptr":"#/","messages":[{"id":1,"text":"Not today.","type":"error"}]}]}`)
		before := env.Rows()
		a := env.Native().Get("/self-service/" + kind + "/api")
		require.Equal(t, 403, a.Status)
		require.Equal(t, "flow_refused_by_web_hook", a.ErrorID())
		require.Contains(t, string(a.Body), "Not today.")
		require.Empty(t, env.Rows().Since(before))
		r.answers(200, "")
		require.Equal(t, 200, env.Native().Get("/self-service/"+kind+"/api").Status)
	}
}

// The person that was proved stays the one that comes to be, and whom a hook
// wants to look at first is not let in yet.
func TestWhatAnAnswerCannotDo(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithProofFirst(), afterPassword(webHook(r.URL, parses), object{"hook": "session"}))
	c := env.Native()
	f := c.Open("")
	c.Submit(f, enginetest.Person("ada@example.org"))
	env.Deliver()
	typed := enginetest.Values{"method": "code", "code": env.Inbox("ada@example.org")[0].Code()}
	r.answers(200, `{"identity":{"traits":{"email":"victim@example.org"}}}`)
	a := c.Submit(f, typed)
	require.Equal(t, 502, a.Status, "%s", a.Body)
	require.Zero(t, env.Identities())
	r.answers(200, `{"identity":{"state":"inactive"}}`)
	a = c.Submit(f, typed)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.NotContains(t, string(a.Body), "session_token")
	require.Empty(t, env.Rows()["sessions"])
}

// A field that is refused after the proof can be mended: the form is back.
func TestAVetoOfAFieldAfterTheProof(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithProofFirst(), afterPassword(webHook(r.URL, blocks), object{"hook": "session"}))
	c := env.Native()
	f := c.Open("")
	c.Submit(f, enginetest.Person("ada@example.org"))
	env.Deliver()
	r.answers(400, veto)
	shown := c.Submit(f, enginetest.Values{"method": "code", "code": env.Inbox("ada@example.org")[0].Code()}).Flow()
	require.Equal(t, []int{77001}, shown.IDs("traits.email"))
	require.Equal(t, "ada@example.org", shown.Value("traits.email"))
	require.Equal(t, "choose_method", shown.State)
	r.answers(204, "")
	c.Submit(f, enginetest.Person("ada@example.com"))
	env.Deliver()
	a := c.Submit(f, enginetest.Values{"method": "code", "code": env.Inbox("ada@example.com")[0].Code()})
	require.Equal(t, 200, a.Status, "%s", a.Body)
}

// An external id that is another's is the receiver's mistake, not the person's.
func TestAnExternalIDOfAnothers(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, afterPassword(webHook(r.URL, parses)))
	r.answers(200, `{"identity":{"external_id":"crm-1"}}`)
	env.Native().SignUp(enginetest.Person("ada@example.org"))
	c := env.Native()
	a := c.Submit(c.Open(""), enginetest.Person("bob@example.org"))
	require.Equal(t, 502, a.Status, "%s", a.Body)
	require.Contains(t, string(a.Body), "web_hook_answer_invalid")
	require.Equal(t, 1, env.Identities())
}
