package persistence_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice"
)

type object = map[string]any

// peopleSchema has people who sign in with a nick and with any of their mails.
const peopleSchema = `{"type":"object","properties":{"traits":{"type":"object","properties":{
	"nick":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
	"mails":{"type":"array","items":{"type":"string","format":"email","ory.sh/kratos":{
		"credentials":{"password":{"identifier":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}}}}}}}`

var peopleSchemas = sync.OnceValues(func() (*schema.Set, error) {
	return (&schema.Loader{}).Load(context.Background(), "default", []schema.Source{
		{ID: "default", URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(peopleSchema))},
	})
})

// drafted is an identity of peopleSchema, without credentials.
func drafted(t *testing.T, traits object) *identity.Identity {
	t.Helper()
	set, err := peopleSchemas()
	require.NoError(t, err)
	m := &identity.Manager{Schemas: set, Now: func() time.Time { return noon }}
	i, violations := m.Draft(set.Default(), traits)
	require.Empty(t, violations)
	return i
}

// redrafted is p with other traits, as a client of the store would make it:
// what stays the same keeps its row.
func redrafted(t *testing.T, p *identity.Identity, traits object) *identity.Identity {
	t.Helper()
	next := drafted(t, traits)
	next.ID, next.Rev, next.Epoch = p.ID, p.Rev+1, p.Epoch+1
	next.Credentials, next.UpdatedAt = p.Clone().Credentials, p.UpdatedAt.Add(time.Minute)
	for n := range next.Credentials {
		next.Credentials[n].Identifiers = next.Identifiers()
	}
	for _, both := range [][2][]identity.Address{{next.Verifiable, p.Verifiable}, {next.Recovery, p.Recovery}} {
		for n := range both[0] {
			for _, old := range both[1] {
				if old.Canonical == both[0][n].Canonical {
					both[0][n] = old
				}
			}
		}
	}
	return next
}

// asRead is i as a store gives it back, which keeps no draft's identifiers.
func asRead(i *identity.Identity) *identity.Identity {
	return &identity.Identity{
		ID: i.ID, ExternalID: i.ExternalID, SchemaID: i.SchemaID, State: i.State, StateChangedAt: i.StateChangedAt, Traits: i.Traits,
		MetadataPublic: i.MetadataPublic, MetadataAdmin: i.MetadataAdmin, Verifiable: i.Verifiable, Recovery: i.Recovery,
		Credentials: i.Credentials, Epoch: i.Epoch, Rev: i.Rev, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}
}

func insertPeople(t *testing.T, s *persistence.Store, from, n int) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
		for k := range n {
			if err := s.InsertIdentity(ctx, newPerson(fmt.Sprintf("p%d@example.org", from+k))); err != nil {
				return err
			}
		}
		return nil
	}))
}

func mustRead(t *testing.T, s *persistence.Store, p *identity.Identity) *identity.Identity {
	t.Helper()
	got, err := s.Identity(t.Context(), p.ID)
	require.NoError(t, err)
	return got
}

// owner is whose identifier name is; nil for nobody's.
func owner(t *testing.T, s *persistence.Store, name string) *identity.Identity {
	t.Helper()
	got, err := s.ByIdentifier(t.Context(), name)
	if errors.Is(err, identity.ErrNotFound) {
		return nil
	}
	require.NoError(t, err)
	return got
}

