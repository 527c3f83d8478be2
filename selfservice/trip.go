package selfservice

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// OIDCID is the id of the strategy that asks OpenID providers.
const OIDCID = "oidc"

// trip is a client's way to somewhere else and back, sealed in the flow it left
// from. It is spent by a commit of its own before whoever it led to is asked, so
// that a state that comes back many times at once is looked at once.
type trip struct {
	Place  string          `json:"place"`  // where to, in the method's words
	Shared bool            `json:"shared"` // the address it comes back to names no place
	Secret []byte          `json:"secret"` // SHA-256 of the part of the state that nobody can guess
	Kept   json.RawMessage `json:"kept"`   // what the method needs at the return
	Until  time.Time       `json:"until"`
	// Binding is of the browser that left, as Flow.Binding is; nil of an app.
	Binding []byte `json:"binding,omitempty"`
	// Brought is what the provider has said to an app's browser. Nothing comes of it
	// before the app shows both codes: who is back may have been lured there.
	Brought *Assertion `json:"brought,omitempty"`
	Spent   time.Time  `json:"spent,omitzero"` // when the client was back
	Over    bool       `json:"over,omitempty"` // and was answered
	Led     *ledTo     `json:"led,omitempty"`  // by another flow than the trip's own
}

// returnsBy is what the address that the client comes back to names.
func (t *trip) returnsBy() string {
	if t.Shared {
		return ""
	}
	return t.Place
}

// ledTo is a flow in which the client goes on.
type ledTo struct {
	Kind Kind      `json:"kind"`
	ID   uuid.UUID `json:"id"`
}

// Return is what a client brings home from a trip.
type Return struct {
	Place  string            // that its address names; empty where it names none
	Params map[string]string // what came with it
	secret []byte
}

const (
	// tripTime is how long a client may be away (promised to be at most 10 minutes).
	tripTime = 10 * time.Minute
	// underway is how long a second arrival of the same state waits for the answer to
	// the first.
	underway      = 15 * time.Second
	underwayPause = 100 * time.Millisecond

	stateSecret = 24 // bytes
)

// errUnderway is the error for a return that another submit is about to answer.
var errUnderway = errors.New("selfservice: the same return is being answered")

var (
	errState = fail.New(fail.BadRequest, "oidc_state_invalid",
		"The state does not belong to a sign-in that was begun here in this browser and is still open. Please start again.")
	errRepeated = fail.New(fail.BadRequest, "oidc_parameter_repeated",
		"A parameter came back from the provider more than once, so that it is unclear which counts. Please start again.")
	errNeedsBrowser = fail.New(fail.BadRequest, "oidc_link_needs_browser",
		"A provider is linked in a browser that is signed in, by settings opened there.")
	errNoExchange = fail.New(fail.BadRequest, "session_token_exchange_required",
		"An app that signs in by a browser opens its flow with return_session_token_exchange_code=true, or sends an id_token.")
)

// tripKinds are the kinds of flows that clients leave, by the number that stands
// for them in a state.
var tripKinds = []Kind{Registration, Login, Settings}

// Depart sends the client elsewhere; plan tells where and what to keep for the
// method until the client is back with state, at an address that names the place
// unless it is shared. A flow knows the last trip only.
func (s *Step) Depart(place string, shared bool, plan func(state string) (to string, kept any, err error)) (Progress, error) {
	n := s.Next.notes
	switch {
	case s.Flow.Native && s.Flow.Kind == Settings:
		return Asked, errNeedsBrowser
	case s.Flow.Native && n.Exchange == nil:
		return Asked, errNoExchange
	}
	secret := make([]byte, stateSecret)
	rand.Read(secret)
	sum := sha256.Sum256(secret)
	to, kept, err := plan(stateOf(s.Flow, secret))
	if err != nil {
		return Asked, err
	}
	if n.Exchange != nil {
		n.Exchange = &exchange{Secret: n.Exchange.Secret}
	}
	n.Trip = &trip{Place: place, Shared: shared, Secret: sum[:], Binding: s.Input.Binding, Kept: mustJSON(kept), Until: s.engine.Now().UTC().Add(tripTime)}
	s.engine.sealNotes(s.Next, n)
	s.Elsewhere = to
	return Away, nil
}

