package courier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/web"
)

type object = map[string]any

// office is the admin API over a queue, at a time that the test sets.
type office struct {
	*testing.T
	now     time.Time
	courier *courier.Courier
	store   *memory
	router  *web.Router
}

func newOffice(t *testing.T, dev bool) *office {
	t.Helper()
	o := &office{T: t, now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), router: web.NewRouter()}
	o.courier, o.store = newCourier(t, func() time.Time { return o.now })
	h := &courier.HTTP{Courier: o.courier, Ring: ring(t, "a secret for page tokens"), Dev: dev}
	if dev {
		h.Renderer = letters{}
	}
	h.Mount(o.router)
	return o
}

// ask returns the status and the error's id or "", and decodes into out.
func (o *office) ask(method, target string, out any) (string, http.Header) {
	o.Helper()
	w := httptest.NewRecorder()
	o.router.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	if w.Code == http.StatusOK && out != nil {
		require.NoError(o, json.Unmarshal(w.Body.Bytes(), out))
	}
	return strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Header().Get("Ory-Error-Id"))), w.Header()
}

// put stores a message with a status.
func (o *office) put(to string, status courier.Status) courier.Message {
	o.Helper()
	before := len(o.store.rows)
	enqueue(o.T, o.courier, to)
	require.Len(o, o.store.rows, before+1)
	for id, m := range o.store.rows {
		if m.Recipient == to {
			m.Status = status
			if status == courier.Sent || status == courier.Abandoned {
				m.DueAt, m.ExpiresAt = time.Time{}, o.now.Add(retention)
			}
			o.store.rows[id] = m
			return m
		}
	}
	panic("unreachable")
}

func ids(list []object) (all []string) {
	for _, m := range list {
		all = append(all, m["id"].(string))
	}
	return all
}

var next = regexp.MustCompile(`<([^>]+)>; rel="next"`)

func TestList(t *testing.T) {
	o := newOffice(t, false)
	var want []string
	for n := range 25 {
		// Some in the same instant: their order is told by the id.
		o.now = o.now.Add(time.Duration(n%2) * time.Second)
		status := []courier.Status{courier.Sent, courier.Abandoned}[n%2]
		want = append(want, o.put(fmt.Sprintf("p%d@example.org", n), status).ID.String())
	}
	put(t, o.courier, courier.Draft{Channel: courier.Email, Recipient: "p0@example.org", Silent: true})

	for query, expected := range map[string]int{
		"": 25, "?status=sent": 13, "?status=abandoned": 12, "?status=queued": 0, "?recipient=p3@example.org": 1, "?recipient=P3@example.org": 0,
		"?status=sent&recipient=p3@example.org": 0, "?page_size=1000": 25, "?status=": 25,
	} {
		list := []object{}
		told, head := o.ask("GET", "/admin/courier/messages"+query, &list)
		require.Equal(t, "200", told, query)
		require.Len(t, list, expected, query)
		require.NotNil(t, list)
		require.NotContains(t, head.Get("Link"), "next", query)
		require.Contains(t, head.Get("Link"), `rel="first"`, query)
	}
	for _, size := range []int{1, 4, 5, 24, 25} {
		var met []string
		path, pages := fmt.Sprintf("/admin/courier/messages?page_size=%d", size), 0
		last := ""
		for path != "" {
			var list []object
			told, head := o.ask("GET", path, &list)
			require.Equal(t, "200", told)
			require.LessOrEqual(t, len(list), size)
			for _, m := range list {
				created := m["created_at"].(string)
				require.True(t, last == "" || created <= last, "newest first")
				last = created
				require.NotContains(t, m, "dispatches")
			}
			met = append(met, ids(list)...)
			pages++
			path = ""
			if m := next.FindStringSubmatch(head.Get("Link")); m != nil {
				path = m[1]
			}
		}
		require.Equal(t, (25+size-1)/size, pages)
		require.ElementsMatch(t, want, met, "each once, with pages of %d", size)
	}
}

