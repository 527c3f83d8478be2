package persistence_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

func TestUnsafeSettingsAreRefusedByName(t *testing.T) {
	for _, c := range []struct{ name, dsn, setting string }{
		{"sqlite off", testdb.SQLite(t) + "?_synchronous=OFF", "synchronous=0"},
		{"sqlite normal", testdb.SQLite(t) + "?_sync=NORMAL", "synchronous=1"},
	} {
		t.Run(c.name, func(t *testing.T) { requireRefused(t, c.dsn, c.setting) })
	}
	// The servers of the tests do not flush, see .ci/databases.
	t.Run("postgres", func(t *testing.T) {
		requireRefused(t, testdb.Postgres(t), "fsync=off", "full_page_writes=off", "synchronous_commit=off")
	})
	t.Run("mysql", func(t *testing.T) {
		requireRefused(t, testdb.MySQL(t), "innodb_flush_log_at_trx_commit=0", "innodb_doublewrite=OFF")
	})
}

func requireRefused(t *testing.T, dsn string, settings ...string) {
	t.Helper()
	_, err := persistence.Open(t.Context(), persistence.Options{DSN: dsn, Now: time.Now})
	for _, setting := range settings {
		require.ErrorContains(t, err, setting)
	}
	var log bytes.Buffer
	for _, o := range []persistence.Options{{Dev: true}, {AllowUnsafe: true}} {
		o.DSN, o.Now, o.Log = dsn, time.Now, slog.New(slog.NewTextHandler(&log, nil))
		s, err := persistence.Open(t.Context(), o)
		require.NoError(t, err)
		level, problems, err := s.Durability(t.Context())
		require.NoError(t, err)
		require.Equal(t, persistence.DurabilityUnsafe, level)
		require.Len(t, problems, len(settings))
		require.NoError(t, s.Close())
		require.Equal(t, o.AllowUnsafe, log.Len() > 0)
	}
}

func TestSafeSettingsAreReported(t *testing.T) {
	for _, dsn := range []string{testdb.SQLite(t), testdb.SQLite(t) + "?_synchronous=EXTRA"} {
		s, err := persistence.Open(t.Context(), persistence.Options{DSN: dsn, Now: time.Now})
		require.NoError(t, err)
		level, problems, err := s.Durability(t.Context())
		require.NoError(t, err)
		require.Equal(t, persistence.DurabilityFull, level)
		require.Empty(t, problems)
		require.NoError(t, s.Close())
	}
}

func TestMemoryIsAnnounced(t *testing.T) {
	var log bytes.Buffer
	s, err := persistence.Open(t.Context(), persistence.Options{DSN: "memory", Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	level, _, err := s.Durability(t.Context())
	require.NoError(t, err)
	require.Equal(t, persistence.DurabilityNone, level)
	require.NoError(t, s.Close())
	require.Contains(t, log.String(), "memory")
}
