package selfservice

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/foyer-id/foyer/selfservice/ui"
)

// Stage is which part of a form is drawn where it comes in two steps.
type Stage string

// The stages: the whole form at once; who somebody is; how they prove it.
const (
	StageWhole Stage = ""
	StageWho   Stage = "who"
	StageHow   Stage = "how"
)

// Values of ui.NodeScreen: the stages as clients ask for them.
const (
	ScreenPrevious = "previous"
	ScreenChoice   = "credential-selection"
)

// Stage is the part of the form that f is at.
func (f *Flow) Stage() Stage { return f.notes.Stage }

// TraitNodes returns f's traits: to be typed, or where that was done in the
// stage before, hidden, for clients to repeat.
func (f *Flow) TraitNodes(traits *ui.TraitForm) []ui.Node {
	if f.Stage() == StageHow {
		return traits.Hidden(ui.GroupDefault, f.Traits())
	}
	return traits.Nodes(f.Locale, f.Traits())
}

// Identified brings the step's flow to the second stage: who somebody is has
// been typed and may be. No method is chosen yet.
func (s *Step) Identified() {
	s.Next.Active = ""
	s.engine.stage(s.Next, StageHow)
}

// stage brings a flow to another stage.
func (e *Engine) stage(f *Flow, stage Stage) {
	n := f.notes
	n.Stage = stage
	e.sealNotes(f, n)
}

// ahead is f at its second stage where in names a method of that one: a page of
// it was still open when the person went back in another.
func (e *Engine) ahead(f *Flow, in *Input) *Flow {
	if f.Stage() != StageWho {
		return f
	}
	next := *f
	e.stage(&next, StageHow)
	if m := e.method(f.Kind, in.Body.String(ui.NodeMethod)); !offers(m, f) && offers(m, &next) {
		return &next
	}
	return f
}

// reveal goes back to the first stage where what is wrong was typed there: in
// the second it is hidden.
func (e *Engine) reveal(f *Flow, problems []ui.Problem) {
	if f.Stage() == StageHow && slices.ContainsFunc(problems, func(p ui.Problem) bool {
		return p.Node == ui.NodeIdentifier || strings.HasPrefix(p.Node, ui.TraitPrefix)
	}) {
		f.Active = ""
		e.stage(f, StageWho)
	}
}

// ScreenNode returns the button that leads to another stage.
func ScreenNode(group, screen string) ui.Node {
	return ui.NewInput(group, ui.Input{Name: ui.NodeScreen, Type: ui.InputSubmit, Value: screen}).Labelled(ui.LabelBack, nil)
}

// turns reports whether in asks for another stage of f, which is what it is
// then about, whatever method it names. At the first stage a method counts:
// clients send along which button they pressed last.
func (f *Flow) turns(in *Input) bool {
	screen := in.Body.String(ui.NodeScreen)
	switch {
	case f.notes.Asserted != nil:
		return screen == ScreenPrevious
	case f.Stage() == StageWhole || screen == "":
		return false
	}
	return f.Stage() == StageHow || in.Body.String(ui.NodeMethod) == ""
}

// turn goes to the stage that is asked for. A draft, and what a provider has said,
// is given up; what was typed stays.
func (e *Engine) turn(ctx context.Context, s *Step) (*Step, error) {
	stage := StageHow
	switch s.Input.Body.String(ui.NodeScreen) {
	case ScreenPrevious:
		if stage = StageWho; !e.Rules[s.Flow.Kind].TwoSteps {
			stage = StageWhole
		}
	case ScreenChoice:
		if s.Flow.Stage() == StageWho {
			return s.unchanged(), nil
		}
	default:
		return e.refuse(ctx, s, []ui.Problem{{ID: kinds[s.Flow.Kind].noMethod}})
	}
	typed := s.Next.Values
	if s.Flow.Drafted() {
		typed = encodeTraits(known(s.Schema, s.Flow.Traits()))
	}
	next := e.restarted(s.Next)
	next.Values = typed
	e.stage(next, stage)
	s.Next = next
	err := e.Store.UpdateFlow(ctx, next)
	if err != nil && !errors.Is(err, ErrStale) {
		return nil, err
	}
	return s, err
}
