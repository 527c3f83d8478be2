package persistence_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

var (
	_ selfservice.Store = (*persistence.Store)(nil)
	_ identity.Store    = (*persistence.Store)(nil)
	_ session.Store     = (*persistence.Store)(nil)
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456000, time.UTC)

func open(t testing.TB, dsn string) *persistence.Store {
	t.Helper()
	s, err := persistence.Open(t.Context(), persistence.Options{DSN: dsn, Dev: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// migrated opens a store that is ready to use.
func migrated(t testing.TB, dsn string) *persistence.Store {
	t.Helper()
	s := open(t, dsn)
	_, err := s.Migrate(t.Context())
	require.NoError(t, err)
	return s
}

// each runs fn on a ready store of every engine, and of SQLite in memory, beside
// other tests: making and dropping databases is mostly waiting.
func each(t *testing.T, fn func(t *testing.T, s *persistence.Store)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, dsn string) { fn(t, migrated(t, dsn)) })
	t.Run("memory", func(t *testing.T) { fn(t, migrated(t, "memory")) })
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV4()) }

func newFlow() *selfservice.Flow {
	return &selfservice.Flow{
		ID: newID(), Kind: selfservice.Registration, State: selfservice.StateChooseMethod, SchemaID: "default",
		RequestURL: "http://127.0.0.1/self-service/registration/browser", IssuedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
}

func fullFlow() *selfservice.Flow {
	f := newFlow()
	f.Native, f.Binding, f.Active, f.Journey, f.Locale = true, []byte{0, 1, 255}, "password", "j", "de-CH"
	f.ReturnTo = "https://example.org/?a=ü"
	f.Values = json.RawMessage(`{ "traits":{"b":1.0,  "a":"\u0000ü"}}`)
	f.Problems = []ui.Problem{{Node: "traits.email", ID: 4000001, Context: map[string]any{"reason": "x"}}, {ID: 4000006}}
	f.Private, f.Refusals, f.Rev, f.Successor = []byte("sealed\x00"), 3, 7, newID()
	f.Outcome = &selfservice.Outcome{
		Fingerprint: []byte{9, 0}, IdentityID: newID(), SessionID: newID(),
	}
	return f
}

// newPerson is an identity with one password credential and its address.
func newPerson(email string) *identity.Identity {
	address := func() []identity.Address {
		return []identity.Address{{
			ID: newID(), Value: email, Canonical: email, Via: identity.ViaEmail, Status: identity.AddressPending,
			CreatedAt: noon, UpdatedAt: noon,
		}}
	}
	return &identity.Identity{
		ID: newID(), SchemaID: "default", State: identity.StateActive, StateChangedAt: noon,
		Traits:     json.RawMessage(fmt.Sprintf(`{"email":%q}`, email)),
		Verifiable: address(), Recovery: address(),
		Credentials: []identity.Credential{{
			ID: newID(), Type: identity.CredentialPassword, Identifiers: []string{email},
			Config: json.RawMessage(`{"hashed_password":"x"}`), CreatedAt: noon, UpdatedAt: noon,
		}},
		CreatedAt: noon, UpdatedAt: noon,
	}
}

func newSession(owner uuid.UUID) *session.Session {
	return &session.Session{
		ID: newID(), IdentityID: owner, Active: true, AAL: session.AAL1,
		Methods:  []session.Method{{Method: "password", AAL: session.AAL1, CompletedAt: noon}},
		Device:   session.Device{ID: newID(), IP: "192.0.2.1", UserAgent: "curl/8"},
		IssuedAt: noon, AuthenticatedAt: noon, ExpiresAt: noon.Add(24 * time.Hour),
	}
}

func hashOf(n byte) []byte {
	h := make([]byte, 32)
	h[0], h[31] = n, n
	return h
}
