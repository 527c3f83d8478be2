package persistence_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

var errDeaf = errors.New("the test does not listen")

// listener keeps a row for each event, in whatever transaction it is told of it.
type listener struct {
	store *persistence.Store
	deaf  string // the type of event that it refuses
	rows  []uuid.UUID
	heard []identity.Event
}

func (l *listener) Record(ctx context.Context, e identity.Event) error {
	row := newID()
	if err := l.store.InsertError(ctx, &selfservice.StoredError{ID: row, Error: json.RawMessage(`{}`), CreatedAt: noon, ExpiresAt: noon}); err != nil {
		return err
	}
	l.rows, l.heard = append(l.rows, row), append(l.heard, e)
	if e.Type == l.deaf {
		return errDeaf
	}
	return nil
}

// kept is the events whose rows are there, since the last call.
func (l *listener) kept(t *testing.T) (events []identity.Event) {
	t.Helper()
	for n, row := range l.rows {
		_, err := l.store.Error(t.Context(), row)
		if err == nil {
			events = append(events, l.heard[n])
			continue
		}
		require.ErrorIs(t, err, selfservice.ErrNoFlow)
	}
	l.rows, l.heard = nil, nil
	return events
}

func types(events []identity.Event) (out []string) {
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

// watched is who changes people and sessions, and who is told of it.
func watched(t *testing.T, s *persistence.Store) (*identity.Manager, *session.Manager, *listener) {
	t.Helper()
	set, err := peopleSchemas()
	require.NoError(t, err)
	l, now := &listener{store: s}, func() time.Time { return noon }
	return &identity.Manager{Schemas: set, Store: s, Events: l, Now: now}, &session.Manager{Store: s, Events: l, Lifespan: time.Hour, Now: now}, l
}

// read is somebody as they are now.
func read(t *testing.T, s *persistence.Store, id uuid.UUID) *identity.Identity {
	t.Helper()
	i, err := s.Identity(t.Context(), id)
	require.NoError(t, err)
	return i
}

// What happens to a person is recorded with it, or neither is.
func TestEventsOfPeople(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		people, _, l := watched(t, s)
		ada := drafted(t, object{"nick": "ada", "mails": []any{"Ada@example.org", "b@example.org"}})
		ada.SetPassword("x")

		l.deaf = identity.EventIdentityCreated
		require.ErrorIs(t, people.Create(t.Context(), ada), errDeaf)
		_, err := s.Identity(t.Context(), ada.ID)
		require.ErrorIs(t, err, identity.ErrNotFound)
		require.Empty(t, l.kept(t))
		l.deaf = ""
		require.NoError(t, people.Create(t.Context(), ada))
		require.Equal(t, []identity.Event{{Type: identity.EventIdentityCreated, Subject: ada.ID, Identity: ada}}, l.kept(t))
		twin := drafted(t, object{"nick": "ada"})
		require.ErrorIs(t, people.Create(t.Context(), twin), identity.ErrTaken)
		require.Empty(t, l.heard, "what failed has not happened")
		require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, people.Create(ctx, drafted(t, object{"nick": "bob"})))
			return errDeaf
		}), errDeaf)
		require.Empty(t, l.kept(t), "and is taken back with what is around it")

		before := read(t, s, ada.ID)
		l.deaf = identity.EventAddressVerified
		_, err = people.Verify(t.Context(), before, before.Verifiable[0].ID, before.Epoch)
		require.ErrorIs(t, err, errDeaf)
		require.Equal(t, before, read(t, s, ada.ID))
		require.Empty(t, l.kept(t))
		l.deaf = ""
		first, err := people.Verify(t.Context(), before, before.Verifiable[0].ID, before.Epoch)
		require.NoError(t, err)
		require.True(t, first)
		after := read(t, s, ada.ID)
		require.Equal(t, []identity.Event{{
			Type: identity.EventAddressVerified, Subject: ada.ID, Identity: after, Facts: object{"address": "Ada@example.org", "via": "email"},
		}}, l.kept(t), "as it is now")
		first, err = people.Verify(t.Context(), after, after.Verifiable[0].ID, after.Epoch)
		require.NoError(t, err)
		require.False(t, first)
		_, err = people.Verify(t.Context(), before, before.Verifiable[0].ID, before.Epoch)
		require.ErrorIs(t, err, identity.ErrOutdated)
		_, err = people.Verify(t.Context(), nil, before.Verifiable[0].ID, before.Epoch)
		require.ErrorIs(t, err, identity.ErrOutdated)
		require.Empty(t, l.heard, "no address is proved twice")

		l.deaf = identity.EventIdentityDeleted
		require.ErrorIs(t, people.Delete(t.Context(), ada.ID), errDeaf)
		read(t, s, ada.ID)
		l.kept(t)
		l.deaf = ""
		require.NoError(t, people.Delete(t.Context(), ada.ID))
		require.Equal(t, []identity.Event{{Type: identity.EventIdentityDeleted, Subject: ada.ID}}, l.kept(t), "nothing of the person but the id")
		require.ErrorIs(t, people.Delete(t.Context(), ada.ID), identity.ErrNotFound)
		require.Empty(t, l.heard)
	})
}

