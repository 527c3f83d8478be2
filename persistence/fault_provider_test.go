package persistence_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

// arrival is what is written when somebody has come by a provider.
type arrival struct {
	flow    *selfservice.Flow // that they left from
	other   *selfservice.Flow // of another kind, in which they end; nil where that is flow
	before  *identity.Identity
	person  *identity.Identity // as they are then; before is nil where they are new
	session *session.Session
	ended   *session.Session // of somebody else, that ends with it; nil for none
}

func (v *arrival) email() string { return v.flow.ID.String() + "@example.org" }

// link is the person's account with the provider.
func (v *arrival) link() identity.Link {
	return identity.Link{Provider: "google", Issuer: "https://op.example.org", Subject: v.flow.ID.String(), Tokens: []byte("sealed")}
}

// arrives is a stranger who registers, having left from a flow of a kind.
func arrives(t *testing.T, s *persistence.Store, k selfservice.Kind) *arrival {
	t.Helper()
	v := &arrival{flow: newFlow()}
	v.flow.Kind = k
	v.person = linked(t, v.email(), "google", v.flow.ID.String())
	v.goesOn(t, s, selfservice.Registration)
	return v
}

// returns is somebody with a password and a session of the same, who is linked.
func returns(t *testing.T, s *persistence.Store, k selfservice.Kind) *arrival {
	t.Helper()
	v := &arrival{flow: newFlow()}
	v.flow.Kind = k
	v.before = newPerson(v.email())
	require.NoError(t, s.InsertIdentity(t.Context(), v.before))
	v.before = mustRead(t, s, v.before)
	v.person = v.before.Clone()
	v.person.Rev++
	v.person.SetLink(v.link())
	v.goesOn(t, s, selfservice.Login)
	return v
}

// takesOver is the owner of an address that a thief has registered, who is signed in.
func takesOver(t *testing.T, s *persistence.Store, k selfservice.Kind) *arrival {
	t.Helper()
	v := returns(t, s, k)
	v.ended = newSession(v.before.ID)
	require.NoError(t, s.InsertSession(t.Context(), v.ended, append(v.ended.ID.Bytes(), v.ended.ID.Bytes()...)))
	v.person = v.before.Clone()
	v.person.Rev++
	v.person.Expel(identity.ViaEmail, v.email())
	v.person.Prove(identity.ViaEmail, v.email())
	v.person.SetLink(v.link())
	return v
}

// goesOn stores the flow that they left from, and makes the one of kind k in which
// they end where that is another, and their session.
func (v *arrival) goesOn(t *testing.T, s *persistence.Store, k selfservice.Kind) {
	t.Helper()
	require.NoError(t, s.InsertFlow(t.Context(), v.flow))
	v.session = newSession(v.person.ID)
	if k != v.flow.Kind {
		v.other = newFlow()
		v.other.Kind, v.other.Outcome = k, &selfservice.Outcome{IdentityID: v.person.ID, SessionID: v.session.ID}
	}
}

func (v *arrival) hash() []byte { return append(v.session.ID.Bytes(), v.session.ID.Bytes()...) }

// do commits all of it, in the engine's order.
func (v *arrival) do(t *testing.T, s *persistence.Store) error {
	return s.Tx(t.Context(), func(ctx context.Context) error {
		left := *v.flow
		left.Rev, left.Outcome = 1, &selfservice.Outcome{IdentityID: v.person.ID, SessionID: v.session.ID}
		if err := s.UpdateFlow(ctx, &left); err != nil {
			return err
		}
		if v.other != nil {
			if err := s.InsertFlow(ctx, v.other); err != nil {
				return err
			}
		}
		save := s.UpdateIdentity
		if v.before == nil {
			save = s.InsertIdentity
		}
		if err := save(ctx, v.person); err != nil {
			return err
		}
		if err := s.InsertSession(ctx, v.session, v.hash()); err != nil || v.ended == nil {
			return err
		}
		return endOthers(ctx, s, v.person.ID, v.session.ID)
	})
}

