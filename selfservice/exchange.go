package selfservice

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// exchange is how an app gets the session that a browser, which the app cannot
// look into, brings home: the app alone has the code it got at first, the browser
// hands it the other, and both together work once.
type exchange struct {
	Secret string `json:"secret"`           // of the code the app has; the flow's id is the other half
	Return string `json:"return,omitempty"` // the code the browser hands over; empty until it is home
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

// handOver notes on f, which the client is back at, the code by which its app goes
// on: a new one at each return, that is told to this very client and never again.
// Whoever has opened the flow knows its state, and could ask for the answer to
// somebody else's return.
func (e *Engine) handOver(s *Step, f *Flow) {
	n := f.notes
	if s.Input.Return == nil || n.Exchange == nil {
		return
	}
	x := *n.Exchange
	x.Return = seal.Alphanumeric(wholeCode)
	n.Exchange = &x
	e.sealNotes(f, n)
	s.handed = x.Return
}

// Exchange goes on with what a browser has brought home for an app, which shows the
// two codes: the step is done, and the codes are spent, or it is what is left to do.
// Where the browser came home with nothing there is no step, but the flow that says why.
func (e *Engine) Exchange(ctx context.Context, code, returned string, in *Input) (*Step, *Flow, error) {
	f, err := e.exchangedBy(ctx, code)
	if err != nil {
		return nil, nil, err
	}
	if err := e.entitled(f, code, returned); err != nil {
		return nil, nil, err
	}
	if t := f.notes.Trip; t == nil || t.Brought == nil {
		unfinished, err := e.led(ctx, f)
		return nil, unfinished, err
	}
	in.exchanges = true
	in.Body = &web.Body{Fields: map[string]any{ui.NodeMethod: OIDCID, "return_to_code": returned}}
	in.Guard = func(f *Flow) error { return e.entitled(f, code, returned) }
	step, err := e.Submit(ctx, f.Kind, f.ID, in)
	return step, nil, err
}

// entitled checks the codes for what came home to f, and that it is not long ago.
func (e *Engine) entitled(f *Flow, code, returned string) error {
	x, t := f.notes.Exchange, f.notes.Trip
	switch {
	case x == nil || x.Return == "" || !same(code, f.exchangeCode()) || !same(returned, x.Return):
		return errExchangeUnknown
	case f.Completed():
		return errExchangeSpent
	case t != nil && e.Now().Sub(t.Spent) > exchangeable:
		return errExchangeUnknown
	}
	return nil
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
