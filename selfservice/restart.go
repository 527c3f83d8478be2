package selfservice

import "github.com/foyer-id/foyer/selfservice/ui"

// startsOver reports whether in is the first step of a flow that waits for a
// code already, with something changed: a browser's Back, and an address spelt
// right this time, or another way to sign in.
func (e *Engine) startsOver(f *Flow, in *Input) bool {
	name := in.Body.String(ui.NodeMethod)
	waits := f.Drafted() || f.Kind == Login && f.State == StateSentEmail
	if !waits || name == CodeID || e.draftedBy(f, in) {
		return false
	}
	return offers(e.method(f.Kind, name), e.restarted(f))
}

// restarted is f as it was before it waited for a code. What was counted stays so.
func (e *Engine) restarted(f *Flow) *Flow {
	back := *f
	n := f.notes
	n.Draft, n.Followed, n.Asserted = nil, nil, nil
	e.sealNotes(&back, n)
	back.State, back.Active = f.Kind.initial(), ""
	return &back
}
