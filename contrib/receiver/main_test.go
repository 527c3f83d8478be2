package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/internal/enginetest"
)

const (
	secret  = "whsec_Zm95ZXIncyBleGFtcGxlLCBrbm93biB0byBhbGwhIQ=="
	another = "whsec_YW5vdGhlciBzZWNyZXQgb2YgdGhpcnR5IGJ5dGVzIQ=="
)

// bench is a receiver, and who calls it as Foyer does.
type bench struct {
	*testing.T
	to  http.Handler
	out bytes.Buffer
}

func newBench(t *testing.T) *bench {
	key, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	b := &bench{T: t}
	b.to = routes(key, &b.out)
	return b
}

// call makes a request signed with the secrets, none for the receiver's own;
// spoil, unless nil, changes it on its way.
func (b *bench) call(path, id, body string, at time.Time, spoil func(*http.Request), secrets ...string) *httptest.ResponseRecorder {
	b.Helper()
	if secrets == nil {
		secrets = []string{secret}
	}
	signer, err := hook.ParseSigner(secrets)
	require.NoError(b, err)
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	req.Header.Set("webhook-signature", signer.Sign(id, at, []byte(body)))
	if spoil != nil {
		spoil(req)
	}
	w := httptest.NewRecorder()
	b.to.ServeHTTP(w, req)
	return w
}

const registered = `{"type":"registration.completed","data":{"identity_id":"0198c0de-0000-4000-8000-000000000001"}}`

// A repeated event is acknowledged and acted on once; another one is another.
func TestActsOnceOnEachEvent(t *testing.T) {
	b := newBench(t)
	for range 3 {
		require.Equal(t, http.StatusNoContent, b.call("/events", "a", registered, time.Now(), nil).Code)
	}
	require.Equal(t, "registration.completed 0198c0de-0000-4000-8000-000000000001\n", b.out.String())
	require.Equal(t, http.StatusNoContent, b.call("/events", "b", registered, time.Now(), nil).Code)
	require.Equal(t, 2, strings.Count(b.out.String(), "\n"))
}

// What nobody with the secret has signed, or long ago, does nothing. A genuine
// one does, from who signs with two secrets while one is replaced.
func TestRefusesWhatIsNotGenuine(t *testing.T) {
	b, now := newBench(t), time.Now()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"another secret": b.call("/events", "a", registered, now, nil, another),
		"another body":   b.call("/events", "a", registered, now, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(registered + " ")) }),
		"another id":     b.call("/events", "a", registered, now, header("webhook-id", "b")),
		"made younger":   b.call("/events", "a", registered, now.Add(-time.Hour), header("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))),
		"old":            b.call("/events", "a", registered, now.Add(-6*time.Minute), nil),
		"of the future":  b.call("/events", "a", registered, now.Add(6*time.Minute), nil),
		"not signed":     b.call("/events", "a", registered, now, func(r *http.Request) { r.Header.Del("webhook-signature") }),
		"veto":           b.call("/veto", "a", `{}`, now, nil, another),
		"reserve":        b.call("/reserve", "a", `{}`, now, nil, another),
		"too large":      b.call("/events", "a", strings.Repeat(" ", 2<<20), now, nil),
	} {
		require.Equal(t, http.StatusUnauthorized, w.Code, name)
	}
	require.Equal(t, http.StatusBadRequest, b.call("/events", "a", "no JSON", now, nil).Code)
	require.Empty(t, b.out.String())
	require.Equal(t, http.StatusNoContent, b.call("/events", "a", registered, now, nil, another, secret).Code)
	require.NotEmpty(t, b.out.String())
}

func TestVeto(t *testing.T) {
	b := newBench(t)
	require.Equal(t, http.StatusNoContent, b.call("/veto", "a", `{"identity":{"traits":{"email":"ada@example.org"}}}`, time.Now(), nil).Code)
	w := b.call("/veto", "b", `{"identity":{"traits":{"email":"postmaster@example.org"}}}`, time.Now(), nil)
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.JSONEq(t, `{"messages":[{"instance_ptr":"#/traits/email","messages":[{"id":4900001,"text":"Please use an address of your own.","type":"error"}]}]}`, w.Body.String())
}

