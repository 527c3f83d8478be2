package selfservice

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/gofrs/uuid"
	"golang.org/x/text/language"
	"golang.org/x/time/rate"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Engine runs flows of every kind. It is safe for concurrent use; its fields
// are not changed once it serves.
type Engine struct {
	Store      Store
	Identities *identity.Manager
	Sessions   *session.Manager
	Strategies []Strategy // enabled ones, in the order their nodes are drawn
	Rules      map[Kind]*Rules
	Return     *web.ReturnTo
	Messages   ui.Catalogue
	Locales    language.Matcher // of the languages that forms or messages are written in
	Ring       *seal.Ring       // seals private notes, keys fingerprints
	PublicURL  string           // no slash at its end
	LinkURL    string           // what mailed links begin with; no slash at its end
	Now        func() time.Time

	Courier       *courier.Courier // queues messages; nil where no flow sends any
	Codes         Codes
	MessageLimits []Limit       // messages to one address
	Flood         *rate.Limiter // messages of this server to anybody; nil for no limit
	SMS           bool          // whether phones can be written to
	Stealth       bool          // a taken and a free identifier are answered alike
	HookTime      time.Duration // for all hooks of a step that ask outside, together
	RevokeOnProof bool          // a verification that is an address's first proof, and any recovery, end all other sessions
}

// Opening is what a client asks for when it opens a flow.
type Opening struct {
	Native         bool
	Binding        []byte // see Flow.Binding; nil when native
	RequestURL     string
	ReturnTo       string // as asked for, unchecked
	IdentitySchema string // empty for the default
	LoginHint      string
	State          string // opaque to us, given back at the end
	Locale         string // what the person reads, as a BCP 47 tag or an Accept-Language header, best first; empty for any
	Session        *session.Session
	Request        Request
	Device         session.Device
	Refresh        bool        // login: prove again who is signed in
	AAL            session.AAL // login: how sure it is to be; empty for AAL1
	SkipSettings   bool        // recovery: go where the person wanted to, without choosing a new password
	Exchange       bool        // native: a browser will bring home what the app then asks for
}

// errNoFlow is what a client is told where ErrNoFlow was found.
var errNoFlow = fail.New(fail.NotFound, "self_service_flow_not_found", "There is no such flow with this id.")

// maxOpaque bounds what a client may have carried through a flow unread.
const maxOpaque = 2048

// ErrSessionAvailable is returned to clients that are signed in already.
var ErrSessionAvailable = fail.New(fail.BadRequest, "session_already_available", "A valid session was detected and thus this flow is not possible.")

// Start opens a flow and stores it. Nothing is stored when it refuses.
func (e *Engine) Start(ctx context.Context, k Kind, o Opening) (*Flow, error) {
	rules, err := e.rules(k)
	if err != nil {
		return nil, err
	}
	if k == Login && !slices.Contains([]session.AAL{"", session.AAL1, session.AAL2}, o.AAL) {
		return nil, fail.New(fail.BadRequest, "aal_invalid", "The query parameter aal is aal1 or aal2.")
	}
	n := e.firstNotes(k, o)
	if err := kinds[k].admits(&Flow{Kind: k, notes: n}, o.Session); err != nil {
		return nil, err
	}
	if o.ReturnTo != "" {
		if o.ReturnTo, err = e.Return.Check(o.ReturnTo); err != nil {
			return nil, err
		}
	}
	if len(o.State) > maxOpaque || len(o.LoginHint) > maxOpaque {
		return nil, fail.New(fail.BadRequest, "parameter_too_long", "The parameters state and login_hint may have 2048 bytes at most.")
	}
	s, err := e.chooseSchema(o.IdentitySchema)
	if err != nil {
		return nil, err
	}
	f := e.newFlow(k, s.ID, o)
	f.Active = rules.Use
	f.Values = prefill(k, s, o.LoginHint)
	if n.Refresh {
		if err := e.prepareRefresh(ctx, f, &n, o.Session); err != nil {
			return nil, err
		}
	}
	e.sealNotes(f, n)
	if k == Settings {
		if err := e.readOwner(ctx, f); err != nil {
			return nil, err
		}
		f.SchemaID = f.owner.SchemaID
	}
	return f, e.open(ctx, f, o)
}

// open stores a flow that hooks let be opened, with what they planned.
func (e *Engine) open(ctx context.Context, f *Flow, o Opening) error {
	if len(e.Rules[f.Kind].Before) == 0 {
		return e.Store.InsertFlow(ctx, f)
	}
	s, err := e.letOpen(ctx, f, &Input{Request: o.Request, Device: o.Device, Session: o.Session})
	if err != nil {
		return err
	}
	return e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.Store.InsertFlow(ctx, f); err != nil {
			return err
		}
		return s.write(ctx)
	})
}

