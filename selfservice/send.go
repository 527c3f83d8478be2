package selfservice

import (
	"context"
	"math"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/identity"
)

// letter is a message that carries a challenge's secret, or stands in for one.
type letter struct {
	template  string
	via       string
	recipient string // in the spelling its owner gave
	locale    string
	data      courier.Data
	// silent sends nothing and writes the same rows, so that nobody outside can
	// tell that there is nobody to write to.
	silent bool
}

// unsaid is where a letter holds what only another one says, so that it takes
// as long to write and as much room: a code and a link that prove nothing, a
// person who is nobody.
func (l letter) unsaid() map[string]any {
	out := map[string]any{}
	l.data["unsaid"] = out
	return out
}

// send returns what queues l in the commit. An address that has had its share
// of messages gets no more for now, and nobody outside can tell that either.
func (e *Engine) send(c *Challenge, l letter) func(context.Context) error {
	subject, at := e.budgetSubject("message", c), e.Now()
	full := e.Flood != nil && !e.Flood.AllowN(at, 1)
	return func(ctx context.Context) error {
		within, err := e.Store.SpendBudget(ctx, subject, at, e.MessageLimits)
		if err != nil {
			return err
		}
		_, err = e.Courier.Enqueue(ctx, courier.Draft{
			Channel: l.via, Template: l.template, Locale: l.locale, Recipient: l.recipient,
			Data: l.data, Silent: l.silent || full || !within,
		})
		return err
	}
}

// letter is what every message says about the challenge that f waits for.
func (e *Engine) letter(f *Flow, template, recipient string) letter {
	c := f.notes.Challenge
	d := courier.Data{
		"to":                 recipient,
		"request_url":        f.RequestURL,
		"expires_in_minutes": int(math.Ceil(c.ExpiresAt.Sub(c.SentAt).Minutes())),
	}
	if f.notes.Transient != nil {
		d["transient_payload"] = f.notes.Transient
	}
	return letter{template: template, via: c.Via, recipient: recipient, locale: f.Locale, data: d}
}

// identityData is a person as templates may speak of them.
func identityData(i *identity.Identity) map[string]any {
	return map[string]any{"id": i.ID, "schema_id": i.SchemaID, "state": i.State, "traits": i.Traits, "metadata_public": i.MetadataPublic}
}