func TestPageTokens(t *testing.T) {
	o := newOffice(t, false)
	for n := range 6 {
		o.now = o.now.Add(time.Second)
		o.put(fmt.Sprintf("p%d@example.org", n), courier.Sent)
	}
	_, head := o.ask("GET", "/admin/courier/messages?page_size=2&status=sent", nil)
	path := next.FindStringSubmatch(head.Get("Link"))[1]
	u, err := url.Parse(path)
	require.NoError(t, err)
	token := u.Query().Get("page_token")

	with := func(query string) string {
		told, _ := o.ask("GET", "/admin/courier/messages?"+query, nil)
		return told
	}
	require.Equal(t, "200", with("status=sent&page_token="+token))
	require.Equal(t, "200", with("status=sent&page_size=5&page_token="+token), "another size is another cut of the same list")
	const bad = "400 page_token_invalid"
	require.Equal(t, bad, with("page_token="+token), "of another list")
	require.Equal(t, bad, with("status=abandoned&page_token="+token))
	require.Equal(t, bad, with("status=sent&recipient=p1@example.org&page_token="+token))
	require.Equal(t, bad, with("status=sent&page_token="+token+"A"))
	require.Equal(t, bad, with("status=sent&page_token="+token[1:]))
	require.Equal(t, bad, with("status=sent&page_token="+uuid.Must(uuid.NewV4()).String()))
	require.Equal(t, bad, with("status=sent&page_token="+ring(t, "a known default secret").SealString("page/courier/messages?recipient=&status=sent", []byte(`{"created":"2030-01-01T00:00:00Z","expires":"2030-01-01T00:00:00Z"}`))))

	o.now = o.now.Add(time.Hour - 1)
	require.Equal(t, "200", with("status=sent&page_token="+token))
	o.now = o.now.Add(1)
	require.Equal(t, "400 page_token_expired", with("status=sent&page_token="+token))

	for query, told := range map[string]string{
		"page_size=0": "400 page_size_invalid", "page_size=1001": "400 page_size_invalid", "page_size=x": "400 page_size_invalid",
		"status=lost": "400 message_status_invalid", "status=SENT": "400 message_status_invalid",
	} {
		require.Equal(t, told, with(query))
	}
}

// What is answered has the fields of the wire, and tells nothing of what
// messages say.
func TestShape(t *testing.T) {
	o := newOffice(t, false)
	m := o.put("a@example.org", courier.Queued)
	w := &courier.Worker{Courier: o.courier, Retries: 5, Channels: emailBy(func(context.Context, *courier.Message, courier.Data) error {
		return fmt.Errorf("451 later, %s", code)
	})}
	_, err := w.Round(context.Background())
	require.NoError(t, err)
	o.now = o.now.Add(time.Minute)
	w.Channels = emailBy(func(context.Context, *courier.Message, courier.Data) error { return nil })
	waiting := object{}
	told, _ := o.ask("GET", "/admin/courier/messages/"+m.ID.String(), &waiting)
	require.Equal(t, "200", told)
	require.Equal(t, "451 later, [redacted]", waiting["foyer"].(object)["last_error"])
	due, err := time.Parse(time.RFC3339Nano, waiting["foyer"].(object)["next_attempt_at"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, m.CreatedAt, due, 5*time.Second)
	_, err = w.Round(context.Background())
	require.NoError(t, err)

	rec := httptest.NewRecorder()
	o.router.ServeHTTP(rec, httptest.NewRequest("GET", "/admin/courier/messages/"+m.ID.String(), nil))
	require.Equal(t, http.StatusOK, rec.Code)
	for _, secret := range []string{code, "aVeryLongToken", "Verify"} {
		require.NotContains(t, rec.Body.String(), secret)
	}
	read := object{}
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &read))
	dispatches, _ := read["dispatches"].([]any)
	require.Len(t, dispatches, 2)
	success, failed := dispatches[0].(object), dispatches[1].(object) // newest first
	first, later := "2026-03-04T05:06:07Z", "2026-03-04T05:07:07Z"
	require.Equal(t, object{
		"id": m.ID.String(), "status": "sent", "type": "email", "channel": "email", "recipient": "a@example.org",
		"template_type": "verification_code_valid", "subject": "<redacted-unless-dev-mode>", "body": "<redacted-unless-dev-mode>",
		"send_count": 2.0, "created_at": first, "updated_at": later, "dispatches": dispatches,
	}, read)
	require.Equal(t, object{"id": success["id"], "message_id": m.ID.String(), "status": "success", "created_at": later, "updated_at": later}, success)
	require.Equal(t, object{
		"id": failed["id"], "message_id": m.ID.String(), "status": "failed", "error": object{"message": "451 later, [redacted]"}, "created_at": first, "updated_at": first,
	}, failed)
	require.NotEqual(t, success["id"], failed["id"])

	put(t, o.courier, courier.Draft{Channel: courier.SMS, Template: "verification_code_valid", Recipient: "+4915123456789"})
	var list []object
	o.ask("GET", "/admin/courier/messages?recipient=%2B4915123456789", &list)
	require.Len(t, list, 1)
	require.Equal(t, "sms", list[0]["type"])
	require.Equal(t, "sms", list[0]["channel"])
}

