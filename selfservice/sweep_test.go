package selfservice_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// sweep removes batches until nothing is left to remove.
func sweep(t *testing.T, env *enginetest.Env) (removed int) {
	t.Helper()
	for {
		n, err := env.App.Sweep(context.Background())
		require.NoError(t, err)
		if n == 0 {
			return removed
		}
		removed += n
	}
}

// What is over leaves: completed flows when they expire, open ones when nobody
// may come back to them any more, sessions and errors at their own time.
func TestSweep(t *testing.T) {
	env := enginetest.New(t, enginetest.With("session.lifespan", "48h"))
	c := env.Native()
	finish(t, c, "")
	refused := c.Refused(c.Open(""), someone().With("traits.email", "nobody"))
	c.Open("")
	env.Browser().Get("/self-service/registration?flow=abc")
	start := env.Rows()
	count := func(table string) int { return len(env.Rows()[table]) }
	require.Equal(t, 3, count("flows"))

	sweep(t, env)
	require.Empty(t, env.Rows().Since(start), "nothing is old enough")

	env.Clock.Advance(time.Hour + time.Second)
	sweep(t, env)
	require.Equal(t, 2, count("flows"), "the completed one has left")
	require.Equal(t, 0, count("flow_errors"))
	require.Equal(t, 1, count("sessions"))

	env.Clock.Advance(22 * time.Hour)
	sweep(t, env)
	require.Equal(t, 2, count("flows"))
	heir := succeeded(t, c, refused, someone())
	require.Equal(t, 3, count("flows"))

	env.Clock.Advance(2 * time.Hour)
	sweep(t, env)
	require.Equal(t, 1, count("flows"), "the successor outlives them")
	require.Equal(t, "404 self_service_flow_not_found", tell(c, c.Submit(refused, someone())))
	require.Equal(t, "410 self_service_flow_expired", tell(c, read(c, heir.ID)))

	env.Clock.Advance(24 * time.Hour)
	sweep(t, env)
	require.Zero(t, count("flows"))
	require.Zero(t, count("sessions"))
	require.Zero(t, count("session_tokens"), "with the session that they led to")
	require.Equal(t, 1, env.Identities(), "people stay")
}

// A batch is as small as configured, and one after the other takes all.
func TestSweepBatches(t *testing.T) {
	env := enginetest.New(t, enginetest.With("database.cleanup.batch_size", 7))
	c := env.Native()
	for range 30 {
		c.Open("")
	}
	env.Clock.Advance(26 * time.Hour)
	left := 30
	for left > 0 {
		n, err := env.App.Sweep(context.Background())
		require.NoError(t, err)
		require.Equal(t, min(7, left), n)
		left -= n
		require.Len(t, env.Rows()["flows"], left)
	}
}

// Time only takes away: no use of a flow or session makes it live longer, and a
// clock that is set back gives nothing that time had not given before.
func TestNothingIsExtended(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	f := c.Open("")
	expires := f.ExpiresAt
	one := token(t, register(t, c, someone()))
	session := c.Whoami(one).JSON()["expires_at"]
	for range 5 {
		env.Clock.Advance(10 * time.Minute)
		f = c.Refused(f, someone().With("traits.email", "nobody"))
		require.Equal(t, expires, f.ExpiresAt)
		require.Equal(t, session, c.Whoami(one).JSON()["expires_at"])
	}
	for _, jump := range []time.Duration{-72 * time.Hour, 72 * time.Hour, -30 * time.Minute} {
		env.Clock.Advance(jump)
		if jump < 0 {
			require.Equal(t, expires, c.Read(f.ID).ExpiresAt, fmt.Sprint(jump))
			require.Equal(t, session, c.Whoami(one).JSON()["expires_at"])
		}
	}
	env.Clock.Advance(25 * time.Hour)
	require.Equal(t, 401, c.Whoami(one).Status)
	require.Equal(t, "410 self_service_flow_expired", tell(c, read(c, f.ID)))
}
