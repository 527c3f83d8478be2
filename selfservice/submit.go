package selfservice

import (
	"context"
	"errors"
	"slices"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// maxTries bounds how often a submit starts over because another one has moved
// the flow meanwhile.
const maxTries = 4

// maxSecretTries is maxTries for a submit that carries a secret, which is cheap
// to judge: the right code must not lose against many wrong ones. And for one that
// carries what a provider says, which is told only once: whose account it is must
// not lose against who keeps changing it.
const maxSecretTries = 32

// Submit takes one submit as far as it gets. The step tells how far; problems a
// person can mend are on step.Next, not in the error.
func (e *Engine) Submit(ctx context.Context, k Kind, id uuid.UUID, in *Input) (*Step, error) {
	if _, err := e.rules(k); err != nil {
		return nil, err
	}
	var a attempt
	defer a.end()
	for a.tries = 1; ; a.tries++ {
		step, err := e.submit(ctx, k, id, in, &a)
		switch {
		case errors.Is(err, errUnderway) && a.waits(ctx):
		case errors.Is(err, errUnderway):
			return step, nil
		case !errors.Is(err, ErrStale):
			return step, err
		case a.tries < a.most():
		case a.void && a.tries < maxSecretTries:
		case step != nil:
			return step, nil // what is wrong with the submit is true all the same
		case a.secret && a.tries < maxSecretTries:
		default:
			return nil, fail.Wrap(err, fail.Unavailable, "flow_contended", "Too many submits to this flow, or changes of this account, at once. Please send it again.")
		}
	}
}

func (e *Engine) submit(ctx context.Context, k Kind, id uuid.UUID, in *Input, a *attempt) (*Step, error) {
	f, err := e.load(ctx, k, id)
	if err != nil {
		return nil, err
	}
	if err := in.Guard(f); err != nil {
		return nil, err
	}
	if f.Completed() {
		return e.again(ctx, f, in)
	}
	if err := kinds[k].admits(f, in.Session); err != nil {
		return nil, err
	}
	if e.startsOver(f, in) {
		f = e.restarted(f)
	}
	s, err := e.step(e.ahead(f, in), in)
	if err != nil {
		return nil, err
	}
	if f.Expired(e.Now()) {
		return nil, e.replaceExpired(ctx, s)
	}
	switch {
	case e.draftedBy(f, in):
		return s.unchanged(), nil
	case e.savedBy(f, in):
		return s.asSaved(), nil
	case f.turns(in):
		return e.turn(ctx, s)
	}
	s.attempt = a
	if led, err := e.arrive(ctx, s); led != nil || err != nil {
		return led, err
	}
	if err := e.pursue(ctx, s); err != nil {
		return e.stop(ctx, s, err)
	}
	return s, nil
}

// pursue takes a submit from the method that it names to its commit.
func (e *Engine) pursue(ctx context.Context, s *Step) error {
	m, err := e.pick(s)
	if err == nil {
		err = e.weigh(ctx, s, s.attempt)
	}
	if err == nil {
		err = e.apply(ctx, m, s, s.attempt)
	}
	if err == nil {
		err = e.commit(ctx, s)
	}
	return err
}

// stop ends a submit that err has stopped, and stores what the flow shows of that.
func (e *Engine) stop(ctx context.Context, s *Step, err error) (*Step, error) {
	s.takeBack(ctx)
	var (
		refused    *Refused
		unverified *Unverified
		tooOld     *RefreshRequired
		step       *Step
	)
	switch {
	case errors.As(err, &refused):
		step, err = e.refuse(ctx, s, refused.Problems)
	case errors.As(err, &unverified):
		err = e.asIs(ctx, s, unverified)
	case errors.As(err, &tooOld):
		err = e.asIs(ctx, s, tooOld)
	case errors.Is(err, ErrStale) && s.attempt.tries < s.attempt.most():
		// What the client brought home is good for the next try.
	default:
		e.strand(ctx, s)
	}
	if !s.stored {
		s.opened.takeBack(ctx)
	}
	return step, err // a step that is done and not stored must not be answered
}

// step prepares a submit: the next flow is a copy that already holds what was
// typed, with the problems of the submit before cleared.
func (e *Engine) step(f *Flow, in *Input) (*Step, error) {
	next := *f
	next.Rev++
	next.Problems = nil
	if kinds[f.Kind].reopens {
		next.State = f.Kind.initial()
	}
	s := &Step{Flow: f, Next: &next, Input: in, Schema: e.schema(f), Identity: f.owner, engine: e}
	if err := e.keepTransient(s); err != nil {
		return nil, err
	}
	switch kinds[f.Kind].keeps {
	case keepsTraits:
		return s, s.readTraits()
	case keepsAddress:
		s.keep(ui.NodeEmail, func(v string) typed { return typed{Address: v} })
	case keepsIdentifier:
		if !f.Refreshes() {
			s.keep(ui.NodeIdentifier, func(v string) typed { return typed{Identifier: v} })
		}
	}
	return s, nil
}

// pick finds the strategy that the submit names and that the flow offers.
func (e *Engine) pick(s *Step) (Method, error) {
	name := s.named()
	if m := e.method(s.Flow.Kind, name); !s.Flow.excludes(name) && offers(m, s.Flow) {
		s.Next.Active = name
		return m, nil
	}
	if slices.Contains(kinds[s.Flow.Kind].methods, name) {
		return nil, fail.New(fail.NotFound, "self_service_method_disabled", "The method "+name+" is not enabled for this flow.")
	}
	return nil, Refuse("", kinds[s.Flow.Kind].noMethod, nil)
}

// named is the strategy that the submit is for: the one it names or, without a
// name, that whose button it pressed.
func (s *Step) named() string {
	name := s.Input.Body.String(ui.NodeMethod)
	if name != "" {
		return name
	}
	for _, button := range []string{ui.NodeProvider, ui.NodeLink, ui.NodeUnlink} {
		if s.Input.Body.String(button) != "" {
			return OIDCID
		}
	}
	return ""
}

// method is the part in flows of a kind that the strategy with an id takes, nil
// for none.
func (e *Engine) method(k Kind, id string) Method {
	for _, strategy := range e.Strategies {
		if strategy.ID() == id {
			return strategy.Methods()[k]
		}
	}
	return nil
}

// offers reports whether m, which may be nil, is offered by f.
func offers(m Method, f *Flow) bool { return m != nil && len(m.Form(f)) > 0 }

// apply lets the method judge and the hooks have their say. Nothing is stored.
func (e *Engine) apply(ctx context.Context, m Method, s *Step, a *attempt) (err error) {
	if s.Answer == Wrong {
		e.letGo(s)
	}
	if s.Progress, err = m.Apply(ctx, s); err != nil || s.Progress != Done {
		return err
	}
	if s.Flow.Kind == Registration && s.Proven == nil && (e.Rules[Registration].ProveFirst || s.Next.Active == CodeID) && !e.vouched(s) {
		return e.proveFirst(ctx, s)
	}
	if plan := kinds[s.Flow.Kind].plan; plan != nil {
		if err := plan(e, s); err != nil {
			return err
		}
	}
	return e.hear(ctx, s, a, e.Rules[s.Flow.Kind].hooks(s.Next.Active))
}

// refuse stores the problems on the flow, which is all that a refused submit
// writes, and asks again. With ErrStale there is a step as well.
func (e *Engine) refuse(ctx context.Context, s *Step, problems []ui.Problem) (*Step, error) {
	s.showRefused(problems)
	s.Next.Refusals++
	s.Next.Problems = problems
	e.reveal(s.Next, problems)
	err := e.keepRefused(ctx, s, problems)
	s.stored = err == nil
	if err != nil && !errors.Is(err, ErrStale) {
		return nil, err
	}
	return &Step{Flow: s.Flow, Next: s.Next, Input: s.Input, Schema: s.Schema, Progress: Asked, Refused: true, Answer: s.Answer, handed: s.handed}, err
}

func (e *Engine) keepRefused(ctx context.Context, s *Step, problems []ui.Problem) error {
	tells := e.Identities.Events != nil && s.Flow.Kind == Registration
	if s.from == nil && !tells {
		return e.save(ctx, s, s.Next)
	}
	return e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.save(ctx, s, s.Next); err != nil || !tells {
			return err
		}
		return e.Identities.Events.Record(ctx, s.failedEvent(problems))
	})
}
