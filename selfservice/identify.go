package selfservice

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Unnamed returns the problem that nobody said who signs in, or that it is more
// than anybody can be called; none where that is said.
func (s *Step) Unnamed() []ui.Problem {
	switch n := utf8.RuneCountInString(s.typedIdentifier()); {
	case n == 0:
		return []ui.Problem{{Node: ui.NodeIdentifier, ID: ui.ErrRequired, Context: map[string]any{"property": ui.NodeIdentifier}}}
	case n > identity.MaxIdentifier:
		return []ui.Problem{{Node: ui.NodeIdentifier, ID: ui.ErrMaxLength, Context: map[string]any{"max_length": identity.MaxIdentifier, "actual_length": n}}}
	}
	return nil
}

// WhoSignsIn finds the person by what was typed as their identifier, or returns
// nil for nobody. What cannot be an identifier is looked for all the same. The
// name is the identifier's canonical form.
func (s *Step) WhoSignsIn(ctx context.Context) (i *identity.Identity, name string, err error) {
	if name, err = identity.CanonicalIdentifier(s.typedIdentifier()); err != nil {
		name = s.typedIdentifier() // which nobody has: it would be canonical
	}
	i, err = s.engine.Identities.Store.ByIdentifier(ctx, name)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, name, nil
	}
	return i, name, err
}

// typedIdentifier is what a login is tried with: as submitted, or where a flow
// has settled it, as it is there.
func (s *Step) typedIdentifier() string {
	if s.Flow.Refreshes() {
		return s.Flow.notes.SignsInBy[s.Next.Active]
	}
	typed := s.Input.Body.String(ui.NodeIdentifier)
	if typed == "" && s.Flow.settled() {
		return s.Flow.Identifier()
	}
	return typed
}

// settled reports whether it has been said who signs in.
func (f *Flow) settled() bool {
	return f.Refreshes() || f.Stage() == StageHow || f.State == StateSentEmail
}

// IdentifierNode returns where a person types what they sign in with; hidden
// where the flow has settled that.
func (f *Flow) IdentifierNode(field *ui.IdentifierField) ui.Node {
	if !f.settled() {
		return field.Node(f.Locale, f.Identifier())
	}
	return ui.NewInput(ui.GroupDefault, ui.Input{Name: ui.NodeIdentifier, Type: ui.InputHidden, Value: f.Identifier()})
}
