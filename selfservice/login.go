package selfservice

import (
	"context"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/ui"
)

var (
	errAAL1Required = fail.New(fail.Unauthenticated, "session_aal1_required", "A second factor can be asked for only of who is signed in with a first one.")
	errMismatch     = fail.New(fail.Forbidden, "security_identity_mismatch", "The flow belongs to somebody else than who is signed in.")
)

// admitsLogin lets in who is not signed in, and who is and means to prove it
// again or with another factor.
func admitsLogin(f *Flow, s *session.Session) error {
	switch {
	case s == nil && f.SecondFactor():
		return errAAL1Required
	case s != nil && !f.Refreshes() && (!f.SecondFactor() || s.AAL == session.AAL2):
		return ErrSessionAvailable
	case s != nil && f.notes.Subject != s.IdentityID:
		return errMismatch
	}
	return nil
}

// Refreshes reports whether a login proves again who is signed in already.
func (f *Flow) Refreshes() bool { return f.notes.Refresh }

// SecondFactor reports whether a login asks for a second factor: a method that
// is none has no nodes then.
func (f *Flow) SecondFactor() bool { return f.notes.AAL == session.AAL2 }

func loginSays(f *Flow) []ui.Problem {
	switch {
	case f.State == StateSentEmail:
		return says(ui.InfoLoginCodeSent)
	case f.SecondFactor():
		return says(ui.InfoSecondFactor)
	case f.Refreshes():
		return says(ui.InfoRefresh)
	}
	return nil
}

// planLogin prepares the session: a new one, or of who is signed in already the
// same one, proved again. Either has a token of its own, and the old dies.
func planLogin(e *Engine, s *Step) error {
	aal := session.AAL1
	if s.Flow.SecondFactor() {
		aal = session.AAL2
	}
	own, device := s.Input.Session, s.Input.Device
	switch {
	case own == nil:
		s.Session, s.SessionToken = e.Sessions.Plan(s.Identity.ID, s.Next.Active, device)
	case own.IdentityID != s.Identity.ID:
		return errMismatch
	default:
		s.Session, s.SessionToken = e.Sessions.Replan(own, s.Next.Active, aal, device)
	}
	s.Session.Identity = s.person()
	return nil
}

func finishLogin(ctx context.Context, e *Engine, s *Step) error {
	if s.Revised == nil {
		// A password that is changed at this moment must open nothing once that is stored.
		err := e.Identities.Store.HoldIdentity(ctx, s.Identity)
		if errors.Is(err, identity.ErrOutdated) {
			return ErrStale
		}
		if err != nil {
			return err
		}
	}
	own, hash := s.Input.Session, session.Hash(s.SessionToken)
	if own == nil {
		return e.Sessions.Store.InsertSession(ctx, s.Session, hash)
	}
	err := e.Sessions.Store.Reauthenticate(ctx, s.Session, own.AuthenticatedAt, hash)
	if errors.Is(err, session.ErrNotFound) {
		return session.ErrInactive // it has ended, or was proved again by another submit
	}
	return err
}

// meet notes on n how the owner of a session signs in, who is to do so again in f.
func (e *Engine) meet(ctx context.Context, f *Flow, n *notes, s *session.Session) error {
	f.Values = mustJSON(typed{Identifier: e.identifierOf(s)})
	i, err := e.Identities.Store.Identity(ctx, s.IdentityID)
	if errors.Is(err, identity.ErrNotFound) {
		return session.ErrInactive
	}
	if err != nil {
		return err
	}
	n.Own = map[string]string{}
	for _, c := range i.Credentials {
		for _, name := range c.Identifiers {
			if n.Own[string(c.Type)] == "" && e.leadsIn(i, c.Type, name) {
				n.Own[string(c.Type)] = name
			}
		}
	}
	return nil
}

// leadsIn reports whether i can sign in by a credential with that name.
func (e *Engine) leadsIn(i *identity.Identity, t identity.CredentialType, name string) bool {
	switch via := identity.Channel(name); {
	case t == identity.CredentialPassword:
		return i.Password() != ""
	case via == identity.ViaSMS && !e.SMS:
		return false
	default:
		return reached(i, Challenge{Via: via, Canonical: name}) != nil
	}
}

// Offers reports whether a login has a use for a method, by its id: where it is
// known who signs in, whether they can do so by it.
func (f *Flow) Offers(method string) bool {
	return !f.SecondFactor() && (!f.Refreshes() || f.notes.Own[method] != "")
}

// identifierOf is what the owner of a session signs in with first, empty for
// nothing.
func (e *Engine) identifierOf(s *session.Session) string {
	own := e.Identities.Schemas.Get(s.Identity.SchemaID)
	var traits map[string]any
	if own == nil || decode(s.Identity.Traits, &traits) != nil {
		return ""
	}
	if names := identity.TypedIdentifiers(own, traits); len(names) > 0 {
		return names[0]
	}
	return ""
}