// Back returns what a method kept when it sent the client away, and what the
// client has brought home; false where the client comes with a form.
func (s *Step) Back() (place string, kept json.RawMessage, params map[string]string, back bool) {
	if s.Input.Return == nil {
		return "", nil, nil, false
	}
	t := s.Flow.notes.Trip
	return t.Place, t.Kept, s.Input.Return.Params, true
}

// Brought is what a provider has said to the browser of an app that now shows both
// codes; nil where it is not that.
func (s *Step) Brought() *Assertion {
	if !s.Input.exchanges {
		return nil
	}
	return s.Flow.notes.Trip.Brought
}

// stateOf names a flow in the state of a trip from it.
func stateOf(f *Flow, secret []byte) string {
	raw := slices.Concat([]byte{byte(slices.Index(tripKinds, f.Kind))}, f.ID.Bytes(), secret)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// readState takes a state apart.
func readState(state string) (k Kind, id uuid.UUID, secret []byte, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil || len(raw) != 1+uuid.Size+stateSecret || int(raw[0]) >= len(tripKinds) {
		return "", uuid.Nil, nil, errState
	}
	return tripKinds[raw[0]], uuid.FromBytesOrNil(raw[1 : 1+uuid.Size]), raw[1+uuid.Size:], nil
}

// arrive spends the trip that the client is back from. Where it was spent before,
// the step it returns answers the client instead: by the flow as it stands. With
// errUnderway somebody else is about to answer it.
func (e *Engine) arrive(ctx context.Context, s *Step) (*Step, error) {
	back, t := s.Input.Return, s.Flow.notes.Trip
	if back == nil {
		return nil, nil
	}
	sum := sha256.Sum256(back.secret)
	switch {
	case t == nil || !bytes.Equal(sum[:], t.Secret) || back.Place != t.returnsBy(), !s.Flow.Native && !bytes.Equal(t.Binding, s.Input.Binding):
		return nil, errState
	case t.Over || !t.Spent.IsZero() && !s.attempt.back && e.Now().Sub(t.Spent) > underway:
		return e.ledBy(ctx, s) // whoever was to answer it is gone
	case !t.Spent.IsZero() && !s.attempt.back:
		return s.unchanged(), errUnderway
	}
	away, over := *t, *t
	if t.Spent.IsZero() {
		away.Spent = e.Now().UTC()
	}
	over.Spent, over.Over = away.Spent, true
	if t.Spent.IsZero() {
		spent := *s.Flow
		spent.Rev++
		n := spent.notes
		n.Trip = &away
		e.sealNotes(&spent, n)
		if err := e.Store.UpdateFlow(ctx, &spent); err != nil {
			return nil, err
		}
		s.attempt.back = true
		s.Flow, s.Next.Rev = &spent, spent.Rev+1
	}
	n := s.Next.notes
	n.Trip = &over
	e.sealNotes(s.Next, n)
	if !e.Now().Before(t.Until) {
		return e.refuse(ctx, s, []ui.Problem{{ID: ui.ErrAwayTooLong}})
	}
	return nil, nil
}

// ledBy is the flow that a trip led to, as it stands.
func (e *Engine) ledBy(ctx context.Context, s *Step) (*Step, error) {
	f, err := e.led(ctx, s.Flow)
	if err != nil {
		return nil, err
	}
	return (&Step{Flow: f, Input: s.Input, Schema: e.schema(f)}).unchanged(), nil
}

// strand notes on a flow whose step ended in an error that its trip is over, so
// that the same return is answered by the form. Where the store fails, too, that
// takes a while longer.
func (e *Engine) strand(ctx context.Context, s *Step) {
	f := s.Flow
	if s.from != nil {
		f = s.from
	}
	if s.Input.Return == nil || f.notes.Trip == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	over, t := *f, *f.notes.Trip
	over.Rev++
	t.Over = true
	n := f.notes
	n.Trip = &t
	e.sealNotes(&over, n)
	_ = e.Store.UpdateFlow(ctx, &over)
}
