package selfservice

import (
	"context"
	"errors"
	"slices"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// maxTries bounds how often a submit starts over because another one has moved
// the flow meanwhile.
const maxTries = 4

// Submit takes one submit as far as it gets. The step tells how far; problems a
// person can mend are on step.Next, not in the error.
func (e *Engine) Submit(ctx context.Context, k Kind, id uuid.UUID, in *Input) (*Step, error) {
	if _, err := e.rules(k); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		step, err := e.submit(ctx, k, id, in)
		if !errors.Is(err, ErrStale) {
			return step, err
		}
		if try == maxTries {
			return nil, fail.Wrap(err, fail.Unavailable, "flow_contended", "Too many submits to this flow at once. Please send it again.")
		}
	}
}

func (e *Engine) submit(ctx context.Context, k Kind, id uuid.UUID, in *Input) (*Step, error) {
	f, err := e.load(ctx, k, id)
	if err != nil {
		return nil, err
	}
	if err := e.guard(f, in); err != nil {
		return nil, err
	}
	if f.Completed() {
		return e.again(ctx, f, in)
	}
	if in.Session != nil {
		return nil, ErrSessionAvailable
	}
	s, err := e.step(f, in)
	if err != nil {
		return nil, err
	}
	if f.Expired(e.Now()) {
		return nil, e.succeed(ctx, s)
	}
	m, err := e.pick(s)
	if err == nil {
		err = e.apply(ctx, m, s)
	}
	if err == nil {
		err = e.commit(ctx, s)
	}
	return e.settle(ctx, s, err)
}

// guard checks that the client may act on the flow. Whoever holds the session
// that the flow ended in may ask for the flow's outcome again: the browser's
// CSRF secret was changed by that very outcome.
func (e *Engine) guard(f *Flow, in *Input) error {
	if f.Completed() && in.Session != nil && in.Session.ID == f.Outcome.SessionID {
		return nil
	}
	return in.Guard(f)
}

// step prepares a submit: the next flow is a copy that already holds what was
// typed, with the problems of the submit before cleared.
func (e *Engine) step(f *Flow, in *Input) (*Step, error) {
	next := *f
	next.Rev++
	next.Problems = nil
	s := &Step{Flow: f, Next: &next, Input: in, Schema: e.schema(f), Transient: f.notes.Transient}
	if t, ok := in.Body.Fields["transient_payload"]; ok {
		object, ok := t.(map[string]any)
		if !ok {
			return nil, fail.New(fail.BadRequest, "transient_payload_invalid", "transient_payload has to be an object.")
		}
		s.Transient = mustJSON(object)
		e.note(&next, notes{State: f.notes.State, Transient: s.Transient})
	}
	if _, ok := in.Body.Fields["traits"]; ok {
		if err := s.keepTraits(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// maxTraits bounds the traits of one identity, as JSON.
const maxTraits = 64 << 10

// keepTraits notes what was typed, as the schema's types.
func (s *Step) keepTraits() error {
	raw, ok := s.Input.Body.Object("traits")
	if !ok {
		return fail.New(fail.BadRequest, "traits_invalid", "traits has to be an object.")
	}
	s.Traits = s.Schema.Coerce(raw)
	s.Next.Values = encodeTraits(s.Traits)
	if len(s.Next.Values) > maxTraits {
		return fail.New(fail.TooLarge, "traits_too_large", "The traits have more than 64 KiB.")
	}
	return nil
}

// pick finds the strategy that the submit names and that the flow offers.
func (e *Engine) pick(s *Step) (Method, error) {
	name := s.Input.Body.String(ui.NodeMethod)
	for _, strategy := range e.Strategies {
		if strategy.ID() != name {
			continue
		}
		m, ok := strategy.Methods()[s.Flow.Kind]
		if ok && len(m.Form(s.Flow)) > 0 {
			s.Strategy, s.Next.Active = name, name
			return m, nil
		}
	}
	if slices.Contains(kinds[s.Flow.Kind].methods, name) {
		return nil, fail.New(fail.NotFound, "self_service_method_disabled", "The method "+name+" is not enabled for this flow.")
	}
	return nil, Refuse("", kinds[s.Flow.Kind].noMethod, nil)
}

// apply lets the method judge and the hooks have their say. Nothing is stored.
func (e *Engine) apply(ctx context.Context, m Method, s *Step) (err error) {
	if s.Progress, err = m.Apply(ctx, s); err != nil || s.Progress != Done {
		return err
	}
	for _, h := range e.Rules[s.Flow.Kind].hooks(s.Strategy, OnValid) {
		if err := h.Run(ctx, s); err != nil {
			return err
		}
	}
	e.complete(s)
	return nil
}

// complete gives the next flow its outcome. From here on it never acts again,
// so nothing typed or private is kept.
func (e *Engine) complete(s *Step) {
	s.ReturnTo = e.destination(s)
	outcome := &Outcome{Fingerprint: e.Ring.MAC(submitMAC, fingerprint(s.Flow, s.Input)...), ReturnTo: s.ReturnTo}
	if s.Identity != nil {
		outcome.IdentityID = s.Identity.ID
	}
	if s.Session != nil {
		outcome.SessionID = s.Session.ID
	}
	s.Next.State = StatePassedChallenge
	s.Next.Outcome = outcome
	s.Next.Values = nil
	e.note(s.Next, notes{State: s.Flow.notes.State})
}

// commit stores the whole step in one transaction. The flow comes first: where
// its revision no longer stands, nobody else's rows are touched.
func (e *Engine) commit(ctx context.Context, s *Step) error {
	err := e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.Store.UpdateFlow(ctx, s.Next); err != nil {
			return err
		}
		if s.Progress == Done {
			if err := kinds[s.Flow.Kind].finish(ctx, e, s); err != nil {
				return err
			}
		}
		for _, write := range s.writes {
			if err := write(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, identity.ErrTaken) {
		return Refuse("", ui.ErrTaken, nil)
	}
	return err
}

// settle ends a step: a refusal is stored on the flow and answered with the
// form, whatever else went wrong leaves the flow as it was.
func (e *Engine) settle(ctx context.Context, s *Step, err error) (*Step, error) {
	var refused *Refused
	switch {
	case err == nil:
		e.committed(ctx, s)
		return s, nil
	case !errors.As(err, &refused):
		return nil, err
	}
	next := *s.Flow
	next.Rev++
	next.Refusals++
	next.Active = s.Next.Active
	next.Problems = refused.Problems
	if next.Values = s.Flow.Values; s.Traits != nil {
		next.Values = encodeTraits(s.Traits)
	}
	e.note(&next, notes{State: s.Flow.notes.State, Transient: s.Transient})
	if err := e.Store.UpdateFlow(ctx, &next); err != nil {
		return nil, err
	}
	return &Step{Flow: s.Flow, Next: &next, Input: s.Input, Schema: s.Schema, Progress: Asked}, nil
}

// committed runs what was planned for after the commit. It cannot fail the
// submit any more, so errors go to the log.
func (e *Engine) committed(ctx context.Context, s *Step) {
	for _, effect := range s.after {
		effect(ctx)
	}
	if s.Progress != Done {
		return
	}
	for _, h := range e.Rules[s.Flow.Kind].hooks(s.Strategy, OnCommitted) {
		if err := h.Run(ctx, s); err != nil {
			e.Log.ErrorContext(ctx, "hook failed after the commit", "hook", h.Name, "flow", s.Flow.ID, "error", err)
		}
	}
}
