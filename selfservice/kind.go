package selfservice

import (
	"context"
	"time"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// kind is what sets one kind of flow apart. All five stand in one table.
type kind struct {
	expired   int      // message on the successor of an expired flow
	completed int      // message for any further submit to a completed flow
	noMethod  int      // message for a submit that names no method
	methods   []string // what the protocol knows for this kind, enabled or not
	groups    []string // the order in which groups of nodes are drawn; nil leaves them as the methods have them
	asked     int      // status of an answer that asks for more, by the protocol
	keeps     keeping  // what of a submit is kept to be shown again
	proves    *proving // what an address is proved for; nil where the kind asks for none
	stays     bool     // a completed flow is shown as it ended, not with the message completed
	reopens   bool     // a flow that is done may be submitted again
	// admits says whether who holds session, nil for nobody, may open and submit f.
	admits func(f *Flow, s *session.Session) error
	// says is what the form itself tells when there are no problems.
	says func(f *Flow) []ui.Problem
	// plan prepares the end, before hooks have their say. It may be nil.
	plan func(e *Engine, s *Step) error
	// finish stores what the flow is for. It runs in the commit's transaction.
	// It may be nil.
	finish func(ctx context.Context, e *Engine, s *Step) error
}

// keeping is what a form refills.
type keeping int

const (
	keepsTraits keeping = iota
	keepsAddress
	keepsIdentifier
)

// proving is what an address is proved for.
type proving struct {
	purpose  identity.Purpose // which of a person's addresses count
	template string           // of messages; "_code" follows where they carry one
}

var kinds = map[Kind]kind{
	Registration: {
		expired:   ui.ErrRegistrationExpired,
		completed: ui.ErrRegistrationCompleted,
		noMethod:  ui.ErrNoRegistrationMethod,
		methods:   []string{"password", "oidc", "code", "webauthn", "passkey", "profile"},
		groups:    []string{"oidc", "saml", ui.GroupDefault, "webauthn", "passkey", "code", "captcha", ui.GroupProfile},
		asked:     400,
		keeps:     keepsTraits,
		admits:    admitsStrangers,
		says:      registrationSays,
		finish:    finishRegistration,
	},
	Login: {
		expired:   ui.ErrLoginExpired,
		completed: ui.ErrLoginCompleted,
		noMethod:  ui.ErrNoLoginMethod,
		methods:   []string{"password", "oidc", "code", "webauthn", "passkey", "totp", "lookup_secret", "identifier_first"},
		groups:    []string{"oidc", ui.GroupDefault, ui.GroupIdentifierFirst, "webauthn", "passkey", "code", ui.GroupPassword, "totp", "lookup_secret"},
		asked:     400,
		keeps:     keepsIdentifier,
		admits:    admitsLogin,
		says:      loginSays,
		plan:      planLogin,
		finish:    finishLogin,
	},
	Verification: {
		expired:   ui.ErrVerificationExpired,
		completed: ui.ErrVerificationCompleted,
		noMethod:  ui.ErrNoVerificationMethod,
		methods:   []string{"code", "link"},
		asked:     200,
		keeps:     keepsAddress,
		proves:    &proving{purpose: identity.ForVerification, template: "verification"},
		admits:    admitsAnybody,
		stays:     true,
		says:      verificationSays,
		plan:      planMove,
		finish:    finishVerification,
	},
	Recovery: {
		expired:   ui.ErrRecoveryExpired,
		completed: ui.ErrRecoveryCompleted,
		noMethod:  ui.ErrNoRecoveryMethod,
		methods:   []string{"code", "link"},
		asked:     200,
		keeps:     keepsAddress,
		proves:    &proving{purpose: identity.ForRecovery, template: "recovery"},
		admits:    admitsRecovery,
		says:      recoverySays,
		plan:      planRecovery,
		finish:    finishRecovery,
	},
	Settings: {
		expired:  ui.ErrSettingsExpired,
		noMethod: ui.ErrNoSettingsMethod,
		methods:  []string{"profile", "password", "oidc", "totp", "lookup_secret", "webauthn", "passkey"},
		groups:   []string{ui.GroupDefault, ui.GroupProfile, ui.GroupPassword, "oidc", "lookup_secret", "webauthn", "passkey", "totp"},
		asked:    200,
		keeps:    keepsTraits,
		reopens:  true,
		admits:   admitsOwner,
		says:     settingsSays,
		finish:   finishSettings,
	},
}

// initial is the state in which a flow begins.
func (k Kind) initial() State {
	if k == Settings {
		return StateShowForm
	}
	return StateChooseMethod
}

// mailsLinks reports whether messages of flows of this kind hold links to them.
func (k Kind) mailsLinks() bool { return k == Registration || kinds[k].proves != nil }

// CodeID is the id of the strategy that draws forms for codes.
const CodeID = "code"

// Rules is what an operator configures for one kind of flow.
type Rules struct {
	Enabled        bool
	UIURL          string // the page that draws the form
	Lifespan       time.Duration
	ReturnTo       string            // where a browser goes when done; empty for the general default
	MethodReturnTo map[string]string // the same by strategy, before ReturnTo
	Before         []Hook            // when a flow is opened
	After          []Hook            // for every method
	AfterMethod    map[string][]Hook // by strategy, besides After

	TwoSteps      bool          // registration, login: first who somebody is, then how they prove it
	ProveFirst    bool          // registration: an address is proved before the identity exists
	Use           string        // verification, recovery: id of the strategy that proves addresses
	NotifyUnknown bool          // verification, recovery: write to addresses that nobody has, too
	HoldsBack     bool          // settings: a new address waits until it is proved, stealth or not
	Privileged    time.Duration // settings: how long after authentication what matters may be changed
}

// admitsStrangers is for flows that make no sense to who is signed in.
func admitsStrangers(_ *Flow, s *session.Session) error {
	if s != nil {
		return ErrSessionAvailable
	}
	return nil
}

func admitsAnybody(*Flow, *session.Session) error { return nil }

// says is a form's message with an id.
func says(id int) []ui.Problem { return []ui.Problem{{ID: id}} }
