package selfservice

import (
	"context"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
)

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
	Elsewhere        string // where the client goes if the progress is Away

	Asserted *Assertion // who the client is as a provider says; nil where none was asked

	engine     *Engine
	owner      *identity.Identity // who has what Proven proves; nil for nobody yet
	identifier string             // that a login was tried with; canonical
	refills    bool               // whether anything came that the form refills
	paid       *attempt           // whose guess was a right code; nil for none
	home       *Flow              // that waits for the secret: Flow itself, or the one whose link led here
	from       *Flow              // that the step began in, where it goes on in another, which is not stored yet; else nil
	opened     *Step              // what hooks planned when they let that other flow be opened; nil for none
	stored     bool               // with the flow that it goes on in
	attempt    *attempt
	handed     string // the code that a browser hands to the app it came home for
	writes     []func(context.Context) error
	undo       []func(context.Context)
}

// Write plans fn as part of the commit. It may run more than once when the
// database asks for a retry, so it must hold no state of its own.
func (s *Step) Write(fn func(context.Context) error) { s.writes = append(s.writes, fn) }

// write stores what was planned beside.
func (s *Step) write(ctx context.Context) error {
	for _, write := range s.writes {
		if err := write(ctx); err != nil {
			return err
		}
	}
	return nil
}

// person is who the step is about, as they will be.
func (s *Step) person() *identity.Identity {
	if s.Revised != nil {
		return s.Revised
	}
	return s.Identity
}

// current is the session that the client has after the step, Nil for none.
func (s *Step) current() uuid.UUID {
	if signed := s.Signed(); signed != nil {
		return signed.ID
	}
	return uuid.Nil
}

// begins reports whether the step gives the client a session it did not have.
func (s *Step) begins() bool {
	return s.Session != nil && (s.Input.Session == nil || s.Input.Session.ID != s.Session.ID)
}

// binding is the browser's once it has the answer, which renews its CSRF
// secret when it signs a stranger in.
func (s *Step) binding() []byte {
	if s.begins() && !s.Flow.Native {
		return s.Input.NextBinding
	}
	return s.Flow.Binding
}

// unchanged answers with the flow as it is.
func (s *Step) unchanged() *Step {
	return &Step{Flow: s.Flow, Next: s.Flow, Input: s.Input, Schema: s.Schema, Progress: Asked}
}

// Request is what the client's HTTP request said, as it came.
type Request struct {
	Method string
	URL    string              // as the client wrote it, absolute
	Header map[string][]string // by canonical name; the server's own, not to be changed
	// Proxied tells that a trusted proxy sent it, so that its headers count.
	Proxied bool
}

// Input is what a client sent, with all that was learnt about the client.
type Input struct {
	Request Request
	Body    *web.Body // nil where a flow is opened
	Device  session.Device
	Session *session.Session  // the request's live session, nil for none
	Guard   func(*Flow) error // checks that this client may act on the flow
	Return  *Return           // what the client brings home; nil where it comes with a form
	Binding []byte            // of the browser as it is now, as Flow.Binding is; nil for native clients

	exchanges bool // the app shows both codes for what its browser has brought home
	// NextBinding is the binding of the browser once it is signed in; nil for
	// native clients. It is the same for every submit to one flow by one browser.
	NextBinding []byte

	nextSecret []byte
}
