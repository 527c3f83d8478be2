package cmd

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

// While there is more it does not sleep, or a busy server would never get rid
// of what it leaves behind.
func TestSweepGoesOnWhileThereIsMore(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	store, err := persistence.Open(ctx, persistence.Options{DSN: "memory", Dev: true, Now: time.Now})
	require.NoError(t, err)
	_, err = store.Migrate(ctx)
	require.NoError(t, err)
	var last selfservice.Flow
	for n := range 60 {
		last = selfservice.Flow{ID: uuid.Must(uuid.NewV4()), Kind: selfservice.Registration, ExpiresAt: time.Unix(int64(n), 0)}
		require.NoError(t, store.InsertFlow(ctx, &last))
	}
	a := &App{
		Config:  &Config{Database: Database{CleanupBatch: 10, CleanupSleep: time.Hour}},
		Store:   store,
		options: Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)},
	}
	ended := make(chan error, 1)
	go func() { ended <- a.sweep(ctx) }()
	require.Eventually(t, func() bool {
		_, err := store.Flow(ctx, last.Kind, last.ID)
		return err != nil
	}, 3*time.Second, time.Millisecond)
	stop()
	require.NoError(t, <-ended)
	require.NoError(t, store.Close())
}
