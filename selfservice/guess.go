package selfservice

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Answer is what came of the secret that a submit carried.
type Answer int

// NoAnswer: the submit carried no secret. Exhausted: it did, and was not looked
// at, since too many were tried.
const (
	NoAnswer Answer = iota
	Wrong
	Right
	Exhausted
)

// attempt is one submit over all its tries. A guess is paid for once, however
// often the submit starts over because others have moved the flow.
type attempt struct {
	tries   int
	secret  bool      // it carries a secret that the flow waits for
	paid    []byte    // MAC of the code that the guess was paid for
	at      time.Time // when it was paid
	subject []byte    // whose budget it was paid from
	void    bool      // it was the secret, which something has made void, such as the same submit before

	back   bool          // the client is back from a trip that this submit has spent
	waited time.Duration // for another submit that had spent it
	learnt *learnt       // what it brought home, or carried itself, nil before that was asked
	again  bool          // whom that names was looked for anew

	asking context.Context // ends with the time that questions have; nil before the first
	asked  context.CancelFunc
}

// most is how often a submit is tried, a secret aside.
func (a *attempt) most() int {
	if a.learnt != nil {
		return maxSecretTries
	}
	return maxTries
}

// questions is when questions to others have to be answered, over all tries.
func (a *attempt) questions(ctx context.Context, limit time.Duration) context.Context {
	if a.asking == nil {
		a.asking, a.asked = context.WithTimeout(ctx, limit)
	}
	return a.asking
}

// waits lets another submit, which does the same, finish. It reports whether
// there is time left for that.
func (a *attempt) waits(ctx context.Context) bool {
	if a.waited >= underway {
		return false
	}
	a.waited += underwayPause
	a.tries--
	select {
	case <-ctx.Done():
		return false
	case <-time.After(underwayPause):
		return true
	}
}

func (a *attempt) end() {
	if a.asked != nil {
		a.asked()
	}
}

// weigh judges the secret a submit carries. A code is paid for first: the
// flow's count and the address's budget are committed before anything is
// compared, so that a crash or a race never gives a guess away. A token has
// 190 bits of its own and needs no budget; it works when all budgets are spent.
func (e *Engine) weigh(ctx context.Context, s *Step, a *attempt) error {
	code, token := typedCode(s.Input.Body.String(ui.NodeCode)), s.Input.Body.String(ui.NodeToken)
	if s.asksAgain() || code == "" && token == "" || s.Flow.State != StateSentEmail || s.Flow.onlyShows() {
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
	var owner *identity.Identity
	if right {
		owner, right, err = e.holds(ctx, c)
		a.void = !right
	}
	if err != nil || !right {
		return err
	}
	s.Answer, s.Proven, s.owner = Right, c, owner
	if token == "" {
		s.paid = a
		// What is right was no guess: signing in often must not use the budget up.
		s.Write(func(ctx context.Context) error {
			return e.Store.ReturnBudget(ctx, a.subject, a.at)
		})
	}
	return nil
}

// holds reports whether nothing has made c void since it was made, such as
// another proof of the same person, who is returned where there is one. A void
// secret is wrong like any other.
func (e *Engine) holds(ctx context.Context, c *Challenge) (owner *identity.Identity, ok bool, err error) {
	if c.IdentityID == uuid.Nil {
		return nil, true, nil
	}
	owner, err = e.Identities.Store.Identity(ctx, c.IdentityID)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	has := func(a identity.Address) bool { return a.ID == c.AddressID }
	return owner, owner.Epoch == c.Epoch && (c.AddressID == uuid.Nil || slices.ContainsFunc(owner.Verifiable, has) || slices.ContainsFunc(owner.Recovery, has)), nil
}

// onlyShows reports whether f shows a secret of another flow and can answer
// nothing: whoever reads a stranger's mail must not finish what that began.
func (f *Flow) onlyShows() bool {
	from := f.notes.Followed
	return f.Kind == Registration && from != nil && from.Flow != f.ID
}

// asksAgain reports whether the submit asks for another message, which is what
// it is then about, whatever else it holds.
func (s *Step) asksAgain() bool {
	if kinds[s.Flow.Kind].keeps == keepsAddress {
		return s.TypedAddress() != ""
	}
	return s.Input.Body.String(ui.NodeResend) != ""
}

// TypedAddress is the address that a message is asked for, empty for none.
func (s *Step) TypedAddress() string {
	return cmp.Or(s.Input.Body.String(ui.NodeEmail), s.Input.Body.String(ui.NodeSMS))
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

// errSpent undoes a guess that the address has no budget for: nothing is
// compared, so the flow's own count stays.
var errSpent = errors.New("selfservice: the address's budget of guesses is spent")

// pay commits one guess at the code of s.home.
func (e *Engine) pay(ctx context.Context, s *Step, a *attempt) error {
	c := *s.home.notes.Challenge
	if bytes.Equal(a.paid, c.Code) {
		return nil
	}
	if c.Guesses >= e.Codes.Guesses {
		s.Answer = Exhausted
		reason := "Too many codes were tried here. Open the link in the message, or start over."
		if !s.Flow.Kind.mailsLinks() {
			reason = "Too many codes were tried here. Please start over."
		}
		return Refuse("", ui.ErrGeneric, map[string]any{"reason": reason})
	}
	now := e.Now()
	c.Guesses++
	counted := *s.home
	counted.Rev++
	n := counted.notes
	n.Challenge = &c
	e.sealNotes(&counted, n)
	err := e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.Store.UpdateFlow(ctx, &counted); err != nil {
			return err
		}
		within, err := e.Store.SpendBudget(ctx, e.guessSubject(counted.Kind, &c), now, guessLimits)
		if err == nil && !within {
			err = errSpent
		}
		return err
	})
	if errors.Is(err, errSpent) {
		s.Answer = Exhausted
		if !s.Flow.Kind.mailsLinks() {
			return Refuse("", ui.ErrTooManyLoginCodes, nil)
		}
		return Refuse("", ui.ErrTooManyGuesses, nil)
	}
	if err != nil {
		return err
	}
	e.countedOn(s, &counted)
	a.paid, a.at, a.subject = c.Code, now, e.guessSubject(counted.Kind, &c)
	return nil
}