func TestDevShowsWhatMessagesSay(t *testing.T) {
	o := newOffice(t, true)
	m := o.put("a@example.org", courier.Queued)
	var list []object
	o.ask("GET", "/admin/courier/messages", &list)
	require.Equal(t, "Verify <you>", list[0]["subject"])
	require.Contains(t, list[0]["body"], code)
	m.Sealed = nil
	o.store.rows[m.ID] = m
	one := object{}
	o.ask("GET", "/admin/courier/messages/"+m.ID.String(), &one)
	require.Equal(t, "", one["subject"])
	require.Equal(t, "", one["body"])
}

func TestNoSuchMessage(t *testing.T) {
	o := newOffice(t, false)
	put(t, o.courier, courier.Draft{Channel: courier.Email, Recipient: "a@example.org", Silent: true})
	silent, _ := o.store.only(t)
	for _, id := range []string{"x", uuid.Nil.String(), uuid.Must(uuid.NewV4()).String(), silent.ID.String()} {
		for _, c := range []string{"GET ", "POST /resend", "POST /discard"} {
			method, below, _ := strings.Cut(c, " ")
			told, _ := o.ask(method, "/admin/courier/messages/"+id+below, nil)
			require.Equal(t, "404 message_not_found", told, id)
		}
	}
	after, _ := o.store.only(t)
	require.Equal(t, silent, after)
}

func TestResendAndDiscard(t *testing.T) {
	for name, c := range map[string]struct {
		status          courier.Status
		wiped           bool
		resend, discard string
	}{
		"abandoned":           {status: courier.Abandoned, resend: "200", discard: "200"},
		"abandoned and wiped": {status: courier.Abandoned, wiped: true, resend: "409 message_wiped", discard: "200"},
		"queued":              {status: courier.Queued, resend: "200", discard: "200"},
		"on its way":          {status: courier.Processing, resend: "409 message_in_flight", discard: "409 message_in_flight"},
		"sent":                {status: courier.Sent, wiped: true, resend: "409 message_already_sent", discard: "409 message_already_sent"},
		"sent, kept":          {status: courier.Sent, resend: "409 message_already_sent", discard: "409 message_already_sent"},
	} {
		for op, want := range map[string]string{"resend": c.resend, "discard": c.discard} {
			t.Run(name+" "+op, func(t *testing.T) {
				o := newOffice(t, false)
				before := o.put("a@example.org", c.status)
				before.SendCount, before.LastError, before.Rev = 6, "451 later", 12
				if c.status == courier.Queued {
					before.DueAt = o.now.Add(15 * time.Minute)
				}
				if c.wiped {
					before.Sealed = nil
				}
				o.store.rows[before.ID] = before
				o.now = o.now.Add(time.Minute)
				got := object{}
				told, _ := o.ask("POST", "/admin/courier/messages/"+before.ID.String()+"/"+op, &got)
				require.Equal(t, want, told)
				after, _ := o.store.only(t)
				if want != "200" {
					require.Equal(t, before, after)
					return
				}
				expected := before
				expected.Rev, expected.UpdatedAt = 13, o.now
				if op == "resend" {
					expected.Status, expected.DueAt, expected.ExpiresAt, expected.SendCount, expected.LastError = courier.Queued, o.now, time.Time{}, 0, ""
				} else {
					expected.Status, expected.DueAt, expected.ExpiresAt, expected.LastError = courier.Abandoned, time.Time{}, o.now.Add(retention), "discarded by an operator"
					expected.Sealed = nil
				}
				require.Equal(t, expected, after)
				require.Equal(t, string(expected.Status), got["status"])
				if op == "discard" {
					require.Equal(t, object{"last_error": "discarded by an operator"}, got["foyer"])
				} else {
					require.Equal(t, object{"next_attempt_at": "2026-03-04T05:07:07Z"}, got["foyer"])
				}
			})
		}
	}
}

// Between reading and saving a worker claims the message: nothing is changed.
func TestOperatorComesSecond(t *testing.T) {
	o := newOffice(t, false)
	m := o.put("a@example.org", courier.Queued)
	o.store.failing = func(op string) error {
		require.Equal(t, "save", op)
		raced := m
		raced.Rev, raced.Status = 1, courier.Processing
		o.store.rows[m.ID] = raced
		return nil
	}
	told, _ := o.ask("POST", "/admin/courier/messages/"+m.ID.String()+"/discard", nil)
	require.Equal(t, "409 message_in_flight", told)
	after, _ := o.store.only(t)
	require.Equal(t, courier.Processing, after.Status)
	require.NotNil(t, after.Sealed)
}
