package selfservice

import (
	"context"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Strategy is one way to prove something. It has a method for each kind of
// flow it takes part in.
type Strategy interface {
	ID() string
	Methods() map[Kind]Method
}

// Method is one strategy's part in one kind of flow.
type Method interface {
	// Form returns the method's nodes for f, and none where it is not offered.
	// It depends on f alone and changes nothing.
	Form(f *Flow) []ui.Node
	// Apply judges a submit. It plans what to write and writes nothing; what a
	// person can mend is returned as Refused. It may be slow: no transaction
	// is open yet.
	Apply(ctx context.Context, s *Step) (Progress, error)
}

// Progress is how far a submit has brought a flow.
type Progress int

// Asked: the form is answered again. Done: the flow has reached its end.
const (
	Asked Progress = iota
	Done
)

// Hook runs when a submit is valid and nothing is stored yet. It may veto with
// Refused, or plan writes. Name is the one in the configuration.
type Hook struct {
	Name string
	Last bool // runs after all others, whatever the order in the configuration
	Run  func(ctx context.Context, s *Step) error
}

// Step is one submit on its way. It is never stored.
type Step struct {
	Flow   *Flow // as it was read; nobody changes it
	Next   *Flow // what it becomes if the commit succeeds
	Input  *Input
	Schema *schema.Schema
	Traits map[string]any // as submitted, in the schema's types, not validated; nil where none were

	Answer       Answer     // what came of the secret that was sent with the submit
	Proven       *Challenge // what the right answer proves
	Progress     Progress
	Refused      bool               // Asked because of problems, which are on Next
	Identity     *identity.Identity // whom the step is about; drafted by a registration
	Revised      *identity.Identity // what Identity is once the step is stored; nil leaves it as it is
	EndOthers    bool               // every other session of Identity ends with it
	Session      *session.Session   // planned or found; nil for none
	SessionToken string             // the secret that leads to Session

	Verification     *Flow  // planned beside: where an address of Identity is proved
	Verifying        string // that address
	ShowVerification bool   // the client is to go there next
	Settings         *Flow  // planned beside a recovery: where the client goes next

	engine     *Engine
	owner      *identity.Identity // who has what Proven proves; nil for nobody yet
	identifier string             // that a login was tried with; canonical
	home       *Flow              // that waits for the secret; Flow itself, or the one whose link led here
	writes     []func(context.Context) error
}

// Write plans fn as part of the commit. It may run more than once when the
// database asks for a retry, so it must hold no state of its own.
func (s *Step) Write(fn func(context.Context) error) { s.writes = append(s.writes, fn) }

// Input is what a client sent, with all that was learnt about the client.
type Input struct {
	Body    *web.Body
	Device  session.Device
	Session *session.Session  // the request's live session, nil for none
	Guard   func(*Flow) error // checks that this client may act on the flow
	// NextBinding is the binding of the browser once it is signed in; nil for
	// native clients. It is the same for every submit to one flow by one browser.
	NextBinding []byte

	nextSecret []byte
}

// Refused is the error for what the person at the form can mend.
type Refused struct{ Problems []ui.Problem }

func (*Refused) Error() string { return "selfservice: refused, see problems" }

// Refuse returns a Refused with one problem on one node; an empty node means
// the whole form.
func Refuse(node string, id int, context map[string]any) error {
	return &Refused{Problems: []ui.Problem{{Node: node, ID: id, Context: context}}}
}
