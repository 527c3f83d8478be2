package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/session"
)

// calls is a store without transactions that notes what it is asked to do.
type calls struct {
	session.Store
	made []string
}

func (c *calls) InsertSession(context.Context, *session.Session, []byte) error {
	c.made = append(c.made, "insert")
	return nil
}

func (c *calls) Reauthenticate(context.Context, *session.Session, time.Time, []byte) error {
	c.made = append(c.made, "reauthenticate")
	return nil
}

func (c *calls) EndSessions(_ context.Context, sel session.Selection) (int, bool, error) {
	c.made = append(c.made, "end")
	if sel.Ended != nil {
		c.made = append(c.made, "and tell")
	}
	return 0, false, nil
}

// Where nobody listens a change is one call, and nobody looks for what ends.
func TestEventsCostNothingUnheard(t *testing.T) {
	store := &calls{}
	m := &session.Manager{Store: store, Now: time.Now}
	s, token := m.Plan(uuid.Must(uuid.NewV4()), session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
	require.NoError(t, m.Start(t.Context(), s, session.Hash(token)))
	require.NoError(t, m.Reauthenticate(t.Context(), s, s.AuthenticatedAt, session.Hash(token)))
	require.NoError(t, m.EndOne(t.Context(), s.ID))
	_, err := m.EndAll(t.Context(), s.IdentityID, s.ID)
	require.NoError(t, err)
	_, _, err = m.EndSome(t.Context(), session.Selection{Everybody: true})
	require.NoError(t, err)
	require.Equal(t, []string{"insert", "reauthenticate", "end", "end", "end"}, store.made)
}
