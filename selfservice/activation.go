package selfservice

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// CodeOrder is what an operator asks for: a code for one address of a person.
type CodeOrder struct {
	IdentityID uuid.UUID
	Address    string        // empty for the first that is not proved, else the first
	Locale     string        // of the message; empty for the default
	Lifespan   time.Duration // zero for that of any code
	Send       bool          // also send the usual message
}

// IssuedCode is a code in the clear, for an operator's own delivery. It answers
// a verification flow of its own.
type IssuedCode struct {
	FlowID  uuid.UUID
	Address identity.Address
	Code    string
	// Long is the flow's id and a secret of 190 bits, which needs nothing beside it.
	Long      string
	Link      string // opens a page with a button that proves the address
	ExpiresAt time.Time
}

var (
	errNoAddress   = fail.New(fail.NotFound, "address_not_found", "The identity has no such verifiable address.")
	errUnreachable = fail.New(fail.BadRequest, "address_unreachable", "Messages to phones carry codes, which need an sms channel and selfservice.flows.verification.use: code. Deliver this one yourself, without send.")
	errNoCode      = fail.New(fail.NotFound, "activation_not_found", "There is no such code: it was never made, has expired, or its address has changed.")
	errExhausted   = fail.New(fail.TooMany, "activation_guesses_exhausted", "Too many codes were tried for this address or with this id. Make a new code, or use the long form.")
	errWrongCode   = fail.New(fail.BadRequest, "activation_code_invalid", "The code is wrong, has been used, or has expired.")
)

// IssueCode makes a code for an address and returns it in the clear. Every
// limit on guesses holds for it as for a code that was sent.
func (e *Engine) IssueCode(ctx context.Context, o CodeOrder) (*IssuedCode, error) {
	rules, err := e.rules(Verification)
	if err != nil {
		return nil, err
	}
	i, err := e.Identities.Store.Identity(ctx, o.IdentityID)
	if err != nil {
		return nil, err
	}
	a := chosenAddress(i, o.Address)
	switch {
	case a == nil:
		return nil, errNoAddress
	case o.Send && a.Via == identity.ViaSMS && !e.reachesPhones(Verification):
		return nil, errUnreachable
	}
	f := e.newFlow(Verification, i.SchemaID, Opening{
		Native: true, RequestURL: e.PublicURL + "/self-service/verification/api", Locale: o.Locale,
	})
	f.Active = rules.Use
	c := Challenge{Via: a.Via, Address: a.Value, Canonical: a.Canonical, IdentityID: i.ID, AddressID: a.ID, Epoch: i.Epoch}
	made := e.challenge(f, c, true, false)
	if o.Lifespan > 0 {
		e.prolong(f, o.Lifespan)
	}
	out := &IssuedCode{
		FlowID: f.ID, Address: *a, Code: made.code, Long: f.ID.String() + "." + made.token,
		Link: e.linkURL(f, made, false), ExpiresAt: f.notes.Challenge.ExpiresAt,
	}
	var send func(context.Context) error
	if o.Send {
		send = e.send(f.notes.Challenge, e.proofLetter(f, made, a.Value, i))
	}
	return out, e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.Store.InsertFlow(ctx, f); err != nil || send == nil {
			return err
		}
		return send(ctx)
	})
}

// chosenAddress is the verifiable address named, however it is spelled, or the
// one that needs proof first.
func chosenAddress(i *identity.Identity, named string) *identity.Address {
	var first *identity.Address
	for n := range i.Verifiable {
		a := &i.Verifiable[n]
		if named != "" {
			if name, err := identity.Canonical(a.Via, named); err == nil && name == a.Canonical {
				return a
			}
			continue
		}
		if !a.Verified {
			return a
		}
		if first == nil {
			first = a
		}
	}
	return first
}

// Activate answers a code that IssueCode made: the six digits with the flow's
// id, or the long form by itself. It returns what was proved. It is a submit
// like any other, so nothing is counted or compared in another way.
func (e *Engine) Activate(ctx context.Context, id uuid.UUID, code string) (*Challenge, error) {
	fields := map[string]any{ui.NodeCode: code}
	if flow, token, long := strings.Cut(code, "."); long {
		named := uuid.FromStringOrNil(flow)
		if id != uuid.Nil && id != named {
			return nil, errNoCode
		}
		id = named
		fields = map[string]any{ui.NodeToken: token}
	}
	rules, err := e.rules(Verification)
	if err != nil {
		return nil, err
	}
	fields[ui.NodeMethod] = rules.Use
	s, err := e.Submit(ctx, Verification, id, &Input{
		Body:  &web.Body{Fields: fields},
		Guard: func(f *Flow) error { return nil },
	})
	var expired *Expired
	switch {
	case errors.Is(err, errNoFlow), errors.As(err, &expired):
		return nil, errNoCode
	case err != nil:
		return nil, err
	case s.Progress == Done && s.Proven != nil:
		return s.Proven, nil
	case s.Answer == Exhausted:
		return nil, errExhausted
	}
	return nil, errWrongCode
}
