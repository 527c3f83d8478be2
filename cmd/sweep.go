package cmd

import (
	"context"
	"time"

	"github.com/foyer-id/foyer/persistence"
)

// flowGrace is how long a flow that ran out can still be submitted to get its
// successor.
const flowGrace = 24 * time.Hour

// sweep removes what is over, a batch at a time, until ctx ends.
func (a *App) sweep(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		_, more, err := a.purge(ctx)
		if err != nil && ctx.Err() == nil {
			a.options.Log.Error("expired rows were not removed", "error", err)
		}
		wait := a.Config.Database.CleanupSleep
		if more {
			wait = 0
		}
		timer.Reset(wait)
	}
}

// Sweep removes one batch of what is over and says how many rows that were.
func (a *App) Sweep(ctx context.Context) (removed int, err error) {
	removed, _, err = a.purge(ctx)
	return removed, err
}

func (a *App) purge(ctx context.Context) (removed int, more bool, err error) {
	return a.Store.Purge(ctx, persistence.PurgeOptions{
		Now:       a.options.Now().Add(-a.Config.Database.CleanupOlderThan),
		Batch:     a.Config.Database.CleanupBatch,
		FlowGrace: flowGrace,
	})
}
