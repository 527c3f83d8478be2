package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/jsonnet"
)

// Channels of stored rows: what kind of receiver they go to.
const (
	ChannelWebHook     = "web_hook"
	ChannelEvent       = "event"
	ChannelReservation = "reservation"
)

// Delivery is the courier's channel of all that is stored for receivers. Any
// answer but 2xx is tried again: a receiver that refuses is mended more often
// than what it refuses.
type Delivery struct {
	Client    Client
	Evaluator Evaluator
	Hooks     map[string]*WebHook  // by key
	Endpoints map[string]*Endpoint // by id
	Now       func() time.Time
}

// Deliver implements courier.Channel.
func (d *Delivery) Deliver(ctx context.Context, m *courier.Message, data courier.Data) error {
	l, err := d.call(ctx, m, data)
	if err != nil || l == nil {
		return err
	}
	resp, err := l.send(ctx, d.Client, d.Now())
	if err != nil {
		return terse(err)
	}
	defer resp.Body.Close()
	drain(resp)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the receiver answered %d", resp.StatusCode)
	}
	return nil
}

// terse is err for an operator, without the sentence that clients are told.
func terse(err error) error {
	if f := fail.As(err); f != nil && f.Err != nil {
		return fmt.Errorf("%s: %w", f.ID, f.Err)
	}
	return err
}

// call is what is sent for m, nil for nothing.
func (d *Delivery) call(ctx context.Context, m *courier.Message, data courier.Data) (*call, error) {
	l := &call{id: m.ID}
	if m.Channel == ChannelEvent {
		to := d.Endpoints[m.Recipient]
		if to == nil {
			return nil, courier.Permanent(fmt.Errorf("events.endpoints has no %q any more", m.Recipient))
		}
		l.to, l.signer, l.body = to.Call, to.Signer, []byte(text(data, "body"))
		return l, nil
	}
	w := d.Hooks[m.Recipient]
	if w == nil {
		return nil, courier.Permanent(fmt.Errorf("no web_hook %q is configured any more", m.Recipient))
	}
	l.to, l.signer = w.Call, w.Signer
	if m.Channel == ChannelReservation {
		l.reservation, l.phase, l.body = uuid.FromStringOrNil(text(data, "reservation_id")), strings.TrimPrefix(m.Template, phaseType("")), []byte(text(data, "body"))
		return l, nil
	}
	facts, err := recall(text(data, "ctx"))
	if err != nil {
		return nil, courier.Permanent(err)
	}
	holds, err := w.When.Holds(facts)
	if err != nil {
		return nil, courier.Permanent(err)
	}
	if !holds {
		return nil, nil
	}
	var cancelled bool
	l.body, cancelled, err = w.Body.Make(ctx, d.Evaluator, facts)
	switch {
	case jsonnet.Final(err):
		return nil, courier.Permanent(err)
	case err != nil:
		return nil, err
	case cancelled:
		return nil, nil
	}
	return l, nil
}

// recall reads the facts of a stored row, each as it was written.
func recall(raw string) (map[string]any, error) {
	var kept map[string]json.RawMessage
	if err := json.Unmarshal([]byte(raw), &kept); err != nil {
		return nil, errors.New("the row of this hook holds no facts")
	}
	facts := map[string]any{}
	for name, fact := range kept {
		facts[name] = fact
	}
	return facts, nil
}

func text(data courier.Data, key string) string {
	s, _ := data[key].(string)
	return s
}

var _ courier.Channel = (*Delivery)(nil)
