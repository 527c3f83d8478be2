package hook

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/web"
)

// Endpoint is a receiver of events.
type Endpoint struct {
	ID     string
	Call   web.Call
	Types  []string // of events it gets: names, "*", or "identity.*"
	Signer *Signer  // nil signs nothing
}

// wants reports whether events of a type go there.
func (e *Endpoint) wants(kind string) bool {
	return slices.ContainsFunc(e.Types, func(t string) bool {
		family, all := strings.CutSuffix(t, "*")
		return t == kind || all && strings.HasPrefix(kind, family)
	})
}

// Events stores what happens as rows, one for each endpoint that wants it. It
// implements identity.Events.
type Events struct {
	Endpoints []*Endpoint
	Queue     *courier.Courier
	View      identity.Viewer
	Now       func() time.Time
}

// envelope is the body of an event, as Standard Webhooks has it.
type envelope struct {
	ID        *uuid.UUID     `json:"id,omitempty"`
	Type      string         `json:"type"`
	Timestamp time.Time      `json:"timestamp"`
	Data      map[string]any `json:"data"`
}

// Record implements identity.Events. The id in the body is that of the row.
func (e *Events) Record(ctx context.Context, ev identity.Event) error {
	var body envelope
	for _, to := range e.Endpoints {
		if !to.wants(ev.Type) {
			continue
		}
		if body.Data == nil {
			body = envelope{Type: ev.Type, Timestamp: e.Now().UTC(), Data: e.data(ctx, ev)}
		}
		id := newID()
		body.ID = &id
		_, err := e.Queue.Enqueue(ctx, courier.Draft{
			ID: id, Channel: ChannelEvent, Template: ev.Type, Recipient: to.ID, Lane: laneOfEvent(to.ID, ev),
			Data: courier.Data{"body": string(encode(body))},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Events) data(ctx context.Context, ev identity.Event) map[string]any {
	data := maps.Clone(ev.Facts)
	if data == nil {
		data = map[string]any{}
	}
	if isOfOne(ev) {
		data["identity_id"] = ev.Subject
	}
	if who, ok := web.CallerOf(ctx); ok {
		data["actor"] = map[string]string{"name": who.Name, "by": who.By}
	}
	if ev.Identity != nil {
		data["identity"] = e.View.Public(ev.Identity)
	}
	return data
}

// lane is what is delivered in order: all that one receiver is told of one
// subject.
func lane(receiver string, subject uuid.UUID) string { return receiver + "/" + subject.String() }

// laneOfEvent is the lane of an event. What nobody comes of has no order to keep.
func laneOfEvent(receiver string, ev identity.Event) string {
	if !isOfOne(ev) {
		return ""
	}
	return lane(receiver, ev.Subject)
}

// isOfOne reports whether an event is about an identity.
func isOfOne(ev identity.Event) bool {
	return ev.Type != identity.EventRegistrationFailed && ev.Subject != uuid.Nil
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV4()) }
