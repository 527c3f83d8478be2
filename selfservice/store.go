package selfservice

import (
	"context"
	"time"

	"github.com/gofrs/uuid"
)

// Store keeps flows. Every method joins the transaction in ctx, if any.
type Store interface {
	// Tx runs fn in one transaction, joining the one in ctx. What fn returns
	// is what Tx returns, and any error rolls back. fn may run again after a
	// serialisation failure, so it must not keep state of its own across calls.
	Tx(ctx context.Context, fn func(context.Context) error) error
	InsertFlow(ctx context.Context, f *Flow) error
	// Flow reads one, or returns ErrNoFlow if there is none of that kind.
	Flow(ctx context.Context, kind Kind, id uuid.UUID) (*Flow, error)
	// UpdateFlow saves f where the stored revision is still f.Rev-1, and
	// returns ErrStale where it is not.
	UpdateFlow(ctx context.Context, f *Flow) error
	// SpendBudget takes one from the budget of subject if none of the limits is
	// reached within the time before at, and reports whether it did. Callers at
	// once never get more than the limits allow, over all servers.
	SpendBudget(ctx context.Context, subject []byte, at time.Time, limits []Limit) (bool, error)
	// ReturnBudget gives back what was taken at that time.
	ReturnBudget(ctx context.Context, subject []byte, at time.Time) error
	InsertError(ctx context.Context, e *StoredError) error
	// Error reads a stored error, or returns ErrNoFlow.
	Error(ctx context.Context, id uuid.UUID) (*StoredError, error)
}

// Limit allows at most Count in any span of time that is as long as Per.
type Limit struct {
	Count int
	Per   time.Duration
}