// An update tells what has changed, and each address that is proved by it.
func TestEventsOfAnUpdate(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		people, _, l := watched(t, s)
		ada := drafted(t, object{"nick": "ada", "mails": []any{"a@example.org"}})
		ada.SetPassword("x")
		require.NoError(t, people.Create(t.Context(), ada))
		require.NoError(t, people.Create(t.Context(), drafted(t, object{"nick": "bob"})))
		l.kept(t)
		update := func(change func(next *identity.Identity)) []identity.Event {
			before := read(t, s, ada.ID)
			next := people.Copy(before)
			change(next)
			require.NoError(t, people.Update(t.Context(), before, next))
			events := l.kept(t)
			for _, e := range events {
				require.Equal(t, ada.ID, e.Subject)
				require.Same(t, next, e.Identity)
			}
			return events
		}
		changed := func(change func(next *identity.Identity)) any {
			events := update(change)
			require.Equal(t, []string{identity.EventIdentityUpdated}, types(events))
			return events[0].Facts["changed"]
		}
		require.Empty(t, update(func(*identity.Identity) {}))
		require.Empty(t, update(func(next *identity.Identity) { next.Epoch++ }))
		require.Empty(t, update(func(next *identity.Identity) {
			next.Traits = json.RawMessage(`{"nick": "ada", "mails": ["a@example.org"]}`)
		}), "written otherwise")
		require.Equal(t, []string{"credentials.password"}, changed(func(next *identity.Identity) { next.SetPassword("y") }))
		require.Equal(t, []string{"state"}, changed(func(next *identity.Identity) { next.State = identity.StateInactive }))
		require.Equal(t, []string{"schema_id", "external_id", "metadata_public", "metadata_admin"}, changed(func(next *identity.Identity) {
			next.SchemaID, next.ExternalID, next.MetadataPublic, next.MetadataAdmin = "other", "7", json.RawMessage(`{"a":1}`), json.RawMessage(`[]`)
		}))
		require.Equal(t, []string{"traits", "addresses", "credentials.password"}, changed(func(next *identity.Identity) {
			revised, moved, violations := people.Revise(read(t, s, ada.ID), people.Schemas.Default(), object{"nick": "ada", "mails": []any{"a@example.org", "b@example.org"}})
			require.Empty(t, violations)
			require.True(t, moved)
			*next = *revised
		}))

		require.Equal(t, []string{identity.EventAddressVerified}, types(update(func(next *identity.Identity) { require.True(t, next.Prove("email", "b@example.org")) })))
		require.Empty(t, update(func(next *identity.Identity) { next.Prove("email", "b@example.org") }), "again")
		require.Equal(t, []string{identity.EventIdentityUpdated, identity.EventAddressVerified}, types(update(func(next *identity.Identity) {
			next.Prove("email", "a@example.org")
			next.Expel("email", "a@example.org")
		})))

		before := read(t, s, ada.ID)
		next := people.Copy(before)
		next.State = identity.StateActive
		l.deaf = identity.EventIdentityUpdated
		require.ErrorIs(t, people.Update(t.Context(), before, next), errDeaf)
		require.Equal(t, before, read(t, s, ada.ID))
		l.kept(t)
		l.deaf = ""
		next.Rev++
		require.ErrorIs(t, people.Update(t.Context(), before, next), identity.ErrOutdated)
		revised, _, _ := people.Revise(before, people.Schemas.Default(), object{"nick": "bob"})
		require.ErrorIs(t, people.Update(t.Context(), before, revised), identity.ErrTaken)
		require.Empty(t, l.heard)
	})
}

// Who comes to be with a proved address has proved it.
func TestEventsOfSomebodyProved(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		people, _, l := watched(t, s)
		ada := drafted(t, object{"nick": "ada", "mails": []any{"a@example.org", "b@example.org"}})
		ada.Prove("email", "b@example.org")
		require.NoError(t, people.Create(t.Context(), ada))
		events := l.kept(t)
		require.Equal(t, []string{identity.EventIdentityCreated, identity.EventAddressVerified}, types(events))
		require.Equal(t, object{"address": "b@example.org", "via": "email"}, events[1].Facts)
	})
}