// done reports whether it is stored, and fails the test where a part of it is.
func (v *arrival) done(t *testing.T, s *persistence.Store) bool {
	t.Helper()
	f, err := s.Flow(t.Context(), v.flow.Kind, v.flow.ID)
	require.NoError(t, err)
	if v.other != nil {
		_, err := s.Flow(t.Context(), v.other.Kind, v.other.ID)
		require.True(t, err == nil || errors.Is(err, selfservice.ErrNoFlow))
		require.Equal(t, f.Completed(), err == nil, "a flow that was left without the one it led to, or the reverse")
	}
	want := v.before
	if f.Completed() {
		want = asRead(v.person)
		slices.SortFunc(want.Credentials, func(a, b identity.Credential) int { return cmp.Compare(a.Type, b.Type) })
	}
	got, err := s.Identity(t.Context(), v.person.ID)
	require.True(t, err == nil || errors.Is(err, identity.ErrNotFound))
	require.Equal(t, want, got)
	require.Equal(t, f.Completed(), linkOwner(t, s, "google", v.flow.ID.String()) != nil, "a link of nobody, or nobody's link")
	require.Equal(t, want != nil, owner(t, s, v.email()) != nil)
	_, err = s.SessionByToken(t.Context(), v.hash())
	require.True(t, err == nil || errors.Is(err, session.ErrNotFound))
	require.Equal(t, f.Completed(), err == nil, "a session without what it is for, or the reverse")
	if v.ended != nil {
		theirs, err := s.Session(t.Context(), v.ended.ID)
		require.NoError(t, err)
		require.Equal(t, f.Completed(), !theirs.Active, "a thief who stays, or is put out for nothing")
	}
	return f.Completed()
}

// coming are the ways to come by a provider that end in a session.
var coming = map[string]func(t *testing.T, s *persistence.Store) *arrival{
	"registration by a provider":               func(t *testing.T, s *persistence.Store) *arrival { return arrives(t, s, selfservice.Registration) },
	"registration by a provider, from a login": func(t *testing.T, s *persistence.Store) *arrival { return arrives(t, s, selfservice.Login) },
	"link by a login":                          func(t *testing.T, s *persistence.Store) *arrival { return returns(t, s, selfservice.Login) },
	"link at once, from a registration":        func(t *testing.T, s *persistence.Store) *arrival { return returns(t, s, selfservice.Registration) },
	"takeover":                                 func(t *testing.T, s *persistence.Store) *arrival { return takesOver(t, s, selfservice.Login) },
	"takeover from a registration":             func(t *testing.T, s *persistence.Store) *arrival { return takesOver(t, s, selfservice.Registration) },
}

// Who comes by a provider has done so as a whole or not at all, whichever statement
// fails.
func TestArrivalIsWhole(t *testing.T) {
	eachFaulty(t, func(t *testing.T, s *persistence.Store, f *faults) {
		for name, fresh := range coming {
			k := 1
			for ; ; k++ {
				v := fresh(t, s)
				f.arm(k, cutError(), false)
				err := v.do(t, s)
				reached := len(f.seen()) >= k
				f.arm(0, nil, false)
				if !reached {
					require.NoError(t, err, name)
					require.True(t, v.done(t, s), name)
					break
				}
				require.NotNil(t, fail.As(err), "%s, statement %d: %v", name, k, err)
				require.Equal(t, "storage_unavailable", fail.As(err).ID, name)
				require.False(t, v.done(t, s), "%s, statement %d", name, k)
				require.NoError(t, v.do(t, s), "%s, once more after statement %d", name, k)
				require.True(t, v.done(t, s), name)
			}
			require.Greater(t, k, 8, name)
			t.Logf("%s: %d statements", name, k-1)
		}
	})
}

// COMMIT was carried out and its answer is lost: all of it is there, and a second try
// finds that.
func TestAnswerToCommitOfAnArrivalLost(t *testing.T) {
	eachFaulty(t, func(t *testing.T, s *persistence.Store, f *faults) {
		for name, fresh := range coming {
			v := fresh(t, s)
			f.arm(0, nil, false)
			require.NoError(t, v.do(t, s))
			texts := f.seen()
			require.Equal(t, "COMMIT", texts[len(texts)-1])
			v = fresh(t, s)
			f.arm(len(texts), cutError(), true)
			err := v.do(t, s)
			f.arm(0, nil, false)
			require.NotNil(t, fail.As(err), "%s: %v", name, err)
			require.Equal(t, "storage_unavailable", fail.As(err).ID)
			require.True(t, v.done(t, s), name)
			require.ErrorIs(t, v.do(t, s), selfservice.ErrStale)
			require.True(t, v.done(t, s), name)
		}
	})
}