// end tells the receiver how reservations have ended.
func (b *bench) end(phase, reservation string) int {
	b.Helper()
	return b.call("/reserve", phase+reservation, `{"type":"reservation.`+phase+`","data":{"reservation_id":"`+reservation+`"}}`, time.Now(), nil).Code
}

// ask is the first phase, with a body of the hook's own.
func (b *bench) ask(reservation, email string) *httptest.ResponseRecorder {
	b.Helper()
	return b.call("/reserve", "ask"+reservation, `{"identity":{"traits":{"email":"`+email+`"}}}`, time.Now(), func(r *http.Request) {
		r.Header.Set("Foyer-Reservation-Id", reservation)
		r.Header.Set("Foyer-Reservation-Phase", "reserve")
	})
}

// Each phase acts once; nothing is held after a cancellation, also where the
// call it belongs to comes later.
func TestReservations(t *testing.T) {
	b := newBench(t)
	for range 2 {
		require.Equal(t, http.StatusNoContent, b.ask("1", "ada@example.org").Code)
	}
	for range 2 {
		require.Equal(t, http.StatusNoContent, b.end("confirm", "1"))
	}
	for range 2 {
		require.Equal(t, http.StatusNoContent, b.end("cancel", "2"))
	}
	require.Equal(t, http.StatusConflict, b.ask("2", "grace@example.org").Code)
	require.Equal(t, "reservation reserve 1\nreservation confirm 1\nreservation cancel 2\n", b.out.String())

	w := b.ask("3", "eve@blocked.example")
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.JSONEq(t, `{"messages":[{"instance_ptr":"#/traits/email","messages":[{"id":4900002,"text":"There is no place for this domain.","type":"error"}]}]}`, w.Body.String())
	require.NotContains(t, b.out.String(), "3")
}

// configured is the configuration that stands beside the quickstart's, calling
// the receiver of the test.
func configured(t *testing.T, url string) (options []enginetest.Option) {
	raw, err := os.ReadFile("foyer.yml")
	require.NoError(t, err)
	require.Contains(t, string(raw), "http://"+address)
	sections := map[string]any{}
	require.NoError(t, yaml.Unmarshal(bytes.ReplaceAll(raw, []byte("http://"+address), []byte(url)), sections))
	secrets := sections["secrets"].(map[string]any)
	require.Equal(t, []any{secret}, secrets["web_hook"])
	flows := sections["selfservice"].(map[string]any)["flows"].(map[string]any)
	after := flows["registration"].(map[string]any)["after"].(map[string]any)
	return []enginetest.Option{
		enginetest.With("secrets.web_hook", secrets["web_hook"]),
		enginetest.With("events", sections["events"]),
		enginetest.With("selfservice.flows.registration.after.hooks", after["hooks"]),
	}
}

// What Foyer itself sends is understood: a registration is reserved, confirmed
// and told of; one that is refused says why, and is held by nobody.
func TestRegistrationArrives(t *testing.T) {
	b := newBench(t)
	s := httptest.NewServer(b.to)
	t.Cleanup(s.Close)
	env := enginetest.New(t, configured(t, s.URL)...)
	app := env.Native()

	require.Equal(t, []int{4900001}, app.Refused(app.Open(""), enginetest.Person("postmaster@example.org")).IDs("traits.email"))
	require.Equal(t, []int{4900002}, app.Refused(app.Open(""), enginetest.Person("eve@blocked.example")).IDs("traits.email"))
	env.Deliver()
	require.Zero(t, env.Identities())
	require.Equal(t, "registration.failed \nregistration.failed \n", b.out.String())

	b.out.Reset()
	done := app.Submit(app.Open(""), enginetest.Person("ada@example.org"))
	require.Equal(t, http.StatusOK, done.Status, "%s", done.Body)
	id := done.JSON()["identity"].(map[string]any)["id"].(string)
	env.Deliver()
	said := strings.Split(strings.TrimSpace(b.out.String()), "\n")
	require.Regexp(t, "^reservation reserve ", said[0])
	require.ElementsMatch(t, []string{
		said[0], strings.Replace(said[0], " reserve ", " confirm ", 1),
		"identity.created " + id, "registration.completed " + id, "session.issued " + id,
	}, said)
}