// letOpen asks hooks whether f may be opened. What they planned is the step's.
func (e *Engine) letOpen(ctx context.Context, f *Flow, in *Input) (*Step, error) {
	s := &Step{Flow: f, Next: f, Input: in, Schema: e.schema(f), Identity: f.owner, engine: e}
	var a attempt
	defer a.end()
	return s, e.hear(ctx, s, &a, inTurn(slices.Clone(e.Rules[f.Kind].Before)))
}

// firstNotes are those of a flow that is opened.
func (e *Engine) firstNotes(k Kind, o Opening) notes {
	n := notes{State: o.State, Skip: k == Recovery && o.SkipSettings}
	if k == Login {
		n.Refresh = o.Refresh && o.Session != nil
		n.AAL = o.AAL
	}
	if o.Session != nil && (k == Settings || k == Login) {
		n.Subject = o.Session.IdentityID
	}
	if e.Rules[k].TwoSteps && !n.Refresh && n.AAL != session.AAL2 {
		n.Stage = StageWho
	}
	if o.Exchange && o.Native && (k == Registration || k == Login) {
		n.Exchange = newExchange()
	}
	return n
}

// newFlow makes a flow at its beginning, not stored. What o asks for was checked.
func (e *Engine) newFlow(k Kind, schemaID string, o Opening) *Flow {
	now := e.Now().UTC()
	return &Flow{
		ID:         uuid.Must(uuid.NewV4()),
		Kind:       k,
		State:      k.initial(),
		Native:     o.Native,
		Binding:    o.Binding,
		SchemaID:   schemaID,
		Locale:     e.locale(o.Locale),
		ReturnTo:   o.ReturnTo,
		RequestURL: o.RequestURL,
		IssuedAt:   now,
		ExpiresAt:  now.Add(e.Rules[k].Lifespan),
	}
}

// Read returns a flow for showing its form, if may says the client may see it.
func (e *Engine) Read(ctx context.Context, k Kind, id uuid.UUID, may func(*Flow) error) (*Flow, error) {
	if _, err := e.rules(k); err != nil {
		return nil, err
	}
	f, err := e.load(ctx, k, id)
	if err != nil {
		return nil, err
	}
	if err := may(f); err != nil {
		return nil, err
	}
	switch {
	case f.Completed() && kinds[k].stays:
		return f, nil
	case f.Completed():
		return withCompletedMessage(f), nil
	case f.Expired(e.Now()):
		return nil, &Expired{Flow: f}
	}
	return f, nil
}

// Expired is returned for a flow whose time has run out. Successor has taken
// over; it is nil where the flow was only read.
type Expired struct{ Flow, Successor *Flow }

func (*Expired) Error() string { return "selfservice: flow has expired" }

func (e *Engine) rules(k Kind) (*Rules, error) {
	r := e.Rules[k]
	if r == nil || !r.Enabled {
		return nil, fail.New(fail.BadRequest, "self_service_flow_disabled", "The "+string(k)+" flow is not enabled.")
	}
	return r, nil
}

// load reads a flow. One whose notes no key opens any more is gone, and so is
// one whose schema the operator has taken away.
func (e *Engine) load(ctx context.Context, k Kind, id uuid.UUID) (*Flow, error) {
	f, err := e.Store.Flow(ctx, k, id)
	if err == nil {
		f.notes, err = e.openNotes(f)
		e.distrust(f)
	}
	if err == nil && k == Settings {
		err = e.readOwner(ctx, f)
	}
	if err == nil && e.schema(f) == nil {
		err = ErrNoFlow
	}
	if errors.Is(err, ErrNoFlow) || errors.Is(err, seal.ErrOpen) {
		return nil, errNoFlow
	}
	return f, err
}

func (e *Engine) chooseSchema(id string) (*schema.Schema, error) {
	if id == "" {
		return e.Identities.Schemas.Default(), nil
	}
	s := e.Identities.Schemas.Get(id)
	if s == nil || !s.Selectable && s != e.Identities.Schemas.Default() {
		return nil, fail.New(fail.BadRequest, "identity_schema_not_selectable",
			"The identity schema named by identity_schema does not exist or may not be chosen (identity.schemas[].selfservice_selectable).")
	}
	return s, nil
}

func (e *Engine) schema(f *Flow) *schema.Schema { return e.Identities.Schemas.Get(f.SchemaID) }

// prefill puts a login hint where the form asks for an address or who signs in,
// else where the schema has its first identifier.
func prefill(k Kind, s *schema.Schema, hint string) json.RawMessage {
	switch {
	case hint == "":
		return nil
	case kinds[k].keeps == keepsAddress:
		return mustJSON(typed{Address: hint})
	case kinds[k].keeps == keepsIdentifier:
		return mustJSON(typed{Identifier: hint})
	case k == Settings:
		return nil
	}
	for _, f := range s.Fields {
		if !f.Identifier {
			continue
		}
		var value any = hint
		for i := len(f.Path) - 1; i >= 0; i-- {
			value = map[string]any{f.Path[i]: value}
		}
		return encodeTraits(value.(map[string]any))
	}
	return nil
}
