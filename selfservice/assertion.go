package selfservice

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
)

// Assertion is what a provider says about the client (NIST SP 800-63C), once the
// method has made sure that it is the provider who says it, to us and now.
type Assertion struct {
	Method   string          `json:"method"`   // the strategy that asked
	Provider string          `json:"provider"` // its id for the provider
	Label    string          `json:"label"`    // what people call the provider
	Issuer   string          `json:"issuer"`
	Subject  string          `json:"subject"` // the person, at Issuer
	Traits   json.RawMessage `json:"traits,omitempty"`
	Public   json.RawMessage `json:"metadata_public,omitempty"`
	Admin    json.RawMessage `json:"metadata_admin,omitempty"`
	Proved   []Proved        `json:"proved,omitempty"`  // addresses whose proof by the provider counts here
	Tokens   []byte          `json:"tokens,omitempty"`  // sealed, nil where they are not kept
	AAL2     bool            `json:"aal2,omitempty"`    // the provider has seen two factors
	AtOnce   bool            `json:"at_once,omitempty"` // it is linked to who has proved the same address without asking them

	// Renewed is what the provider says now of somebody it is linked to already;
	// nil where that changes nothing.
	Renewed func(ctx context.Context, i *identity.Identity) (*Assertion, error) `json:"-"`
}

// Proved is an address that is somebody's.
type Proved struct {
	Via   string `json:"via"`
	Value string `json:"value"`
}

// link is what the person's credential keeps.
func (a *Assertion) link() identity.Link {
	return identity.Link{Provider: a.Provider, Issuer: a.Issuer, Subject: a.Subject, Tokens: a.Tokens}
}

// proves reports whether a counts as the proof of an address.
func (a *Assertion) proves(via, canonical string) bool {
	for _, p := range a.Proved {
		if name, err := identity.Canonical(p.Via, p.Value); err == nil && p.Via == via && name == canonical {
			return true
		}
	}
	return false
}

// distrust forgets what a provider has said who is not configured any more.
func (e *Engine) distrust(f *Flow) {
	if a := f.notes.Asserted; a != nil && !e.trusts(a.Method, a.Provider, a.Issuer) {
		f.notes.Asserted = nil
	}
	if t := f.notes.Trip; t != nil && t.Brought != nil && !e.trusts(t.Brought.Method, t.Brought.Provider, t.Brought.Issuer) {
		nothing := *t
		nothing.Brought = nil
		f.notes.Trip = &nothing
	}
	if l := f.notes.Linking; l != nil && !e.trusts(l.Assertion.Method, l.Assertion.Provider, l.Assertion.Issuer) {
		f.notes.Linking = nil
	}
}

func (e *Engine) trusts(strategy, provider, issuer string) bool {
	for _, s := range e.Strategies {
		if asserter, ok := s.(Asserter); ok && s.ID() == strategy {
			return asserter.Trusts(provider, issuer)
		}
	}
	return false
}

// Assertion is what a provider said in f, whose person still has to say the
// rest; nil for nothing.
func (f *Flow) Assertion() *Assertion { return f.notes.Asserted }

// excludes reports whether f goes on with another method only.
func (f *Flow) excludes(method string) bool {
	a := f.notes.Asserted
	return a != nil && a.Method != method
}

// learnt is what asking a provider has come to.
type learnt struct {
	said *Assertion
	err  error
}

// Learn returns what ask does, which is asked once over all tries of a submit.
func (s *Step) Learn(ask func() (*Assertion, error)) (*Assertion, error) {
	if s.attempt.learnt == nil {
		said, err := ask()
		s.attempt.learnt = &learnt{said, err}
	}
	return s.attempt.learnt.said, s.attempt.learnt.err
}

// SpendOnce reports whether a secret is spent for the first time within a span of
// time, and spends it, whatever becomes of the step.
func (s *Step) SpendOnce(ctx context.Context, purpose string, secret []byte, within time.Duration) (first bool, err error) {
	e := s.engine
	sum := sha256.Sum256(append([]byte("spent/"+purpose+"/"), secret...)) // no key: what is spent stays so when keys change
	err = e.Store.Tx(ctx, func(ctx context.Context) error {
		var err error
		first, err = e.Store.SpendBudget(ctx, sum[:], e.Now(), []Limit{{Count: 1, Per: within}})
		return err
	})
	return first, err
}

// describe puts a's metadata on i.
func (a *Assertion) describe(i *identity.Identity) {
	if a.Public != nil {
		i.MetadataPublic = a.Public
	}
	if a.Admin != nil {
		i.MetadataAdmin = a.Admin
	}
}

// vouch notes on i, who is drafted, what a proves.
func (a *Assertion) vouch(i *identity.Identity) {
	for n := range i.Verifiable {
		if p := &i.Verifiable[n]; a.proves(p.Via, p.Canonical) {
			p.Verified, p.Status, p.VerifiedAt = true, identity.AddressCompleted, i.CreatedAt
		}
	}
}

// Proof is how the client has proved to be the step's person, for their session.
func (s *Step) Proof() session.Method {
	m := session.Method{Method: s.Next.Active, AAL: session.AAL1}
	if s.Flow.SecondFactor() {
		m.AAL = session.AAL2
	}
	if a := s.Asserted; a != nil {
		m.Provider = a.Provider
		if a.AAL2 {
			m.AAL = session.AAL2
		}
	}
	return m
}
