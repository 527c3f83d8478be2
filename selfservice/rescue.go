package selfservice

import (
	"context"
	"slices"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
)

// RescueOrder is what an operator asks for: a way back for a person, whether or
// not a message would reach them.
type RescueOrder struct {
	IdentityID uuid.UUID
	ByLink     bool          // else by code
	Native     bool          // the code is typed into an app
	Lifespan   time.Duration // zero for that of any code or link
	ReturnTo   string        // where the person goes in the end; unchecked, empty for the default
}

// Rescue is a way back in the clear, for an operator's own delivery. It works once.
type Rescue struct {
	Link      string // a page: with a button where there is no code, else to type the code into
	Code      string // empty for a link
	ExpiresAt time.Time
}

// viaOperator is the channel of a secret that was sent to no address. It is
// counted, and bound, by the person.
const viaOperator = "operator"

// linkID is the id of the strategy that proves by link.
const linkID = "link"

// Unsent reports whether an operator made the secret, which proves no address
// then. Nil is none.
func (c *Challenge) Unsent() bool { return c != nil && c.Via == viaOperator }

// MakeRescue opens a recovery flow that waits for a secret, and returns that in
// the clear. Recovering by it makes void what was sent before, and ends other
// sessions, as any recovery does, but no address counts as proved by it.
func (e *Engine) MakeRescue(ctx context.Context, o RescueOrder) (*Rescue, error) {
	method := CodeID
	if o.ByLink {
		method = linkID
	}
	rules := e.Rules[Recovery]
	enabled := slices.ContainsFunc(e.Strategies, func(s Strategy) bool { return s.ID() == method })
	if rules == nil || !rules.Enabled || !enabled {
		return nil, fail.New(fail.NotFound, "self_service_method_disabled", "Recovery by "+method+" is not enabled.")
	}
	to := ""
	if o.ReturnTo != "" {
		var err error
		if to, err = e.Return.Check(o.ReturnTo); err != nil {
			return nil, err
		}
	}
	i, err := e.Identities.Store.Identity(ctx, o.IdentityID)
	if err != nil {
		return nil, err
	}
	opened := "/self-service/recovery/browser"
	if o.Native {
		opened = "/self-service/recovery/api"
	}
	f := e.newFlow(Recovery, i.SchemaID, Opening{Native: o.Native, RequestURL: e.PublicURL + opened, ReturnTo: to})
	f.Active = method
	made := e.challenge(f, Challenge{Via: viaOperator, Canonical: i.ID.String(), IdentityID: i.ID, Epoch: i.Epoch}, !o.ByLink, false)
	if o.Lifespan > 0 {
		e.prolong(f, o.Lifespan)
	}
	out := &Rescue{Link: withQuery(rules.UIURL, "flow", f.ID.String()), Code: made.code, ExpiresAt: f.notes.Challenge.ExpiresAt}
	if o.ByLink {
		out.Link, out.Code = e.linkURL(f, made, false), ""
	}
	return out, e.Store.InsertFlow(ctx, f)
}

// prolong lets the secret that f waits for live for as long as d.
func (e *Engine) prolong(f *Flow, d time.Duration) {
	n := f.notes
	n.Challenge.ExpiresAt = n.Challenge.SentAt.Add(d)
	f.outlive(n.Challenge.ExpiresAt)
	e.sealNotes(f, n)
}
