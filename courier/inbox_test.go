package courier_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
)

func (o *office) page(target string) *httptest.ResponseRecorder {
	o.Helper()
	w := httptest.NewRecorder()
	o.router.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	require.Equal(o, http.StatusOK, w.Code, w.Body)
	require.Equal(o, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	return w
}

func TestInboxIsForDevModeAlone(t *testing.T) {
	o := newOffice(t, false)
	o.put("a@example.org", courier.Queued)
	for _, path := range []string{"/admin/inbox", "/admin/inbox/messages", "/admin/inbox/messages/x/html"} {
		told, _ := o.ask("GET", path, nil)
		require.Equal(t, "404 route_not_found", told)
	}
}

// Written, delivered to nowhere, and still to be read: by programs and by people.
func TestInbox(t *testing.T) {
	o := newOffice(t, true)
	w := &courier.Worker{Courier: o.courier, KeepBodies: true, Channels: map[string]courier.Channel{
		courier.Email: courier.Post{Renderer: letters{}, Sender: courier.Inbox{}},
		courier.SMS:   courier.Post{Renderer: letters{}, Sender: courier.Inbox{}},
	}}
	enqueue(t, o.courier, "a@example.org")
	o.now = o.now.Add(time.Second)
	put(t, o.courier, courier.Draft{
		Channel: courier.SMS, Template: "verification_code_valid", Locale: "de", Recipient: "+4915123456789", Data: courier.Data{"verification_code": "112233"},
	})
	put(t, o.courier, courier.Draft{Channel: courier.Email, Recipient: "silent@example.org", Silent: true})
	n, err := w.Round(context.Background())
	require.NoError(t, err)
	require.Equal(t, 2, n)

	var list []object
	told, _ := o.ask("GET", "/admin/inbox/messages", &list)
	require.Equal(t, "200", told)
	require.Len(t, list, 2)
	require.Equal(t, "+4915123456789", list[0]["recipient"], "newest first")
	require.Equal(t, "112233", list[0]["data"].(object)["verification_code"])
	mail := list[1]
	require.Equal(t, object{
		"id": mail["id"], "status": "sent", "recipient": "a@example.org", "channel": "email", "template_type": "verification_code_valid", "locale": "en",
		"subject": "Verify <you>", "text": "Your code: " + code + " at " + link,
		"html":       "<!doctype html><html><head><title>x</title></head><body><p>Your code: " + code + " at " + link + "</p></body></html>",
		"data":       object{"to": "a@example.org", "verification_code": code, "verification_url": link, "request_url": "https://auth.example.org/"},
		"created_at": "2026-03-04T05:06:07Z",
	}, mail)
	for query, want := range map[string]int{"recipient=a@example.org": 1, "recipient=b@example.org": 0, "limit=1": 1, "limit=1000": 2} {
		list := []object(nil)
		told, _ := o.ask("GET", "/admin/inbox/messages?"+query, &list)
		require.Equal(t, "200", told)
		require.Len(t, list, want, query)
		require.NotNil(t, list, query)
	}
	for _, limit := range []string{"0", "1001", "x", "-1"} {
		told, _ := o.ask("GET", "/admin/inbox/messages?limit="+limit, nil)
		require.Equal(t, "400 limit_invalid", told)
	}

	page := o.page("/admin/inbox")
	body := page.Body.String()
	require.Less(t, strings.Index(body, "&#43;4915123456789"), strings.Index(body, "<span>a@example.org</span>"), "newest first")
	require.Contains(t, body, "<strong lang=\"en\">Verify &lt;you&gt;</strong>")
	require.NotContains(t, body, "silent@example.org")
	require.NotContains(t, body, link, "only the open message is shown")

	open := o.page(fmt.Sprintf("/admin/inbox?message=%s&recipient=a@example.org", mail["id"])).Body.String()
	require.Contains(t, open, "<code>"+code+"</code>")
	require.Contains(t, open, fmt.Sprintf(`sandbox="allow-popups allow-popups-to-escape-sandbox" src="/admin/inbox/messages/%s/html"`, mail["id"]))
	require.NotContains(t, open, "&#43;4915123456789", "the list keeps its filter")

	letter := o.page(fmt.Sprintf("/admin/inbox/messages/%s/html", mail["id"]))
	require.Contains(t, letter.Body.String(), `<head><base target="_blank"><title>`)
	policy := letter.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.Contains(t, policy, "sandbox allow-popups allow-popups-to-escape-sandbox")
	for _, loose := range []string{"allow-scripts", "allow-same-origin", "script-src"} {
		require.NotContains(t, policy, loose)
	}
	for _, target := range []string{"/admin/inbox?message=x", "/admin/inbox/messages/x/html"} {
		told, _ := o.ask("GET", target, nil)
		require.Equal(t, "404 message_not_found", told)
	}
}

// What people wrote into a message is text on the page, and the page's policy
// would run nothing else.
func TestInboxPageIsSafe(t *testing.T) {
	o := newOffice(t, true)
	const evil = `"><script>alert(1)</script>{{.}}' </script>`
	put(t, o.courier, courier.Draft{
		Channel: courier.SMS, Template: "t", Locale: evil, Recipient: evil,
		Data: courier.Data{"verification_code": evil, "verification_url": "javascript:alert(1)"},
	})
	m, _ := o.store.only(t)
	m.LastError = evil
	o.store.rows[m.ID] = m
	first := o.page("/admin/inbox?message=" + m.ID.String())
	second := o.page("/admin/inbox?recipient=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
	for _, p := range []*httptest.ResponseRecorder{first, second} {
		require.NotContains(t, p.Body.String(), "<script>alert")
		require.Equal(t, 1, strings.Count(p.Body.String(), "<script"))
		require.NotContains(t, p.Body.String(), `href="javascript:`)
		policy := p.Header().Get("Content-Security-Policy")
		require.Regexp(t, `default-src 'none'; .*frame-ancestors 'none'; style-src 'nonce-[A-Z2-7]{26}'; script-src 'nonce-[A-Z2-7]{26}'$`, policy)
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "same-origin", p.Header().Get("Cross-Origin-Opener-Policy"))
	}
	require.NotEqual(t, first.Header().Get("Content-Security-Policy"), second.Header().Get("Content-Security-Policy"), "no nonce twice")
}

// A message whose data is gone or not to be read is listed all the same.
func TestInboxOfWipedMessages(t *testing.T) {
	o := newOffice(t, true)
	wiped := o.put("wiped@example.org", courier.Sent)
	wiped.Sealed = nil
	o.store.rows[wiped.ID] = wiped
	o.now = o.now.Add(time.Second)
	foreign := o.put("foreign@example.org", courier.Queued)
	foreign.Sealed = []byte("of another secret")
	o.store.rows[foreign.ID] = foreign
	o.now = o.now.Add(time.Second)
	put(t, o.courier, courier.Draft{Channel: courier.Email, Template: "broken", Recipient: "broken@example.org"})

	var list []object
	o.ask("GET", "/admin/inbox/messages", &list)
	require.Len(t, list, 3)
	require.Equal(t, "the template is broken", list[0]["text"])
	require.Equal(t, "seal: cannot be opened", list[1]["text"])
	require.Equal(t, "", list[2]["text"])
	require.Equal(t, object{}, list[2]["data"])
	require.Contains(t, o.page("/admin/inbox?message="+wiped.ID.String()).Body.String(), "has been wiped")
}