func TestIdentityIsSavedWithAllThatBelongsToIt(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p, other := drafted(t, object{"nick": "ana", "mails": []any{"ana@example.org", "old@example.org"}}), newPerson("bob@example.org")
		p.ExternalID = "crm-1"
		p.SetPassword("first")
		p.Credentials = append(p.Credentials, identity.Credential{ID: newID(), Type: "totp", CreatedAt: noon, UpdatedAt: noon},
			identity.Credential{ID: newID(), Type: "webauthn", Identifiers: []string{"key-1"}, CreatedAt: noon, UpdatedAt: noon})
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		require.NoError(t, s.InsertIdentity(t.Context(), other))

		read := mustRead(t, s, p)
		next := redrafted(t, read, object{"nick": "ana2", "mails": []any{"New@example.org", "ana@example.org"}})
		next.ExternalID, next.State, next.StateChangedAt = "crm-2", identity.StateInactive, noon.Add(time.Hour)
		next.MetadataPublic, next.MetadataAdmin = json.RawMessage(`{"a" : 1}`), json.RawMessage(`null`)
		next.Verifiable[1].Verified, next.Verifiable[1].Status, next.Verifiable[1].VerifiedAt = true, identity.AddressCompleted, noon
		next.SetPassword("second")
		next.Credentials = append(next.Credentials[:1], identity.Credential{ID: newID(), Type: "totp", Config: []byte(`{}`), CreatedAt: noon, UpdatedAt: noon})
		require.NoError(t, s.UpdateIdentity(t.Context(), next))
		got := mustRead(t, s, p)
		require.Equal(t, asRead(next), got)
		require.Equal(t, "second", got.Password())
		require.Equal(t, read.Verifiable[0].ID, got.Verifiable[1].ID, "what stays keeps its row")
		for name, whose := range map[string]*identity.Identity{
			"ana2": got, "new@example.org": got, "ana@example.org": got, "ana": nil, "old@example.org": nil, "key-1": nil, "bob@example.org": other,
		} {
			require.Equal(t, whose, owner(t, s, name), name)
		}
		require.Equal(t, other, mustRead(t, s, other))

		bare := &identity.Identity{ID: p.ID, State: identity.StateActive, Rev: 2, CreatedAt: noon, Credentials: []identity.Credential{}}
		require.NoError(t, s.UpdateIdentity(t.Context(), bare))
		got = mustRead(t, s, p)
		bare.Credentials = nil
		require.Equal(t, bare, got)
		require.Equal(t, bare, owner(t, s, "ana2"), "nothing was said about what it signs in with")
		nobody := drafted(t, object{})
		nobody.ID, nobody.Rev = p.ID, 3
		require.NoError(t, s.UpdateIdentity(t.Context(), nobody))
		require.Nil(t, owner(t, s, "ana2"))
		p.ID = newID()
		require.NoError(t, s.InsertIdentity(t.Context(), p), "all of it is free again")
	})
}

func TestWhatASaveSaysNothingAboutStays(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		p.Credentials = append(p.Credentials, identity.Credential{ID: newID(), Type: "webauthn", Identifiers: []string{"key-1"}, CreatedAt: noon, UpdatedAt: noon})
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		next := p.Clone()
		next.Rev, next.Credentials, next.Verifiable[0].Status = 1, nil, identity.AddressSent
		require.NoError(t, s.UpdateIdentity(t.Context(), next))
		next.Credentials = p.Credentials
		require.Equal(t, next, mustRead(t, s, p))
		require.Equal(t, next, owner(t, s, "ana@example.org"))

		draft := redrafted(t, next, object{"nick": "ana"})
		draft.Credentials = nil
		require.NoError(t, s.UpdateIdentity(t.Context(), draft))
		draft.Credentials = p.Credentials
		require.Equal(t, asRead(draft), mustRead(t, s, p))
		require.Equal(t, asRead(draft), owner(t, s, "ana"))
		require.Nil(t, owner(t, s, "ana@example.org"))
		found, err := s.Identities(t.Context(), identity.Query{Identifier: "key-1", Limit: 1})
		require.NoError(t, err)
		require.Len(t, found, 1, "another space is the credential's own")
	})
}

// Values change places among the rows of one identity.
func TestASaveMovesValuesBetweenRows(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := drafted(t, object{"mails": []any{"a@example.org", "b@example.org"}})
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		next := mustRead(t, s, p)
		next.Rev = 1
		v, r := next.Verifiable, next.Recovery
		v[0].Canonical, v[1].Canonical = v[1].Canonical, v[0].Canonical
		v[0].ID, r[0].ID = r[0].ID, v[0].ID
		require.NoError(t, s.UpdateIdentity(t.Context(), next))
		require.Equal(t, next, mustRead(t, s, p))
	})
}

func TestASaveWritesOnlyWhatDiffers(t *testing.T) {
	eachFaulty(t, func(t *testing.T, s *persistence.Store, f *faults) {
		p := drafted(t, object{"nick": "ana", "mails": []any{"ana@example.org"}})
		p.SetPassword("first")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		count := func(change func(i *identity.Identity)) int {
			next := mustRead(t, s, p)
			next.Rev++
			change(next)
			f.arm(0, nil, false)
			require.NoError(t, s.UpdateIdentity(t.Context(), next))
			return len(slices.Compact(f.seen())) // MySQL's driver is asked twice where it has to prepare
		}
		const frame = 2 // BEGIN and COMMIT
		require.Equal(t, frame+4, count(func(*identity.Identity) {}))
		require.Equal(t, frame+2, count(func(i *identity.Identity) { i.Credentials = nil }))
		require.Equal(t, frame+5, count(func(i *identity.Identity) { i.SetPassword("second") }))
		require.Equal(t, frame+6, count(func(i *identity.Identity) { i.Recovery[0].Canonical = "other@example.org" }))
	})
}

