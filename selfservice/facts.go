package selfservice

import (
	"encoding/json"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// FlowFacts is the step's flow as hooks are told of it: as the protocol has it,
// with the transient_payload and without a form, which holds what was typed and
// what proves that a browser owns the flow.
func (s *Step) FlowFacts() json.RawMessage {
	v := s.engine.describe(s.Next)
	v.UI = ui.Form{Action: s.engine.submitURL(s.Next), Method: "POST", Nodes: []ui.Node{}}
	return mustJSON(v)
}

// Person is who the step is about, as they will be once it is stored; nil for
// nobody.
func (s *Step) Person() *identity.Identity {
	if i := s.person(); i != nil || s.owner == nil || s.Proven == nil {
		return i
	}
	proved := s.owner.Clone()
	proved.Prove(s.Proven.Via, s.Proven.Canonical)
	return proved
}

// Signed is the session that the client has after the step, nil for none.
func (s *Step) Signed() *session.Session {
	if s.Session != nil {
		return s.Session
	}
	if own := s.Input.Session; own != nil && s.person() != nil && own.IdentityID == s.person().ID {
		return own
	}
	return nil
}
