package selfservice

import (
	"context"
)

// cross goes on in a new flow of another kind: who is known signs in where they
// meant to register, and the other way round. Its before-hooks have their say. It
// is stored wherever the step's outcome is, a refusal too, with what those hooks
// planned; the flow that the step began in ends with it, or leads to it.
func (s *Step) cross(ctx context.Context, k Kind) error {
	if s.Flow.Kind == k {
		return nil
	}
	e, old := s.engine, s.Flow
	if _, err := e.rules(k); err != nil {
		return err
	}
	f := e.newFlow(k, old.SchemaID, Opening{
		Native: old.Native, Binding: old.Binding, RequestURL: old.RequestURL, ReturnTo: old.ReturnTo, Locale: old.Locale,
	})
	f.Active = s.Next.Active
	e.sealNotes(f, notes{State: old.notes.State, Transient: s.Next.notes.Transient, Exchange: old.notes.Exchange})
	opened, err := e.letOpen(ctx, f, s.Input)
	if err != nil {
		return err
	}
	next := *f
	s.from, s.Flow, s.Next, s.opened = old, f, &next, opened
	return nil
}

// save stores next, what the step's flow becomes, and first, where the step has
// crossed from another flow, what becomes of that one.
func (e *Engine) save(ctx context.Context, s *Step, next *Flow) error {
	if s.from == nil {
		e.handOver(s, next)
		return e.Store.UpdateFlow(ctx, next)
	}
	old := e.left(s, next)
	e.handOver(s, old)
	if err := e.Store.UpdateFlow(ctx, old); err != nil {
		return err
	}
	if err := e.Store.InsertFlow(ctx, next); err != nil {
		return err
	}
	return s.opened.write(ctx)
}

// left is the flow that the step has crossed from: ended as the other one, or
// leading to it.
func (e *Engine) left(s *Step, next *Flow) *Flow {
	old := *s.from
	old.Rev++
	if next.Completed() {
		o := *next.Outcome
		o.Fingerprint = e.Ring.MAC(submitMAC, fingerprint(s.from, s.Input)...)
		return e.ended(&old, o)
	}
	n := old.notes
	if n.Trip != nil {
		t := *n.Trip
		t.Over, t.Led, t.Brought = true, &ledTo{Kind: next.Kind, ID: next.ID}, nil
		n.Trip = &t
	}
	e.sealNotes(&old, n)
	return &old
}