// Who is held is not saved by others until the transaction ends.
func TestHoldIdentity(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		next := p.Clone()
		next.Rev++
		require.ErrorIs(t, s.HoldIdentity(t.Context(), next), identity.ErrOutdated, "too early")
		require.ErrorIs(t, s.HoldIdentity(t.Context(), newPerson("gone@example.org")), identity.ErrOutdated)
		saved := make(chan error, 1)
		var once sync.Once // a transaction may run again
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			if err := s.HoldIdentity(ctx, p); err != nil {
				return err
			}
			once.Do(func() { go func() { saved <- s.UpdateIdentity(t.Context(), next) }() })
			for range 50 {
				if i, err := s.Identity(ctx, p.ID); err != nil || i.Rev != p.Rev {
					return errors.Join(err, errors.New("saved while it is held"))
				}
			}
			return nil
		}))
		require.NoError(t, <-saved)
		require.ErrorIs(t, s.HoldIdentity(t.Context(), p), identity.ErrOutdated, "it was saved meanwhile")
		require.NoError(t, s.HoldIdentity(t.Context(), next))
	})
}

func TestOutdatedSaveChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		gone := newPerson("gone@example.org")
		gone.Rev = 1
		for what, i := range map[string]*identity.Identity{"the same": p, "too early": {ID: p.ID, Rev: 2}, "gone": gone} {
			require.ErrorIs(t, s.UpdateIdentity(t.Context(), i), identity.ErrOutdated, what)
			require.Equal(t, p, mustRead(t, s, p), what)
		}
		_, err := s.VerifyAddress(t.Context(), p.ID, p.Verifiable[0].ID, 0, noon)
		require.NoError(t, err)
		before := mustRead(t, s, p)
		late := p.Clone()
		late.Rev, late.Traits, late.Verifiable = 1, json.RawMessage(`{}`), nil
		f := newFlow()
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.ErrorIs(t, s.UpdateIdentity(ctx, late), identity.ErrOutdated, "an address was proved meanwhile")
			return s.InsertFlow(ctx, f)
		}), "what follows is the caller's choice")
		require.Equal(t, before, mustRead(t, s, p))
		_, err = s.Flow(t.Context(), f.Kind, f.ID)
		require.NoError(t, err)
	})
}

func TestSaveTakesNothingOfAnother(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		ana, bob := drafted(t, object{"nick": "ana", "mails": []any{"ana@example.org"}}), drafted(t, object{"nick": "bob", "mails": []any{"bob@example.org"}})
		ana.ExternalID = "crm-1"
		ana.SetPassword("x")
		for _, p := range []*identity.Identity{ana, bob} {
			require.NoError(t, s.InsertIdentity(t.Context(), p))
		}
		ana, bob = mustRead(t, s, ana), mustRead(t, s, bob)
		for name, change := range map[string]func() *identity.Identity{
			"external id": func() *identity.Identity { i := bob.Clone(); i.ExternalID = "crm-1"; return i },
			"identifier": func() *identity.Identity {
				i := redrafted(t, bob, object{"nick": "ana"})
				return i
			},
			"address":  func() *identity.Identity { i := bob.Clone(); i.Verifiable[0].Canonical = "ana@example.org"; return i },
			"recovery": func() *identity.Identity { i := bob.Clone(); i.Recovery[0].Canonical = "ana@example.org"; return i },
			"a row":    func() *identity.Identity { i := bob.Clone(); i.Recovery[0].ID = ana.Recovery[0].ID; return i },
			"a credential": func() *identity.Identity {
				i := bob.Clone()
				i.Credentials = ana.Clone().Credentials
				return i
			},
		} {
			i := change()
			i.Rev, i.Traits, i.Epoch = 1, json.RawMessage(`{"changed":true}`), 5
			require.ErrorIs(t, s.UpdateIdentity(t.Context(), i), identity.ErrTaken, name)
			require.Equal(t, bob, mustRead(t, s, bob), name)
			require.Equal(t, ana, mustRead(t, s, ana), name)
			require.Equal(t, bob, owner(t, s, "bob"), name)
			require.Equal(t, bob, owner(t, s, "bob@example.org"), name)
		}
	})
}

