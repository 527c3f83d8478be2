package selfservice

import (
	"context"
	"slices"
	"time"

	"github.com/foyer-id/foyer/selfservice/ui"
)

// Hook has its say when a flow is opened or when a submit is valid; nothing is
// stored yet. It may veto with Refused or any other error, or plan writes. Name
// is the one in the configuration.
type Hook struct {
	Name string
	Turn Turn
	Run  func(ctx context.Context, s *Step) error
}

// Turn is when a hook runs among those of its step, whatever their order in the
// configuration, which counts within a turn.
type Turn int

// The turns, first to last.
const (
	Judges Turn = iota // refuses by what is known here
	Asks               // asks somebody outside, who may refuse or change the person
	Plans              // plans what is stored, and sees what came of the questions
	Ends               // plans what only a step that nobody refuses leads to
)

// hooks lists what runs when a flow is finished by a strategy, turn by turn; in
// each the global ones come before the strategy's own.
func (r *Rules) hooks(strategy string) []Hook {
	return inTurn(slices.Concat(r.After, r.AfterMethod[strategy]))
}

// inTurn sorts list.
func inTurn(list []Hook) []Hook {
	slices.SortStableFunc(list, func(a, b Hook) int { return int(a.Turn - b.Turn) })
	return list
}

// hear lets hooks have their say about s. Those that ask outside share HookTime.
func (e *Engine) hear(ctx context.Context, s *Step, a *attempt, hooks []Hook) error {
	if slices.ContainsFunc(hooks, func(h Hook) bool { return h.Turn == Asks }) {
		if err := e.refuseTaken(ctx, s); err != nil {
			return err
		}
		s.Otherwise(func(ctx context.Context) { e.giveBack(ctx, s) })
	}
	for _, h := range hooks {
		during := ctx
		if h.Turn == Asks {
			during = a.questions(ctx, e.HookTime)
		}
		if err := h.Run(during, s); err != nil {
			return err
		}
	}
	return nil
}

// refuseTaken spares those outside a question about somebody who cannot come to be.
func (e *Engine) refuseTaken(ctx context.Context, s *Step) error {
	if s.Flow.Kind != Registration || s.Identity == nil {
		return nil
	}
	taken, err := e.Identities.Store.Taken(ctx, s.Identity)
	if err == nil && taken {
		return s.taken(ui.ErrTaken)
	}
	return err
}

// Otherwise plans what is done where the step is not stored, for whatever
// reason but the end of this process: what was planned last comes first. All of
// it has a few seconds, in no transaction.
func (s *Step) Otherwise(fn func(context.Context)) { s.undo = append(s.undo, fn) }

// undoTime bounds what follows a step that failed.
const undoTime = 5 * time.Second

func (s *Step) takeBack(ctx context.Context) {
	if s == nil || len(s.undo) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	for _, undo := range slices.Backward(s.undo) {
		undo(ctx)
	}
}
