package selfservice

import (
	"context"
	"errors"

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
// been typed and may be.
func (s *Step) Identified() {
	n := s.Next.notes
	n.Stage = StageHow
	s.engine.sealNotes(s.Next, n)
}

// ScreenNode returns the button that leads to another stage.
func ScreenNode(group, screen string) ui.Node {
	return ui.NewInput(group, ui.Input{Name: ui.NodeScreen, Type: ui.InputSubmit, Value: screen}).Labelled(ui.LabelBack, nil)
}

// turns reports whether in asks for another stage of f, which is what it is
// then about, whatever method it names.
func (f *Flow) turns(in *Input) bool {
	return f.Stage() != StageWhole && in.Body.String(ui.NodeScreen) != ""
}

// turn goes to the stage that is asked for. A draft is given up; what was typed
// stays.
func (e *Engine) turn(ctx context.Context, s *Step) (*Step, error) {
	stage := StageHow
	switch s.Input.Body.String(ui.NodeScreen) {
	case ScreenPrevious:
		stage = StageWho
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
	n := next.notes
	n.Stage = stage
	e.sealNotes(next, n)
	s.Next = next
	err := e.Store.UpdateFlow(ctx, next)
	if err != nil && !errors.Is(err, ErrStale) {
		return nil, err
	}
	return s, err
}
