package selfservice

import (
	"context"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

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
	if s.Flow.State == StateSentEmail && before.sentTo(c) && e.Now().Before(before.AvailableAt()) {
		return nil
	}
	recipient, a := c.Address, reached(i, c)
	if a != nil {
		c.IdentityID, c.AddressID, c.Epoch, recipient = i.ID, a.ID, i.Epoch, a.Value
	} else {
		i = nobody(s.Next, c.Address)
	}
	made := e.challenge(s.Next, c, true, a == nil)
	l := e.letter(s.Next, "login_code_valid", recipient)
	l.silent = a == nil || c.Via == identity.ViaSMS && !e.SMS
	l.data["login_code"], l.data["identity"] = made.code, identityData(i)
	s.Write(e.send(s.Next.notes.Challenge, l))
	return nil
}

// reached is the address by which i may sign in with a code sent to what c
// says, nil for none.
func reached(i *identity.Identity, c Challenge) *identity.Address {
	if i == nil {
		return nil
	}
	a := i.Address(identity.ForVerification, c.Via, c.Canonical)
	if a == nil || !i.SignsIn(identity.CredentialCode, c.Canonical) || !i.Usable(a) {
		return nil
	}
	return a
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
