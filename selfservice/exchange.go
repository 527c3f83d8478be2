package selfservice

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
)

// exchange is how an app gets the session that a browser, which the app cannot
// look into, brings home: the app alone has the code it got at first, the browser
// hands it the other, and both together work once.
type exchange struct {
	Secret string `json:"secret"`           // of the code the app has; the flow's id is the other half
	Return string `json:"return,omitempty"` // the code the browser hands over; empty until it is home
	Spent  bool   `json:"spent,omitempty"`
}

const (
	// exchangeable is how long the codes work once the browser is home.
	exchangeable = 10 * time.Minute

	halfCode  = 32           // characters
	wholeCode = 2 * halfCode // of each code
)

var (
	errExchangeUnknown = fail.New(fail.NotFound, "session_token_exchange_not_found", "No sign-in is to be had by these codes, or none yet.")
	errExchangeSpent   = fail.New(fail.Gone, "session_token_exchange_spent", "These codes have been exchanged already, and work once.")
)

func newExchange() *exchange { return &exchange{Secret: seal.Alphanumeric(halfCode)} }

// exchangeCode is what an app keeps to exchange later, empty where f was not
// opened for that.
func (f *Flow) exchangeCode() string {
	if f.notes.Exchange == nil {
		return ""
	}
	return hex.EncodeToString(f.ID.Bytes()) + f.notes.Exchange.Secret
}

// handOver notes on f, which the client is back at, the code by which its app
// gets what came of the trip.
func (e *Engine) handOver(s *Step, f *Flow) {
	n := f.notes
	if s.Input.Return == nil || n.Exchange == nil {
		return
	}
	if n.Exchange.Return == "" {
		x := *n.Exchange
		x.Return = seal.Alphanumeric(wholeCode)
		n.Exchange = &x
		e.sealNotes(f, n)
	}
	s.handed = n.Exchange.Return
}

// handed is the code that was handed over last, empty for none.
func (f *Flow) handed() string {
	if f.notes.Exchange == nil {
		return ""
	}
	return f.notes.Exchange.Return
}

// Exchange returns the session that a browser brought home for an app, with a
// token of its own, or where nobody could be signed in the flow to go on with, for
// the two codes. The codes of a session are spent.
func (e *Engine) Exchange(ctx context.Context, code, returned string) (s *session.Session, token string, unfinished *Flow, err error) {
	f, err := e.exchangedBy(ctx, code)
	if err != nil {
		return nil, "", nil, err
	}
	x := f.notes.Exchange
	if x == nil || x.Return == "" || !same(code, f.exchangeCode()) || !same(returned, x.Return) {
		return nil, "", nil, errExchangeUnknown
	}
	switch {
	case !f.Completed():
		unfinished, err = e.led(ctx, f)
		return nil, "", unfinished, err
	case x.Spent:
		return nil, "", nil, errExchangeSpent
	case f.Outcome.SessionID == uuid.Nil || e.Now().Sub(f.Outcome.At) > exchangeable:
		return nil, "", nil, errExchangeUnknown
	}
	spent, n := *f, f.notes
	spent.Rev++
	used := *x
	used.Spent = true
	n.Exchange = &used
	e.sealNotes(&spent, n)
	err = e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.Store.UpdateFlow(ctx, &spent); err != nil {
			return err
		}
		var err error
		s, token, err = e.Sessions.Renew(ctx, f.Outcome.SessionID)
		return err
	})
	switch {
	case errors.Is(err, ErrStale):
		return nil, "", nil, errExchangeSpent
	case errors.Is(err, session.ErrNotFound):
		return nil, "", nil, errExchangeUnknown
	}
	return s, token, nil, err
}

// exchangedBy is the flow that an app's code is of.
func (e *Engine) exchangedBy(ctx context.Context, code string) (*Flow, error) {
	if len(code) != wholeCode {
		return nil, errExchangeUnknown
	}
	raw, err := hex.DecodeString(code[:halfCode])
	if err != nil {
		return nil, errExchangeUnknown
	}
	for _, k := range []Kind{Registration, Login} {
		f, err := e.load(ctx, k, uuid.FromBytesOrNil(raw))
		if !errors.Is(err, errNoFlow) {
			return f, err
		}
	}
	return nil, errExchangeUnknown
}

// led is the flow in which f goes on: f itself, or the one that its trip led to.
func (e *Engine) led(ctx context.Context, f *Flow) (*Flow, error) {
	t := f.notes.Trip
	if t == nil || t.Led == nil {
		return f, nil
	}
	return e.load(ctx, t.Led.Kind, t.Led.ID)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
