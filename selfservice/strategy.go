package selfservice

import (
	"context"

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

// Asserter is a strategy that goes by what providers say of people.
type Asserter interface {
	// Trusts reports whether a provider is still configured, as the issuer it was.
	Trusts(provider, issuer string) bool
}

// Progress is how far a submit has brought a flow.
type Progress int

// Asked: the form is answered again. Done: the flow has reached its end. Away:
// the client goes elsewhere, and comes back to the flow.
const (
	Asked Progress = iota
	Done
	Away
)

// Refused is the error for what the person at the form can mend.
type Refused struct{ Problems []ui.Problem }

func (*Refused) Error() string { return "selfservice: refused, see problems" }

// Refuse returns a Refused with one problem on one node; an empty node means
// the whole form.
func Refuse(node string, id int, context map[string]any) error {
	return &Refused{Problems: []ui.Problem{{Node: node, ID: id, Context: context}}}
}
