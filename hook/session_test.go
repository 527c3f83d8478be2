package hook_test

import (
	"context"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice"
)

// store notes what is written.
type store struct {
	session.Store
	sessions []*session.Session
}

func (s *store) InsertSession(_ context.Context, one *session.Session, _ []byte) error {
	s.sessions = append(s.sessions, one)
	return nil
}

// The hook plans: until the commit nothing is written.
func TestSessionPlans(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	s := &store{}
	h := hook.Session(&session.Manager{Store: s, Lifespan: time.Hour, Now: func() time.Time { return now }})
	require.Equal(t, "session", h.Name)
	require.Equal(t, selfservice.Ends, h.Turn, "any other hook can still refuse")

	who := &identity.Identity{ID: uuid.Must(uuid.NewV4()), State: identity.StateActive}
	step := &selfservice.Step{Identity: who, Flow: &selfservice.Flow{}, Next: &selfservice.Flow{Active: "password"}, Input: &selfservice.Input{Device: session.Device{IP: "192.0.2.1", UserAgent: "test"}}}
	require.NoError(t, h.Run(context.Background(), step))
	require.Empty(t, s.sessions, "not yet")
	require.Equal(t, who.ID, step.Session.IdentityID)
	require.Same(t, who, step.Session.Identity)
	require.Equal(t, "password", step.Session.Methods[0].Method)
	require.Equal(t, session.AAL1, step.Session.AAL)
	require.Equal(t, now.Add(time.Hour), step.Session.ExpiresAt)
	require.Equal(t, "192.0.2.1", step.Session.Device.IP)
	require.True(t, step.Session.Live(now))
	require.False(t, step.Session.Live(now.Add(time.Hour)))
	require.Regexp(t, "^ory_st_[A-Za-z0-9]{32}$", step.SessionToken)
}

// In a program without the hook nobody is signed in, and nothing is written
// that could sign anybody in.
func TestSessionIsOptIn(t *testing.T) {
	env := enginetest.New(t, enginetest.WithoutSession())
	for _, c := range env.Clients() {
		a := c.Submit(c.Open(""), enginetest.Person(string(c.Kind)+"@example.org"))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.NotContains(t, string(a.Body), "session")
		require.Equal(t, 401, c.Whoami("").Status)
	}
	rows := env.Rows()
	require.Empty(t, rows["sessions"])
	require.Empty(t, rows["session_tokens"])
	require.Len(t, rows["identities"], 3)
}

// A session that cannot be stored takes the registration back with it.
func TestSessionFailsWithTheCommit(t *testing.T) {
	env := enginetest.New(t)
	env.Exec("CREATE TRIGGER refuse BEFORE INSERT ON session_tokens BEGIN SELECT RAISE(ABORT, 'refused by the test'); END")
	before := env.Rows()
	for _, c := range env.Clients() {
		f := c.Open("")
		v := enginetest.Person(string(c.Kind) + "@example.org")
		a := c.Submit(f, v)
		require.NotEqual(t, 200, a.Status)
		require.NotContains(t, a.Header.Get("Set-Cookie"), "ory_kratos_session")
		require.Equal(t, 401, c.Whoami("").Status)
		env.Exec("DROP TRIGGER refuse")
		require.Less(t, c.Submit(f, v).Status, 400, "the flow is as it was")
		env.Exec("CREATE TRIGGER refuse BEFORE INSERT ON session_tokens BEGIN SELECT RAISE(ABORT, 'refused by the test'); END")
	}
	require.Equal(t, "addresses+6 credentials+3 flow_errors+1 flows+3 identifiers+3 identities+3 session_tokens+3 sessions+3", env.Rows().Since(before))
}