// countedOn goes on with the flow as it is now that the guess is counted, or is
// no more.
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

// giveBack undoes what a right code has cost where somebody outside has refused
// the step: they may agree the next time. Where the store fails it stays paid.
func (e *Engine) giveBack(ctx context.Context, s *Step) {
	if s.paid == nil {
		return
	}
	home := s.home
	for range maxSecretTries {
		uncounted, err := e.uncount(ctx, home, s.paid)
		switch {
		case err == nil:
			if s.paid.paid = nil; home == s.home {
				e.countedOn(s, uncounted)
			}
			return
		case !errors.Is(err, ErrStale):
			return
		}
		if home, err = e.load(ctx, home.Kind, home.ID); err != nil {
			return
		}
	}
}

// uncount takes one guess off home, if that still waits for the code it was made
// at, and gives it back to the address.
func (e *Engine) uncount(ctx context.Context, home *Flow, a *attempt) (*Flow, error) {
	uncounted := *home
	c, waits := home.notes.Challenge, !home.Completed()
	err := e.Store.Tx(ctx, func(ctx context.Context) error {
		if waits && c != nil && bytes.Equal(c.Code, a.paid) {
			less := *c
			less.Guesses--
			uncounted.Rev = home.Rev + 1
			n := home.notes
			n.Challenge = &less
			e.sealNotes(&uncounted, n)
			if err := e.Store.UpdateFlow(ctx, &uncounted); err != nil {
				return err
			}
		}
		return e.Store.ReturnBudget(ctx, a.subject, a.at)
	})
	return &uncounted, err
}

// budgetSubject is what an address is counted under: it tells nothing about it
// to who reads the database.
func (e *Engine) budgetSubject(purpose string, c *Challenge) []byte {
	return e.Ring.MAC("budget/"+purpose, []byte(c.Via), []byte(c.Canonical))
}

// guessLimits bound the codes that are evaluated for one address, over all
// flows and servers.
var guessLimits = []Limit{{Count: 10, Per: time.Hour}, {Count: 50, Per: 24 * time.Hour}}

// guessSubject is what guesses at codes for an address are counted under. Each
// kind of flow has its own, so that codes tried in one keep nobody out of another.
func (e *Engine) guessSubject(k Kind, c *Challenge) []byte {
	return e.budgetSubject("guess/"+string(k), c)
}