// typedIdentifier is what a login is tried with: as submitted, or where a flow
// has settled it, as it is there.
func (s *Step) typedIdentifier() string {
	if s.Flow.Refreshes() {
		return s.Flow.notes.Own[s.Next.Active]
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

// Unnamed returns the problem that nobody said who signs in, or that it is more
// than anybody can be called, nil for none.
func (s *Step) Unnamed() *ui.Problem {
	switch n := utf8.RuneCountInString(s.typedIdentifier()); {
	case n == 0:
		return &ui.Problem{Node: ui.NodeIdentifier, ID: ui.ErrRequired, Context: map[string]any{"property": ui.NodeIdentifier}}
	case n > identity.MaxIdentifier:
		return &ui.Problem{Node: ui.NodeIdentifier, ID: ui.ErrMaxLength, Context: map[string]any{"max_length": identity.MaxIdentifier, "actual_length": n}}
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

// SignIn makes i the person who has proved, by an identifier, to be themselves.
// Inactive ones are told so, now that it is sure who they are.
func (s *Step) SignIn(i *identity.Identity, name string) error {
	switch {
	case i.State != identity.StateActive:
		return Refuse("", ui.ErrIdentityDisabled, nil)
	case s.Flow.Refreshes() && i.ID != s.Flow.notes.Subject:
		return Refuse("", ui.ErrCredentials, nil)
	}
	s.Identity, s.identifier = i, name
	return nil
}

// AsksLoginCode reports whether a login that waits for a code is asked for
// another: again, or with another identifier.
func (s *Step) AsksLoginCode() bool {
	name, err := identity.CanonicalIdentifier(s.typedIdentifier())
	return s.asksAgain() || err == nil && name != s.Flow.notes.Challenge.Canonical
}

// AskLoginCode sends a code to the address that was typed as an identifier, if
// somebody signs in with it. Who asks cannot tell whether somebody does.
func (s *Step) AskLoginCode(ctx context.Context) error {
	e, before := s.engine, s.Flow.notes.Challenge
	i, name, err := s.WhoSignsIn(ctx)
	if err != nil {
		return err
	}
	c := Challenge{Via: identity.Channel(name), Address: s.typedIdentifier(), Canonical: name}
	if s.Flow.State == StateSentEmail && before.Via == c.Via && before.Canonical == c.Canonical && e.Now().Before(before.AvailableAt()) {
		return nil
	}
	recipient, a := c.Address, reached(i, c)
	if a != nil {
		c.IdentityID, c.AddressID, c.Epoch, recipient = i.ID, a.ID, i.Epoch, a.Value
	} else {
		i = nobody(s.Next, c.Address)
	}
	made := e.challenge(s.Next, c, true, a == nil)
	sent := s.Next.notes.Challenge
	l := letter{template: "login_code_valid", via: c.Via, recipient: recipient, locale: s.Next.Locale, data: e.letterData(s.Next, recipient, sent)}
	l.silent = a == nil || c.Via == identity.ViaSMS && !e.SMS
	l.data["login_code"], l.data["identity"] = made.code, identityData(i)
	s.Write(e.send(sent, l))
	return nil
}

// reached is the address by which i may sign in with a code sent to what c
// says, nil for none.
func reached(i *identity.Identity, c Challenge) *identity.Address {
	if i == nil {
		return nil
	}
	for n := range i.Verifiable {
		a := &i.Verifiable[n]
		if a.Via == c.Via && a.Canonical == c.Canonical && i.SignsIn(identity.CredentialCode, c.Canonical) && i.Usable(a) {
			return a
		}
	}
	return nil
}

// SignInByCode is SignIn for who has answered with the right code. That proves
// the address, too.
func (s *Step) SignInByCode() error {
	i, c := s.owner, s.Proven
	a := reached(i, *c)
	if a == nil {
		return Refuse("", ui.ErrLoginCode, nil)
	}
	if err := s.SignIn(i, c.Canonical); err != nil {
		return err
	}
	if !a.Verified {
		s.engine.proved(s, i, c)
	}
	return nil
}

// RequireVerified lets nobody in by an address that is not proved: the one they
// sign in with, or where that is no address, at least one. A verification flow is
// opened instead, if that can help.
func (s *Step) RequireVerified() error {
	i := s.person()
	var open *identity.Address
	for n := range i.Verifiable {
		a := &i.Verifiable[n]
		switch {
		case a.Canonical == s.identifier && a.Verified:
			return nil
		case a.Canonical == s.identifier:
			return s.unverified(a)
		case a.Verified && !slices.ContainsFunc(i.Verifiable, func(b identity.Address) bool { return b.Canonical == s.identifier }):
			return nil
		case open == nil:
			open = a
		}
	}
	return s.unverified(open)
}

// Unverified is returned to who has proved to be themselves, but may come in
// only once an address is proved. Step has the verification flow, if any.
type Unverified struct{ Step *Step }

func (*Unverified) Error() string { return "selfservice: the address is not verified" }

func (s *Step) unverified(a *identity.Address) error {
	s.Session, s.SessionToken, s.Revised, s.EndOthers, s.writes = nil, "", nil, false, nil
	s.Verification, s.ShowVerification = nil, false
	if a != nil && s.engine.verifies(a) {
		s.planVerification(a)
	}
	return &Unverified{Step: s}
}
