package selfservice

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Answer is what came of the secret that a submit carried.
type Answer int

// NoAnswer: the submit carried no secret. Wrong and Right need no comment.
const (
	NoAnswer Answer = iota
	Wrong
	Right
)

// attempt is one submit over all its tries. A guess is paid for once, however
// often the submit starts over because others have moved the flow.
type attempt struct {
	tries  int
	secret bool   // it carries a secret that the flow waits for
	paid   []byte // MAC of the code that the guess was paid for
}

// weigh judges the secret a submit carries. A code is paid for first: the
// flow's count and the address's budget are committed before anything is
// compared, so that a crash or a race never gives a guess away. A token has
// 190 bits of its own and needs no budget; it works when all budgets are spent.
func (e *Engine) weigh(ctx context.Context, s *Step, a *attempt) error {
	code, token := typedCode(s.Input.Body.String(ui.NodeCode)), s.Input.Body.String(ui.NodeToken)
	if s.asksAgain() || code == "" && token == "" || s.Flow.State != StateSentEmail {
		return nil
	}
	s.Answer, a.secret = Wrong, true
	home, err := e.home(ctx, s.Flow)
	if err != nil || home == nil {
		return err
	}
	s.home = home
	c := home.notes.Challenge
	if token == "" {
		if c.Code == nil {
			return nil
		}
		if err := e.pay(ctx, s, a); err != nil {
			return err
		}
	}
	c = s.home.notes.Challenge
	right := e.answered(s.home, c, code, token)
	if right {
		right, err = e.holds(ctx, c)
	}
	if err == nil && right {
		s.Answer, s.Proven = Right, c
	}
	return err
}

// holds reports whether nothing has made c void since it was made, such as
// another proof of the same person. A void secret is wrong like any other.
func (e *Engine) holds(ctx context.Context, c *Challenge) (bool, error) {
	if c.IdentityID == uuid.Nil {
		return true, nil
	}
	i, err := e.Identities.Store.Identity(ctx, c.IdentityID)
	if errors.Is(err, identity.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	has := func(a identity.Address) bool { return a.ID == c.AddressID }
	return i.Epoch == c.Epoch && slices.ContainsFunc(i.Verifiable, has), nil
}

// asksAgain reports whether the submit asks for another message, which is what
// it is then about, whatever else it holds.
func (s *Step) asksAgain() bool {
	for _, name := range []string{ui.NodeResend, ui.NodeEmail, ui.NodeSMS} {
		if s.Input.Body.String(name) != "" {
			return true
		}
	}
	return false
}

// home is the flow that waits for the secret: f itself, or the one whose link
// led to f. It is nil where that one waits no more.
func (e *Engine) home(ctx context.Context, f *Flow) (*Flow, error) {
	home := f
	if from := f.notes.Followed; from != nil && from.Flow != f.ID {
		var err error
		home, err = e.load(ctx, f.Kind, from.Flow)
		if errors.Is(err, errNoFlow) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if home.Completed() || home.notes.Challenge == nil || home.Expired(e.Now()) {
		return nil, nil
	}
	return home, nil
}

// pay commits one guess at the code of s.home.
func (e *Engine) pay(ctx context.Context, s *Step, a *attempt) error {
	c := *s.home.notes.Challenge
	if bytes.Equal(a.paid, c.Code) {
		return nil
	}
	if c.Guesses >= e.Codes.Guesses {
		return tooManyGuesses("Too many codes were tried here. Open the link in the message, or start over.")
	}
	c.Guesses++
	counted := *s.home
	counted.Rev++
	n := counted.notes
	n.Challenge = &c
	e.sealNotes(&counted, n)
	within := false
	err := e.Store.Tx(ctx, func(ctx context.Context) (err error) {
		if err = e.Store.UpdateFlow(ctx, &counted); err != nil {
			return err
		}
		within, err = e.spendGuess(ctx, &c)
		return err
	})
	if err != nil {
		return err
	}
	e.countedOn(s, &counted)
	if !within {
		return tooManyGuesses("Too many codes were tried for this address. Open the link in the message, or try again later.")
	}
	a.paid = c.Code
	return nil
}

// countedOn goes on with the flow as it is now that the guess is counted.
func (e *Engine) countedOn(s *Step, counted *Flow) {
	if s.home == s.Flow {
		s.Flow = counted
		s.Next.Rev = counted.Rev + 1
		n := s.Next.notes
		n.Challenge = counted.notes.Challenge
		e.sealNotes(s.Next, n)
	}
	s.home = counted
}

func tooManyGuesses(reason string) error {
	return Refuse("", ui.ErrGeneric, map[string]any{"reason": reason})
}
