package persistence_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/persistence"
)

func TestProofOfAnAddressCountsOnceForEachEpoch(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p, other := newPerson("ana@example.org"), newPerson("bob@example.org")
		second := p.Verifiable[0]
		second.ID, second.Canonical = newID(), "second@example.org"
		p.Verifiable = append(p.Verifiable, second)
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		require.NoError(t, s.InsertIdentity(t.Context(), other))
		for what, outdated := range map[string]func() (bool, error){
			"later epoch":    func() (bool, error) { return s.VerifyAddress(t.Context(), p.ID, p.Verifiable[0].ID, 1, noon) },
			"another's":      func() (bool, error) { return s.VerifyAddress(t.Context(), p.ID, other.Verifiable[0].ID, 0, noon) },
			"recovery":       func() (bool, error) { return s.VerifyAddress(t.Context(), p.ID, p.Recovery[0].ID, 0, noon) },
			"no address":     func() (bool, error) { return s.VerifyAddress(t.Context(), p.ID, newID(), 0, noon) },
			"no such person": func() (bool, error) { return s.VerifyAddress(t.Context(), newID(), p.Verifiable[0].ID, 0, noon) },
		} {
			first, err := outdated()
			require.ErrorIs(t, err, identity.ErrOutdated, what)
			require.False(t, first, what)
		}
		got, err := s.Identity(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, p, got, "nothing of it")

		proven := noon.Add(time.Minute)
		first, err := s.VerifyAddress(t.Context(), p.ID, p.Verifiable[0].ID, 0, proven)
		require.NoError(t, err)
		require.True(t, first)
		a := &p.Verifiable[0]
		a.Verified, a.Status, a.VerifiedAt, a.UpdatedAt = true, identity.AddressCompleted, proven, proven
		p.Epoch, p.Rev, p.UpdatedAt = 1, 1, proven
		got, err = s.Identity(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, p, got)

		_, err = s.VerifyAddress(t.Context(), p.ID, second.ID, 0, proven)
		require.ErrorIs(t, err, identity.ErrOutdated, "what was sent before a proof no longer counts")
		again := proven.Add(time.Minute)
		first, err = s.VerifyAddress(t.Context(), p.ID, a.ID, 1, again)
		require.NoError(t, err)
		require.False(t, first)
		a.VerifiedAt, a.UpdatedAt, p.Epoch, p.Rev, p.UpdatedAt = again, again, 2, 2, again
		got, err = s.Identity(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, p, got)
		got, err = s.Identity(t.Context(), other.ID)
		require.NoError(t, err)
		require.Equal(t, other, got)
	})
}

func TestRaceForAProof(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		var won, outdated atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				switch first, err := s.VerifyAddress(t.Context(), p.ID, p.Verifiable[0].ID, 0, noon); {
				case err == nil && first:
					won.Add(1)
				case err != nil && !first:
					outdated.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, won.Load())
		require.EqualValues(t, 15, outdated.Load())
	})
}

func TestOutdatedProofInATxKeepsTheChoiceToTheCaller(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f := newFlow()
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			_, err := s.VerifyAddress(ctx, newID(), newID(), 0, noon)
			require.ErrorIs(t, err, identity.ErrOutdated)
			return s.InsertFlow(ctx, f)
		}))
		_, err := s.Flow(t.Context(), f.Kind, f.ID)
		require.NoError(t, err)
	})
}

// Taken foretells what InsertIdentity says.
func TestTakenForetellsAnInsert(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		first := newPerson("ana@example.org")
		first.ExternalID = "crm-1"
		require.NoError(t, s.InsertIdentity(t.Context(), first))

		bare := func(change func(p *identity.Identity)) *identity.Identity {
			p := newPerson("ana@example.org")
			p.Credentials, p.Verifiable, p.Recovery = nil, nil, nil
			change(p)
			return p
		}
		ana := newPerson("ana@example.org")
		many := func(last string) func(p *identity.Identity) {
			return func(p *identity.Identity) {
				for n := range 9 {
					a := ana.Verifiable[0]
					a.ID, a.Canonical = newID(), fmt.Sprintf("%d-%s", n, p.ID)
					p.Verifiable = append(p.Verifiable, a)
				}
				p.Verifiable[8].Canonical = last
			}
		}
		for name, c := range map[string]struct {
			person *identity.Identity
			taken  bool
		}{
			"all":                 {ana, true},
			"identifier":          {bare(func(p *identity.Identity) { p.Credentials = ana.Credentials }), true},
			"address":             {bare(func(p *identity.Identity) { p.Verifiable = ana.Verifiable }), true},
			"recovery":            {bare(func(p *identity.Identity) { p.Recovery = ana.Recovery }), true},
			"external id":         {bare(func(p *identity.Identity) { p.ExternalID = "crm-1" }), true},
			"the last of many":    {bare(many("ana@example.org")), true},
			"none of many":        {bare(many("free@example.org")), false},
			"nothing to be taken": {bare(func(*identity.Identity) {}), false},
			"another external id": {bare(func(p *identity.Identity) { p.ExternalID = "CRM-1" }), false},
			"another":             {newPerson("bob@example.org"), false},
			"another spelling":    {newPerson("Ana@example.org"), false},
			"the address as a phone": {bare(func(p *identity.Identity) {
				p.Verifiable = newPerson("ana@example.org").Verifiable
				p.Verifiable[0].Via = identity.ViaSMS
			}), false},
		} {
			taken, err := s.Taken(t.Context(), c.person)
			require.NoError(t, err, name)
			require.Equal(t, c.taken, taken, name)
			err = s.InsertIdentity(t.Context(), c.person)
			if c.taken {
				require.ErrorIs(t, err, identity.ErrTaken, name)
			} else {
				require.NoError(t, err, name)
			}
		}
	})
}
