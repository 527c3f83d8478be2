package selfservice

import (
	"context"
	"time"

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
	groups    []string // the order in which groups of nodes are drawn; nil leaves them as the methods have them
	asked     int      // status of an answer that asks for more, by the protocol
	traits    bool     // a submit may carry traits, which are kept to be shown again
	address   bool     // the same for an address
	anybody   bool     // who is signed in may open and submit it, too
	stays     bool     // a completed flow is shown as it ended, not with the message completed
	// says is the message of the form itself when there are no problems, 0 for none.
	says func(f *Flow) int
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
		asked:     400,
		traits:    true,
		says:      registrationSays,
		finish:    finishRegistration,
	},
	Verification: {
		initial:   StateChooseMethod,
		expired:   ui.ErrVerificationExpired,
		completed: ui.ErrVerificationCompleted,
		noMethod:  ui.ErrNoVerificationMethod,
		methods:   []string{"code", "link"},
		asked:     200,
		address:   true,
		anybody:   true,
		stays:     true,
		says:      verificationSays,
		finish:    finishVerification,
	},
	Login:    {initial: StateChooseMethod},
	Recovery: {initial: StateChooseMethod},
	Settings: {initial: StateShowForm},
}

// CodeID is the id of the strategy that draws forms for codes.
const CodeID = "code"

// Rules is what an operator configures for one kind of flow.
type Rules struct {
	Enabled        bool
	UIURL          string // the page that draws the form
	Lifespan       time.Duration
	ReturnTo       string            // where a browser goes when done; empty for the general default
	MethodReturnTo map[string]string // the same by strategy, before ReturnTo
	After          []Hook            // for every method
	AfterMethod    map[string][]Hook // by strategy, besides After

	ProveFirst    bool   // registration: an address is proved before the identity exists
	Use           string // verification: id of the strategy that proves addresses
	NotifyUnknown bool   // verification: write to addresses that nobody has, too
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
