package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/gateway"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

var (
	_ courier.Sender = (*gateway.Channel)(nil)
	_ gateway.Client = (*web.Outbound)(nil)
)

// call is a request as a gateway got it.
type call struct {
	method, path string
	header       http.Header
	body         string
}

// service is a gateway that answers with h and keeps what it was asked.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
}

func start(t *testing.T, h http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls = append(s.calls, call{r.Method, r.URL.Path, r.Header, string(b)})
		s.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) got() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// channel returns a Channel that calls by the real client.
func channel(t *testing.T, c gateway.Config, e gateway.Evaluator) *gateway.Channel {
	t.Helper()
	client, err := web.NewOutbound(web.OutboundConfig{AllowLoopback: true})
	require.NoError(t, err)
	ch, err := gateway.New(c, client, e)
	require.NoError(t, err)
	return ch
}

func sms() *courier.Letter {
	return &courier.Letter{
		MessageID: uuid.Must(uuid.NewV4()), Channel: courier.SMS, Template: "verification_code_valid", Recipient: "+4915112345678",
		Text: "Your code is 123456", Data: courier.Data{"to": "+4915112345678", "verification_code": "123456", "identity": map[string]any{"id": "x"}},
	}
}

func TestTheBuiltInBody(t *testing.T) {
	s := start(t, answer(201, "queued"))
	l := sms()
	ch := channel(t, gateway.Config{Call: web.Call{URL: s.URL + "/send"}}, nil)
	require.NoError(t, ch.Send(t.Context(), l))
	require.NoError(t, ch.Send(t.Context(), l))
	got := s.got()
	require.Len(t, got, 2)
	require.JSONEq(t, `{
		"recipient": "+4915112345678", "to": "+4915112345678", "template_type": "verification_code_valid",
		"subject": "", "body": "Your code is 123456", "verification_code": "123456", "verification_url": null,
		"recovery_code": null, "recovery_url": null, "login_code": null, "registration_code": null
	}`, got[0].body, "and nothing more, the identity for example")
	require.Equal(t, "POST", got[0].method)
	require.Equal(t, "/send", got[0].path)
	require.Equal(t, "application/json", got[0].header.Get("Content-Type"))
	require.Equal(t, l.MessageID.String(), got[0].header.Get("Idempotency-Key"))
	require.Equal(t, l.MessageID.String(), got[1].header.Get("Idempotency-Key"), "the same at every attempt")
	require.Empty(t, got[0].header.Get("User-Agent"))
	require.Empty(t, got[0].header.Get("Authorization"))
	require.Empty(t, got[0].header.Get("Cookie"))
}

func TestMailsTakeTheSameWay(t *testing.T) {
	s := start(t, answer(200, ""))
	l := sms()
	l.Channel, l.Recipient, l.Subject, l.HTML = courier.Email, "ada@example.com", "Confirm", "<p>x</p>"
	require.NoError(t, channel(t, gateway.Config{Call: web.Call{URL: s.URL, Method: "PUT"}}, nil).Send(t.Context(), l))
	require.Equal(t, "PUT", s.got()[0].method)
	require.Contains(t, s.got()[0].body, `"subject":"Confirm"`)
}

func TestWhatAnAnswerMeans(t *testing.T) {
	final := map[int]bool{400: true, 406: true, 410: true, 411: true, 412: true, 413: true, 414: true, 415: true, 416: true, 417: true, 418: true, 422: true, 423: true, 424: true, 426: true, 428: true, 431: true, 451: true, 499: true}
	for status := 200; status < 600; status++ {
		if http.StatusText(status) == "" && status != 499 && status != 599 && status != 299 {
			continue
		}
		s := start(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			answer(status, "why\r\n\x1b[2Jnot")(w, r)
		})
		err := channel(t, gateway.Config{Call: web.Call{URL: s.URL}}, nil).Send(t.Context(), sms())
		require.Len(t, s.got(), 1, "one call: no redirect is followed, nothing is tried again here")
		if status < 300 {
			require.NoError(t, err, status)
			continue
		}
		require.ErrorContains(t, err, fmt.Sprintf("the gateway answered %d: ", status))
		require.Equal(t, final[status], courier.IsPermanent(err), status)
		if status != http.StatusNotModified {
			require.ErrorContains(t, err, "why [2Jnot")
		}
		s.Close()
	}
}