// Sessions begin and are renewed with their events, or not at all.
func TestEventsOfSessions(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		people, sessions, l := watched(t, s)
		ada := drafted(t, object{"nick": "ada"})
		require.NoError(t, people.Create(t.Context(), ada))
		l.kept(t)
		one, token := sessions.Plan(ada.ID, session.Method{Method: "password", AAL: session.AAL1}, session.Device{IP: "192.0.2.1", UserAgent: "curl/8"})
		one.Identity = ada
		l.deaf = identity.EventSessionIssued
		require.ErrorIs(t, sessions.Start(t.Context(), one, session.Hash(token)), errDeaf)
		_, err := s.Session(t.Context(), one.ID)
		require.ErrorIs(t, err, session.ErrNotFound)
		require.Empty(t, l.kept(t))
		l.deaf = ""
		require.NoError(t, sessions.Start(t.Context(), one, session.Hash(token)))
		events := l.kept(t)
		require.Equal(t, []string{identity.EventSessionIssued}, types(events))
		require.Equal(t, ada.ID, events[0].Subject)
		require.Same(t, ada, events[0].Identity)
		raw, err := json.Marshal(events[0].Facts)
		require.NoError(t, err)
		want := `{"session":"` + one.ID.String() + `","aal":"aal1","methods":[{"method":"password","aal":"aal1","completed_at":"2026-03-04T12:00:00.123456Z"}],
			"device":{"id":"` + one.Device.ID.String() + `","ip_address":"192.0.2.1","user_agent":"curl/8","location":null},
			"issued_at":"2026-03-04T12:00:00.123456Z","authenticated_at":"2026-03-04T12:00:00.123456Z","expires_at":"2026-03-04T13:00:00.123456Z"}`
		require.JSONEq(t, want, string(raw), "no token")

		nobody, lost := sessions.Plan(newID(), session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
		require.ErrorIs(t, sessions.Start(t.Context(), nobody, session.Hash(lost)), identity.ErrNotFound)
		require.Empty(t, l.heard)

		sessions.Now = func() time.Time { return noon.Add(time.Minute) }
		next, fresh := sessions.Replan(one, session.Method{Method: "code", AAL: session.AAL1}, session.Device{})
		l.deaf = identity.EventSessionRefreshed
		require.ErrorIs(t, sessions.Reauthenticate(t.Context(), next, one.AuthenticatedAt, session.Hash(fresh)), errDeaf)
		_, err = s.SessionByToken(t.Context(), session.Hash(token))
		require.NoError(t, err, "the old token still leads there")
		l.kept(t)
		l.deaf = ""
		require.NoError(t, sessions.Reauthenticate(t.Context(), next, one.AuthenticatedAt, session.Hash(fresh)))
		events = l.kept(t)
		require.Equal(t, []string{identity.EventSessionRefreshed}, types(events))
		require.Equal(t, one.ID, events[0].Facts["session"])
		require.ErrorIs(t, sessions.Reauthenticate(t.Context(), next, one.AuthenticatedAt, session.Hash(fresh)), session.ErrNotFound)
		require.Empty(t, l.heard)
	})
}