// Two saves of what was read once: one wins, the others are told.
func TestRaceForOneSave(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		var winner atomic.Pointer[identity.Identity]
		var won, outdated atomic.Int32
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				next := p.Clone()
				next.Rev = 1
				next.SetPassword(fmt.Sprint(n))
				next.Recovery[0].ID, next.Recovery[0].Canonical = newID(), fmt.Sprintf("%d@example.org", n)
				switch err := s.UpdateIdentity(t.Context(), next); {
				case err == nil:
					won.Add(1)
					winner.Store(next)
				case errors.Is(err, identity.ErrOutdated):
					outdated.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, won.Load())
		require.EqualValues(t, 15, outdated.Load())
		require.Equal(t, winner.Load(), mustRead(t, s, p))
	})
}

// Many want one free address, each for another one it has: one gets it, the
// others keep what they had.
func TestRaceOfSavesForOneAddress(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		const runners, rounds = 8, 4
		all := make([]*identity.Identity, runners)
		for n := range all {
			p := drafted(t, object{"nick": fmt.Sprint("n", n), "mails": []any{fmt.Sprintf("%d@example.org", n)}})
			require.NoError(t, s.InsertIdentity(t.Context(), p))
			all[n] = mustRead(t, s, p)
		}
		for round := range rounds {
			want := fmt.Sprintf("prize%d@example.org", round)
			var won atomic.Int32
			var wg sync.WaitGroup
			for n, p := range all {
				next := redrafted(t, p, object{"nick": fmt.Sprint("n", n), "mails": []any{want}})
				wg.Go(func() {
					switch err := s.UpdateIdentity(t.Context(), next); {
					case err == nil:
						won.Add(1)
						all[n] = asRead(next)
					case !errors.Is(err, identity.ErrTaken):
						t.Error(err)
					}
				})
			}
			wg.Wait()
			require.EqualValues(t, 1, won.Load())
			for n, p := range all {
				require.Equal(t, p, mustRead(t, s, p))
				require.Equal(t, p, owner(t, s, fmt.Sprint("n", n)))
			}
		}
	})
}

// Each wants what the other has: nobody gets it, nobody loses a row, and no
// one waits for ever.
func TestSavesThatSwapAddresses(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		mails := []string{"ana@example.org", "bob@example.org"}
		var both [2]*identity.Identity
		for n, mail := range mails {
			p := drafted(t, object{"mails": []any{mail}})
			require.NoError(t, s.InsertIdentity(t.Context(), p))
			both[n] = mustRead(t, s, p)
		}
		var wg sync.WaitGroup
		for n, p := range both {
			next := redrafted(t, p, object{"mails": []any{mails[1-n]}})
			wg.Go(func() {
				if err := s.UpdateIdentity(t.Context(), next); !errors.Is(err, identity.ErrTaken) {
					t.Errorf("not taken: %v", err)
				}
			})
		}
		wg.Wait()
		for n, p := range both {
			require.Equal(t, p, mustRead(t, s, p))
			require.Equal(t, p, owner(t, s, mails[n]))
		}
	})
}

func TestSavedIdentityIsDeletedWhole(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := drafted(t, object{"nick": "ana"})
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		next := redrafted(t, p, object{"nick": "ana2", "mails": []any{"ana@example.org"}})
		next.SetPassword("x")
		require.NoError(t, s.UpdateIdentity(t.Context(), next))
		require.NoError(t, s.InsertSession(t.Context(), newSession(p.ID), hashOf(1)))
		require.NoError(t, s.DeleteIdentity(t.Context(), p.ID))
		_, err := s.SessionByToken(t.Context(), hashOf(1))
		require.ErrorIs(t, err, session.ErrNotFound)
		again := drafted(t, object{"nick": "ana2", "mails": []any{"ana@example.org"}})
		again.Credentials = next.Credentials
		require.NoError(t, s.InsertIdentity(t.Context(), again), "nothing is left of it")
	})
}

// With a flow in one commit, as a settings flow saves.
func TestSaveThatIsTakenUndoesItsFlow(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		insertPeople(t, s, 0, 1)
		p, f := newPerson("ana@example.org"), newFlow()
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		next := p.Clone()
		next.Rev, next.Verifiable[0].Canonical = 1, "p0@example.org"
		require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
			if err := s.InsertFlow(ctx, f); err != nil {
				return err
			}
			return s.UpdateIdentity(ctx, next)
		}), identity.ErrTaken)
		_, err := s.Flow(t.Context(), f.Kind, f.ID)
		require.ErrorIs(t, err, selfservice.ErrNoFlow)
		require.Equal(t, p, mustRead(t, s, p))
	})
}
