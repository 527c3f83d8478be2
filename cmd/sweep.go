package cmd

import (
	"context"
	"time"

	"github.com/foyer-id/foyer/persistence"
)

// flowGrace is how long a flow that ran out can still be submitted to get its
// successor.
const flowGrace = 24 * time.Hour

// sweep removes what is over, a small batch at a time, until ctx ends.
func (a *App) sweep(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		removed, err := a.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			a.options.Log.Error("expired rows were not removed", "error", err)
		}
		wait := a.Config.Database.CleanupSleep
		if removed >= a.Config.Database.CleanupBatch {
			wait = min(wait, time.Second) // a full batch: there is more
		}
		timer.Reset(wait)
	}
}

// Sweep removes one batch of what is over and says how many rows that were.
func (a *App) Sweep(ctx context.Context) (int, error) {
	return a.Store.Purge(ctx, persistence.PurgeOptions{
		Now:       a.options.Now().Add(-a.Config.Database.CleanupOlderThan),
		Batch:     a.Config.Database.CleanupBatch,
		FlowGrace: flowGrace,
	})
}