// Whatever ends sessions tells which, by identity, and nothing of those that had
// ended or run out before.
func TestEventsOfSessionsThatEnd(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		_, sessions, l := watched(t, s)
		sessions.Now = func() time.Time { return noon.Add(30 * time.Minute) }
		// Of ana's the second has run out and the third has ended; both of bob's live.
		for name, one := range map[string]struct {
			end    func(ana, bob uuid.UUID, ids []uuid.UUID) error
			ended  map[int][]int // by the first session of their owner
			others []int         // active afterwards
		}{
			"one": {func(_, _ uuid.UUID, ids []uuid.UUID) error { return sessions.EndOne(t.Context(), ids[0]) },
				map[int][]int{0: {0}}, []int{1, 3, 4}},
			"one that has ended": {func(_, _ uuid.UUID, ids []uuid.UUID) error { return sessions.EndOne(t.Context(), ids[2]) },
				nil, []int{0, 1, 3, 4}},
			"one that ran out": {func(_, _ uuid.UUID, ids []uuid.UUID) error { return sessions.EndOne(t.Context(), ids[1]) },
				nil, []int{0, 3, 4}},
			"all but one": {func(_, bob uuid.UUID, ids []uuid.UUID) error {
				n, err := sessions.EndAll(t.Context(), bob, ids[3])
				require.Equal(t, 1, n)
				return err
			}, map[int][]int{3: {4}}, []int{0, 1, 3}},
			"all of one": {func(ana, _ uuid.UUID, _ []uuid.UUID) error {
				n, err := sessions.EndAll(t.Context(), ana, uuid.Nil)
				require.Equal(t, 2, n)
				return err
			}, map[int][]int{0: {0}}, []int{3, 4}},
			"somebody else's": {func(ana, _ uuid.UUID, ids []uuid.UUID) error {
				n, _, err := sessions.EndSome(t.Context(), session.Selection{Sessions: ids[3:4], Owner: ana})
				require.Zero(t, n)
				return err
			}, nil, []int{0, 1, 3, 4}},
			"several, some twice": {func(_, _ uuid.UUID, ids []uuid.UUID) error {
				_, _, err := sessions.EndSome(t.Context(), session.Selection{Sessions: []uuid.UUID{ids[0], ids[4], ids[0], newID(), ids[2]}})
				return err
			}, map[int][]int{0: {0}, 3: {4}}, []int{1, 3}},
			"everybody's": {func(uuid.UUID, uuid.UUID, []uuid.UUID) error {
				n, more, err := sessions.EndSome(t.Context(), session.Selection{Everybody: true})
				require.Equal(t, 4, n)
				require.False(t, more)
				return err
			}, map[int][]int{0: {0}, 3: {3, 4}}, nil},
			"taken away": {func(ana, _ uuid.UUID, _ []uuid.UUID) error {
				n, _, err := sessions.EndSome(t.Context(), session.Selection{Identities: []uuid.UUID{ana}, Delete: true})
				require.Equal(t, 3, n)
				return err
			}, map[int][]int{0: {0}}, []int{3, 4}},
		} {
			ana, bob, all := people(t, s)
			var ids []uuid.UUID
			for _, v := range all {
				ids = append(ids, v.ID)
			}
			if one.ended != nil {
				l.deaf = identity.EventSessionRevoked
				_, _, err := sessions.EndSome(t.Context(), session.Selection{Sessions: ids})
				require.ErrorIs(t, err, errDeaf, name)
				require.Equal(t, []int{0, 1, 3, 4}, active(t, s, ids), "%s: nothing has ended", name)
				require.Empty(t, l.kept(t), name)
				l.deaf = ""
			}
			require.NoError(t, one.end(ana, bob, ids), name)
			require.Equal(t, one.others, active(t, s, ids), name)
			ended := map[int][]int{}
			for _, e := range l.kept(t) {
				require.Equal(t, identity.EventSessionRevoked, e.Type, name)
				var which []int
				for _, id := range e.Facts["sessions"].([]uuid.UUID) {
					which = append(which, slices.Index(ids, id))
				}
				slices.Sort(which)
				require.Equal(t, len(which), e.Facts["count"], name)
				owner := slices.IndexFunc(all, func(v *session.Session) bool { return v.IdentityID == e.Subject })
				require.NotContains(t, ended, owner, "%s: one event for each", name)
				ended[owner] = which
			}
			if one.ended == nil {
				one.ended = map[int][]int{}
			}
			require.Equal(t, one.ended, ended, name)
			require.NoError(t, s.DeleteIdentity(t.Context(), ana))
			require.NoError(t, s.DeleteIdentity(t.Context(), bob))
		}
	})
}

// active lists which of the sessions are.
func active(t *testing.T, s *persistence.Store, ids []uuid.UUID) (out []int) {
	t.Helper()
	for n, id := range ids {
		v, err := s.Session(t.Context(), id)
		if err == nil && v.Active {
			out = append(out, n)
		}
	}
	return out
}

// Of many sessions of one person no event names more than a hundred.
func TestEventsOfManySessionsThatEnd(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		people, sessions, l := watched(t, s)
		ada := drafted(t, object{"nick": "ada"})
		require.NoError(t, people.Create(t.Context(), ada))
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			for range 130 {
				one, token := sessions.Plan(ada.ID, session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
				if err := s.InsertSession(ctx, one, session.Hash(token)); err != nil {
					return err
				}
			}
			return nil
		}))
		l.kept(t)
		n, err := sessions.EndAll(t.Context(), ada.ID, uuid.Nil)
		require.NoError(t, err)
		require.Equal(t, 130, n)
		told := map[uuid.UUID]bool{}
		events := l.kept(t)
		require.Len(t, events, 2)
		for _, e := range events {
			for _, id := range e.Facts["sessions"].([]uuid.UUID) {
				told[id] = true
			}
		}
		require.Len(t, told, 130)
	})
}
