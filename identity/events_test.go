package identity_test

import (
	"context"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
)

// calls is a store that notes what it is asked to do.
type calls struct {
	identity.Store
	made []string
}

func (c *calls) note(what string) { c.made = append(c.made, what) }

func (c *calls) Tx(ctx context.Context, fn func(context.Context) error) error {
	c.note("begin")
	return fn(ctx)
}

func (c *calls) InsertIdentity(context.Context, *identity.Identity) error {
	c.note("insert")
	return nil
}

func (c *calls) UpdateIdentity(context.Context, *identity.Identity) error {
	c.note("update")
	return nil
}

func (c *calls) VerifyAddress(context.Context, uuid.UUID, uuid.UUID, int, time.Time) (bool, error) {
	c.note("verify")
	return true, nil
}

func (c *calls) DeleteIdentity(context.Context, uuid.UUID) error {
	c.note("delete")
	return nil
}

func (c *calls) Record(_ context.Context, e identity.Event) error {
	c.note(e.Type)
	return nil
}

// Where nobody listens a change is one call, as it is where nothing changes.
func TestEventsCostNothingUnheard(t *testing.T) {
	m := manager(t, twoAddresses)
	old := ada(t, m)
	change := func(m *identity.Manager) []string {
		store := m.Store.(*calls)
		next := m.Copy(old)
		next.State = identity.StateInactive
		require.NoError(t, m.Create(t.Context(), old))
		require.NoError(t, m.Update(t.Context(), old, next))
		require.NoError(t, m.Update(t.Context(), old, m.Copy(old)))
		_, err := m.Verify(t.Context(), old, old.Verifiable[0].ID, 0)
		require.NoError(t, err)
		require.NoError(t, m.Delete(t.Context(), old.ID))
		return store.made
	}
	m.Store = &calls{}
	require.Equal(t, []string{"insert", "update", "update", "verify", "delete"}, change(m))
	heard := &calls{}
	m.Store, m.Events = heard, heard
	require.Equal(t, []string{
		"begin", "insert", "identity.created", "begin", "update", "identity.updated", "update",
		"begin", "verify", "address.verified", "begin", "delete", "identity.deleted",
	}, change(m), "first what happens, then that it did")
	require.False(t, old.Verifiable[0].Verified, "what was read stays as it was")
}

// Every type is listed once, and what is listed is what there is.
func TestEventTypes(t *testing.T) {
	source, err := os.ReadFile("events.go")
	require.NoError(t, err)
	var defined, listed []string
	for _, m := range regexp.MustCompile(`Event\w+ += "([a-z.]+)"`).FindAllStringSubmatch(string(source), -1) {
		defined = append(defined, m[1])
	}
	for _, e := range identity.EventTypes {
		listed = append(listed, e.Name)
		require.Regexp(t, `^[A-Z].*\.$`, e.Says)
	}
	require.NotEmpty(t, defined)
	require.Equal(t, defined, listed)
}
