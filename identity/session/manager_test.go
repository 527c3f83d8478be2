package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/seal"
)

// Who proves themselves again keeps the session and loses every token of it.
func TestReauthentication(t *testing.T) {
	everywhere(t, func(t *testing.T, env *enginetest.Env) {
		first, ada := signUp(t, env, "ada@example.org")
		other, _ := another(t, env, ada)
		m := manager(env)
		s, err := m.ByToken(t.Context(), first)
		require.NoError(t, err)
		_, spare, err := m.Renew(t.Context(), s.ID)
		require.NoError(t, err)
		env.Clock.Advance(time.Hour)

		before := env.Native().Whoami(first).JSON()
		next, token := m.Replan(s, session.Method{Method: "totp", AAL: session.AAL2}, session.Device{IP: "192.0.2.9", UserAgent: "new"})
		require.Equal(t, session.AAL1, s.AAL, "planning changes nothing")
		require.Len(t, s.Methods, 1)
		require.Equal(t, before, env.Native().Whoami(first).JSON())
		require.NoError(t, env.App.Store.Reauthenticate(t.Context(), next, s.AuthenticatedAt, session.Hash(token)))

		for _, old := range []string{first, spare} {
			require.Empty(t, idOf(env, old), "the old token is dead")
		}
		require.NotEmpty(t, idOf(env, other), "another session is another session")
		after := env.Native().Whoami(token).JSON()
		require.Equal(t, before["id"], after["id"])
		require.Equal(t, before["issued_at"], after["issued_at"])
		require.Greater(t, after["authenticated_at"], before["authenticated_at"])
		require.Greater(t, after["expires_at"], before["expires_at"])
		require.Equal(t, "aal2", after["authenticator_assurance_level"])
		require.Len(t, after["authentication_methods"], 2)
		require.Equal(t, "totp", after["authentication_methods"].([]any)[1].(map[string]any)["method"])
		device := after["devices"].([]any)[0].(map[string]any)
		require.Equal(t, "192.0.2.9", device["ip_address"])
		require.Equal(t, before["devices"].([]any)[0].(map[string]any)["id"], device["id"])

		// Who comes second has lost, and the level never falls.
		again, lost := m.Replan(s, session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
		require.ErrorIs(t, env.App.Store.Reauthenticate(t.Context(), again, s.AuthenticatedAt, session.Hash(lost)), session.ErrNotFound)
		require.Empty(t, idOf(env, lost))
		require.NotEmpty(t, idOf(env, token))
		third, last := m.Replan(next, session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
		require.Equal(t, session.AAL2, third.AAL)
		require.NoError(t, env.App.Store.Reauthenticate(t.Context(), third, next.AuthenticatedAt, session.Hash(last)))
		require.Empty(t, idOf(env, token))
		methods := env.Native().Whoami(last).JSON()["authentication_methods"].([]any)
		require.Len(t, methods, 2, "of one kind the last counts, so that no session grows for ever")
		require.Equal(t, "totp", methods[0].(map[string]any)["method"])
		require.Equal(t, "password", methods[1].(map[string]any)["method"])
		require.Len(t, next.Methods, 2, "planning changes nothing")
		require.Equal(t, "password", next.Methods[0].Method)

		env.Clock.Advance(24 * time.Hour)
		late, tooLate := m.Replan(third, session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
		require.ErrorIs(t, env.App.Store.Reauthenticate(t.Context(), late, third.AuthenticatedAt, session.Hash(tooLate)), session.ErrNotFound)
		require.Empty(t, idOf(env, tooLate), "nor does what ran out meanwhile")
		env.Clock.Advance(-24 * time.Hour)
		require.NotEmpty(t, idOf(env, last))

		require.NoError(t, m.EndOne(t.Context(), s.ID))
		fourth, never := m.Replan(third, session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
		require.ErrorIs(t, env.App.Store.Reauthenticate(t.Context(), fourth, third.AuthenticatedAt, session.Hash(never)), session.ErrNotFound)
		require.Empty(t, idOf(env, never), "what has ended does not come back")
	})
}

// A logout token is of one session, made of keys that may rotate, and only the
// exact string is one.
func TestLogoutToken(t *testing.T) {
	ring := func(secrets ...string) *session.Manager {
		r, err := seal.NewRing("cookie", secrets...)
		require.NoError(t, err)
		return &session.Manager{Ring: r}
	}
	old, both, young := ring("an old secret of tests"), ring("a new secret of tests", "an old secret of tests"), ring("a new secret of tests")
	one, two := &session.Session{ID: uuid.Must(uuid.NewV4())}, &session.Session{ID: uuid.Must(uuid.NewV4())}
	token := old.LogoutToken(one)
	require.Regexp(t, `^ory_lo_[A-Za-z0-9]{32}$`, token)
	require.Equal(t, token, old.LogoutToken(one))
	require.True(t, old.EndsBy(one, token))
	require.True(t, both.EndsBy(one, token))
	require.True(t, both.EndsBy(one, both.LogoutToken(one)))
	require.False(t, young.EndsBy(one, token))
	require.False(t, old.EndsBy(two, token))
	require.NotContains(t, token, strings.ReplaceAll(one.ID.String(), "-", "")[:8])
	for _, mutant := range mutated(token, 10_000) {
		if old.EndsBy(one, mutant) {
			t.Fatal(mutant)
		}
	}
}
