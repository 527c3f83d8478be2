package selfservice

import (
	"context"
	"errors"
	"time"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// kind is what sets one kind of flow apart. All five stand in one table; a
// kind without finish cannot be opened.
type kind struct {
	initial   State
	expired   int      // message on the successor of an expired flow
	completed int      // message for any further submit to a completed flow
	noMethod  int      // message for a submit that names no method
	methods   []string // what the protocol knows for this kind, enabled or not
	groups    []string // the order in which groups of nodes are drawn
	// finish stores what the flow is for. It runs in the commit's transaction.
	finish func(ctx context.Context, e *Engine, s *Step) error
}

var kinds = map[Kind]kind{
	Registration: {
		initial:   StateChooseMethod,
		expired:   ui.ErrRegistrationExpired,
		completed: ui.ErrRegistrationCompleted,
		noMethod:  ui.ErrNoRegistrationMethod,
		methods:   []string{"password", "oidc", "code", "webauthn", "passkey", "profile"},
		groups:    []string{"oidc", "saml", ui.GroupDefault, "webauthn", "passkey", "code", "captcha", "profile"},
		finish:    finishRegistration,
	},
	Login:        {initial: StateChooseMethod},
	Verification: {initial: StateChooseMethod},
	Recovery:     {initial: StateChooseMethod},
	Settings:     {initial: StateShowForm},
}

// Rules is what an operator configures for one kind of flow.
type Rules struct {
	Enabled        bool
	UIURL          string // the page that draws the form
	Lifespan       time.Duration
	ReturnTo       string            // where a browser goes when done; empty for the general default
	MethodReturnTo map[string]string // the same by strategy, before ReturnTo
	After          []Hook            // for every method
	AfterMethod    map[string][]Hook // by strategy, besides After
}

// hooks lists what runs when a flow is finished by a strategy: global ones
// first, then the strategy's, then those that asked to be last.
func (r *Rules) hooks(strategy string) []Hook {
	var first, last []Hook
	for _, list := range [][]Hook{r.After, r.AfterMethod[strategy]} {
		for _, h := range list {
			if h.Last {
				last = append(last, h)
			} else {
				first = append(first, h)
			}
		}
	}
	return append(first, last...)
}

// finishRegistration is what a registration is for: the identity comes to be.
func finishRegistration(ctx context.Context, e *Engine, s *Step) error {
	err := e.Identities.Create(ctx, s.Identity)
	if errors.Is(err, identity.ErrTaken) {
		return Refuse("", ui.ErrTaken, nil)
	}
	return err
}
