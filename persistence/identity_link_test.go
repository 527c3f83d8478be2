package persistence_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/persistence"
)

// linkOwner is whose account with a provider it is; nil for nobody's.
func linkOwner(t *testing.T, s *persistence.Store, provider, subject string) *identity.Identity {
	t.Helper()
	got, err := s.ByLink(t.Context(), identity.LinkName(provider, subject))
	if errors.Is(err, identity.ErrNotFound) {
		require.Nil(t, got)
		return nil
	}
	require.NoError(t, err)
	return got
}

// linked is somebody who signs in by one account with a provider and no password.
func linked(t *testing.T, email, provider, subject string) *identity.Identity {
	t.Helper()
	p := drafted(t, object{"mails": []any{email}})
	p.SetLink(identity.Link{Provider: provider, Issuer: "https://op.example.org", Subject: subject, Tokens: []byte("sealed")})
	return p
}

func TestByLinkFindsWhoseAccountItIs(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		require.Nil(t, linkOwner(t, s, "google", "AbC"), "there is nobody at all")
		long := strings.Repeat("s", 255)
		upper, lower := linked(t, "ana@example.org", "google", "AbC"), linked(t, "bob@example.org", "google", "abc")
		both := linked(t, "cleo@example.org", strings.Repeat("p", 64), long)
		both.SetLink(identity.Link{Provider: "github", Subject: "AbC"})
		both.SetPassword("hash")
		for _, p := range []*identity.Identity{upper, lower, both} {
			require.NoError(t, s.InsertIdentity(t.Context(), p), "case counts")
		}
		require.Equal(t, asRead(upper), linkOwner(t, s, "google", "AbC"))
		require.Equal(t, asRead(lower), linkOwner(t, s, "google", "abc"))
		require.Equal(t, asRead(both), linkOwner(t, s, "github", "AbC"))
		got := linkOwner(t, s, strings.Repeat("p", 64), long)
		require.Equal(t, asRead(both), got)
		require.Equal(t, both.Links(), got.Links())
		for _, none := range [][2]string{
			{"google", "ABC"}, {"google", "AbC "}, {"google", ""}, {"", "AbC"}, {"gitlab", "AbC"}, {strings.Repeat("p", 64), long[1:]}, {"google", "A_C"}, {"google", "%"},
		} {
			require.Nil(t, linkOwner(t, s, none[0], none[1]), none)
		}
	})
}

// Who chooses a name that looks like an account gets nobody's account by it.
func TestLinksAndIdentifiersAreWorldsApart(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		named := drafted(t, object{"nick": "google:1", "mails": []any{"ana@example.org"}})
		named.SetPassword("hash")
		person := linked(t, "bob@example.org", "google", "1")
		require.NoError(t, s.InsertIdentity(t.Context(), named))
		require.NoError(t, s.InsertIdentity(t.Context(), person), "a name takes no account")
		require.Equal(t, asRead(named), owner(t, s, "google:1"))
		require.Equal(t, asRead(person), linkOwner(t, s, "google", "1"))
		other := linked(t, "cleo@example.org", "google", "2")
		require.NoError(t, s.InsertIdentity(t.Context(), other))
		require.Nil(t, owner(t, s, "google:2"))
		for link, n := range map[string]int{"google:2": 1, "google:1": 2, "google:3": 0} {
			found, err := s.Identities(t.Context(), identity.Query{Identifier: link, Link: link, Limit: 5})
			require.NoError(t, err)
			require.Len(t, found, n, "whoever has it in any way")
			found, err = s.Identities(t.Context(), identity.Query{Link: link, Limit: 5})
			require.NoError(t, err)
			require.Len(t, found, n)
		}
		_, err := s.ByLink(t.Context(), "ana@example.org")
		require.ErrorIs(t, err, identity.ErrNotFound)
		require.Equal(t, asRead(person), owner(t, s, "bob@example.org"), "an address is reserved without a password, too")
	})
}