func TestAnswersAreBounded(t *testing.T) {
	for _, status := range []int{200, 422, 500} {
		s := start(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			for range 1000 {
				if _, err := io.WriteString(w, strings.Repeat("x", 10000)); err != nil {
					return
				}
			}
		})
		err := channel(t, gateway.Config{Call: web.Call{URL: s.URL}}, nil).Send(t.Context(), sms())
		if status == 200 {
			require.NoError(t, err, "delivered, however much it says")
			continue
		}
		require.ErrorContains(t, err, strings.Repeat("x", 200))
		require.Less(t, len(err.Error()), 250)
	}
}

func TestAServiceThatHangs(t *testing.T) {
	gone := make(chan struct{})
	s := start(t, func(_ http.ResponseWriter, r *http.Request) { <-gone })
	defer close(gone)
	ch := channel(t, gateway.Config{Call: web.Call{URL: s.URL}}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := ch.Send(ctx, sms())
	require.Equal(t, "outbound_timeout", fail.As(err).ID)
	require.False(t, courier.IsPermanent(err))
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	err = ch.Send(ctx, sms())
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, courier.IsPermanent(err))
}

func TestAServiceThatCannotBeReached(t *testing.T) {
	s := start(t, answer(200, ""))
	s.Close()
	err := channel(t, gateway.Config{Call: web.Call{URL: s.URL + "/path?key=hidden"}}, nil).Send(t.Context(), sms())
	require.Equal(t, "outbound_failed", fail.As(err).ID)
	require.False(t, courier.IsPermanent(err))
	require.NotContains(t, err.Error(), "hidden")

	guarded, err := web.NewOutbound(web.OutboundConfig{})
	require.NoError(t, err)
	ch, err := gateway.New(gateway.Config{Call: web.Call{URL: "http://127.0.0.1:1/"}}, guarded, nil)
	require.NoError(t, err)
	err = ch.Send(t.Context(), sms())
	require.Equal(t, "outbound_refused", fail.As(err).ID)
	require.False(t, courier.IsPermanent(err), "the operator's mistake loses no message")
}

func TestKindsOfAuth(t *testing.T) {
	for name, one := range map[string]struct {
		auth   web.Auth
		header string
		want   string
	}{
		"basic":  {web.Auth{Type: "basic_auth", User: "ada", Password: "p:w"}, "Authorization", "Basic YWRhOnA6dw=="},
		"header": {web.Auth{Type: "api_key", In: "header", Name: "X-Api-Key", Value: "k"}, "X-Api-Key", "k"},
		"bearer": {web.Auth{Type: "api_key", In: "header", Name: "Authorization", Value: "Bearer k"}, "Authorization", "Bearer k"},
		"cookie": {web.Auth{Type: "api_key", In: "cookie", Name: "key", Value: "k"}, "Cookie", "key=k"},
	} {
		s := start(t, answer(401, "no"))
		err := channel(t, gateway.Config{Call: web.Call{URL: s.URL, Auth: one.auth, Headers: map[string]string{"X-Own": "1"}}}, nil).Send(t.Context(), sms())
		require.EqualError(t, err, "the gateway answered 401: no", name)
		require.Equal(t, one.want, s.got()[0].header.Get(one.header), name)
		require.Equal(t, "1", s.got()[0].header.Get("X-Own"))
	}
}

func TestRecipientsAreJudgedAgain(t *testing.T) {
	var calls atomic.Int64
	s := start(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	ch := channel(t, gateway.Config{Call: web.Call{URL: s.URL}}, nil)
	for channel, all := range map[string][]string{
		courier.SMS: {
			"", "0151123456", "+0151123456", "+49151", "+4915112345678901", "+49 151 12345678", "+4915112345678,+4915112345679", "+4915112345678\n",
			"+4915112345678\x00", "tel:+4915112345678", "+٤٩١٥١١٢٣٤٥٦٧٨", "ada@example.com", "+49151123a5678", "+4915112345678;ext=1",
		},
		courier.Email: {
			"", "ada", "@", "ada@", "@example.com", "a@b@c", "ada@example.com,eve@example.com", "ada@example.com\r\nBcc: eve@example.com",
			"Ada <ada@example.com>", "ada @example.com", "\"a\"@example.com", "ada@example.com\x00", "ada@exam\u2028ple.com", "ada\u200b@example.com",
			strings.Repeat("a", 65) + "@example.com", "ada@[127.0.0.1]", "g:ada@example.com;",
		},
	} {
		for _, to := range all {
			l := sms()
			l.Channel, l.Recipient = channel, to
			require.True(t, courier.IsPermanent(ch.Send(t.Context(), l)), "%q", to)
		}
	}
	l := sms()
	l.MessageID = uuid.Nil
	require.True(t, courier.IsPermanent(ch.Send(t.Context(), l)))
	require.Zero(t, calls.Load())
}
