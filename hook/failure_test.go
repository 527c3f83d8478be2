package hook_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
)

func newSim(t testing.TB) *hooksim.Receiver {
	t.Helper()
	r, err := hooksim.Start()
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

func source(jsonnet string) string {
	return "base64://" + base64.StdEncoding.EncodeToString([]byte(jsonnet))
}

// told lists what a receiver was told of reservations.
func told(r *hooksim.Receiver) (phases []string) {
	for _, c := range r.Calls() {
		phases = append(phases, c.Header.Get("Foyer-Reservation-Phase"))
	}
	return phases
}

// What an operator got wrong is said to be that, under a stable id. Nobody was
// asked to reserve anything, so nobody is told of an end.
func TestMisconfigured(t *testing.T) {
	for why, more := range map[string]object{
		"body":      {"body": source(`error "boom"`)},
		"condition": {"condition": "identity.traits.age > 3"},
	} {
		t.Run(why, func(t *testing.T) {
			r := newSim(t)
			more["reserve"] = true
			env := enginetest.New(t, enginetest.WithJsonnet(), afterPassword(webHook(r.URL("ok"), more)))
			f := env.Native().OpenKind("registration", "")
			before := env.Rows()
			a := env.Native().Submit(f, enginetest.Person("ada@example.org"))
			require.Equal(t, http.StatusInternalServerError, a.Status)
			require.Equal(t, "invalid_configuration", a.ErrorID())
			require.Contains(t, string(a.Body), `"failure":"web_hook_`+why+`"`)
			require.NotContains(t, string(a.Body), "boom")
			require.Empty(t, env.Rows().Since(before), "no reservation was asked for")
			env.Clock.Advance(time.Hour)
			env.Deliver()
			require.Empty(t, r.Calls())
		})
	}
}

// All hooks of a step share one time. Where others have used it up, a hook fails
// as one that got no answer: as it is configured to.
func TestTotalTime(t *testing.T) {
	for _, open := range []bool{false, true} {
		r := newSim(t)
		r.SetFunc(func(c hooksim.Call) string {
			if c.Path == "/first" {
				return "hang_before_headers"
			}
			return "ok"
		})
		first := webHook(r.URL("")+"/first", object{"id": "first", "can_interrupt": true, "fail_open": true, "timeout": "300ms"})
		how := object{"id": "second", "reserve": true, "timeout": "300ms"}
		if open {
			how = object{"id": "second", "can_interrupt": true, "fail_open": true, "timeout": "300ms"}
		}
		second := webHook(r.URL("")+"/second", how)
		env := enginetest.New(t, afterPassword(first, second, object{"hook": "session"}), enginetest.With("clients.web_hook.total_timeout", "300ms"))
		f := env.Native().OpenKind("registration", "")
		begun := time.Now()
		a := env.Native().Submit(f, enginetest.Person("ada@example.org"))
		require.Less(t, time.Since(begun), 5*time.Second)
		if open {
			require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
		} else {
			require.Equal(t, http.StatusGatewayTimeout, a.Status, "%s", a.Body)
			require.Equal(t, "upstream_timeout", a.ErrorID())
			require.Contains(t, string(a.Body), "web_hook_timeout")
			require.Zero(t, env.Identities())
		}
		env.Clock.Advance(time.Hour)
		env.Deliver()
		require.Len(t, r.Calls(), 1, "who was not asked is told nothing")
	}
}

// Who leaves while a hook is asked has registered nobody, although the hook may
// be passed over where it fails, and what was reserved is cancelled.
func TestWhoLeaves(t *testing.T) {
	r := newSim(t)
	env := enginetest.New(t, afterPassword(
		webHook(r.URL("")+"/holds", object{"id": "holds", "reserve": true}),
		webHook(r.URL("")+"/asked", object{"id": "asked", "can_interrupt": true, "fail_open": true}),
	))
	ctx, leave := context.WithCancel(t.Context())
	r.SetFunc(func(c hooksim.Call) string {
		if c.Path == "/asked" {
			leave()
			return "hang_before_headers"
		}
		return "ok"
	})
	c := env.Native()
	f := c.OpenKind("registration", "")
	_, body := c.Encode(enginetest.Person("ada@example.org"))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.UI.Action, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	_, err = c.Try(req)
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool { env.Deliver(); return len(told(r)) > 2 }, 20*time.Second, 5*time.Millisecond)
	require.Equal(t, []string{"reserve", "", "cancel"}, told(r))
	require.Zero(t, env.Identities())
}