func TestAnAccountIsOnePersons(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		ana, bob := linked(t, "ana@example.org", "google", "1"), linked(t, "bob@example.org", "google", "2")
		require.NoError(t, s.InsertIdentity(t.Context(), ana))
		require.NoError(t, s.InsertIdentity(t.Context(), bob))
		second := linked(t, "cleo@example.org", "google", "1")
		require.ErrorIs(t, s.InsertIdentity(t.Context(), second), identity.ErrTaken)
		taken, err := s.Taken(t.Context(), second)
		require.NoError(t, err)
		require.True(t, taken)
		require.Nil(t, owner(t, s, "cleo@example.org"), "nothing of it is left")

		thief := mustRead(t, s, bob)
		thief.Rev++
		thief.SetLink(identity.Link{Provider: "google", Subject: "1"})
		require.ErrorIs(t, s.UpdateIdentity(t.Context(), thief), identity.ErrTaken)
		require.Equal(t, asRead(bob), mustRead(t, s, bob))
		require.Equal(t, asRead(ana), linkOwner(t, s, "google", "1"))
		require.Equal(t, asRead(bob), linkOwner(t, s, "google", "2"))
	})
}

func TestLinksAreSavedAndTakenAway(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		change := func(change func(i *identity.Identity)) *identity.Identity {
			next := mustRead(t, s, p)
			next.Rev++
			change(next)
			require.NoError(t, s.UpdateIdentity(t.Context(), next))
			return mustRead(t, s, p)
		}
		one := identity.Link{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1", Tokens: []byte{0, 255}}
		two := identity.Link{Provider: "github", Subject: "1"}
		now := change(func(i *identity.Identity) { i.SetLink(one); i.SetLink(two) })
		require.Equal(t, []identity.Link{one, two}, now.Links())
		require.Equal(t, "x", now.Password())
		require.Equal(t, now, linkOwner(t, s, "google", "1"))
		require.Equal(t, now, linkOwner(t, s, "github", "1"))

		now = change(func(i *identity.Identity) { i.Credentials = nil })
		require.Equal(t, now, linkOwner(t, s, "google", "1"), "what is not spoken of stays")
		one.Tokens = nil
		now = change(func(i *identity.Identity) { i.SetLink(one) })
		require.Equal(t, []identity.Link{one, two}, now.Links())

		now = change(func(i *identity.Identity) { require.True(t, i.Unlink("google")) })
		require.Nil(t, linkOwner(t, s, "google", "1"))
		require.Equal(t, now, linkOwner(t, s, "github", "1"))
		require.NoError(t, s.InsertIdentity(t.Context(), linked(t, "bob@example.org", "google", "1")), "it is free again")
		now = change(func(i *identity.Identity) { require.True(t, i.Unlink("github")) })
		require.Nil(t, linkOwner(t, s, "github", "1"))
		require.Equal(t, p.Credentials, now.Credentials)
		require.Equal(t, now, owner(t, s, "ana@example.org"), "and so is the way in by the password")
	})
}

func TestTheLastLinkIsTakenAway(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := linked(t, "ana@example.org", "google", "1")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		next := mustRead(t, s, p)
		next.Rev++
		require.True(t, next.Unlink("google"))
		require.NoError(t, s.UpdateIdentity(t.Context(), next))
		require.Nil(t, linkOwner(t, s, "google", "1"))
		now := mustRead(t, s, p)
		require.Empty(t, now.Credentials)
		require.Equal(t, now, owner(t, s, "ana@example.org"), "whose address it is stays")
	})
}

func TestWhoIsExpelledLosesTheirAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := linked(t, "ana@example.org", "google", "1")
		p.SetPassword("theirs")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		next := mustRead(t, s, p)
		next.Rev++
		next.Prove(identity.ViaEmail, "ana@example.org")
		next.Expel(identity.ViaEmail, "ana@example.org")
		next.SetLink(identity.Link{Provider: "google", Subject: "2"})
		require.NoError(t, s.UpdateIdentity(t.Context(), next))
		require.Nil(t, linkOwner(t, s, "google", "1"))
		now := mustRead(t, s, p)
		require.Equal(t, now, linkOwner(t, s, "google", "2"))
		require.Empty(t, now.Password())
		require.NoError(t, s.DeleteIdentity(t.Context(), p.ID))
		require.Nil(t, linkOwner(t, s, "google", "2"))
	})
}

// However many want an account at once, it is one person's.
func TestManyWantOneAccount(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		var won atomic.Int32
		var wg sync.WaitGroup
		for n := range 8 {
			p := linked(t, fmt.Sprintf("p%d@example.org", n), "google", "1")
			wg.Go(func() {
				err := s.Tx(t.Context(), func(ctx context.Context) error { return s.InsertIdentity(ctx, p) })
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, identity.ErrTaken):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, won.Load())
		require.NotNil(t, linkOwner(t, s, "google", "1"))
	})
}
