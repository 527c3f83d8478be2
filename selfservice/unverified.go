package selfservice

import (
	"slices"

	"github.com/foyer-id/foyer/identity"
)

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
