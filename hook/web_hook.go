package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// WebHook tells another system of a flow's moment. One that blocks asks it
// before anything is stored; any other is a row in the flow's own commit and
// leaves afterwards, as often as it takes.
type WebHook struct {
	// Key names it in logs and on stored rows, and never comes to mean another
	// receiver.
	Key    string
	Type   string // of its rows: the flow and the moment, such as registration.after
	Call   web.Call
	Body   Body
	When   *Condition // nil always
	Signer *Signer    // nil signs nothing

	Opening  bool // stands at the moment when a flow is opened
	Blocks   bool // may refuse
	Parses   bool // may change the person; needs Blocks
	Reserves bool // is told afterwards how the step ended; needs Blocks
	FailOpen bool // no answer, or none that can be understood, lets the step pass
	Timeout  time.Duration
}

// WebHooks is what all of them share.
type WebHooks struct {
	Client    Client
	Evaluator Evaluator // of bodies in Jsonnet; nil where none is configured
	Queue     *courier.Courier
	View      session.Viewer
	Allowed   []string // names of request headers that are passed on
	// Patience is how long a reservation may wait for the end of its step before
	// it counts as left behind.
	Patience time.Duration
	Now      func() time.Time
	Log      *slog.Logger
}

// Hook is w as the engine runs it.
func (c *WebHooks) Hook(w *WebHook) selfservice.Hook {
	turn, run := selfservice.Plans, c.store
	if w.Blocks {
		turn, run = selfservice.Asks, c.ask
	}
	return selfservice.Hook{Name: "web_hook", Turn: turn, Run: func(ctx context.Context, s *selfservice.Step) error {
		facts := c.facts(s)
		holds, err := w.When.Holds(facts)
		switch {
		case err != nil && w.Blocks:
			return c.failed(ctx, w, misconfigured("condition", err))
		case err == nil && !holds:
			return nil
		}
		// A row is stored where a condition cannot be judged: its delivery fails where an operator sees it.
		return run(ctx, s, w, facts)
	}}
}

// facts is what receivers may be told, the ctx of the protocol.
func (c *WebHooks) facts(s *selfservice.Step) map[string]any {
	asked := s.Input.Request
	facts := map[string]any{
		"flow": s.FlowFacts(), "request_method": asked.Method, "request_url": asked.URL,
		"request_headers": web.AllowedHeaders(asked.Header, c.Allowed), "request_cookies": map[string]any{},
	}
	if i := s.Person(); i != nil {
		facts["identity"] = c.View.Identities.Public(i)
	}
	if kind := s.Flow.Kind; kind == selfservice.Login || kind == selfservice.Settings {
		if signed := s.Signed(); signed != nil {
			facts["session"] = c.View.Public(signed, c.Now())
		}
	}
	return facts
}

// store plans the row of a hook that does not block.
func (c *WebHooks) store(_ context.Context, s *selfservice.Step, w *WebHook, facts map[string]any) error {
	subject := s.Flow.ID
	if i := s.Person(); i != nil {
		subject = i.ID
	}
	d := courier.Draft{
		Channel: ChannelWebHook, Template: w.Type, Recipient: w.Key, Lane: lane(w.Key, subject), Data: courier.Data{"ctx": string(encode(facts))},
	}
	s.Write(func(ctx context.Context) error {
		_, err := c.Queue.Enqueue(ctx, d)
		return err
	})
	return nil
}

// ask calls a receiver that may say no.
func (c *WebHooks) ask(ctx context.Context, s *selfservice.Step, w *WebHook, facts map[string]any) error {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	// First of all, so that nothing is reserved that nobody hears of.
	body, cancelled, err := w.Body.Make(ctx, c.Evaluator, facts)
	switch {
	case ctx.Err() != nil: // the hooks before may have taken all the time there was
		return c.failed(ctx, w, unanswered(ctx.Err()))
	case err != nil:
		return c.failed(ctx, w, misconfigured("body", err))
	case cancelled:
		return nil
	}
	q := call{id: newID(), to: w.Call, signer: w.Signer, body: body}
	var held *reservation
	if w.Reserves {
		held, err = c.reserve(ctx, s, w, &q)
		switch {
		case err != nil && ctx.Err() != nil:
			return c.failed(ctx, w, unanswered(ctx.Err()))
		case err != nil:
			return err
		}
	}
	a, err := w.answer(ctx, c.Client, c.Now(), q)
	if err != nil {
		return c.failed(ctx, w, err)
	}
	if len(a.Messages) > 0 {
		c.release(ctx, held)
		return w.refusal(a)
	}
	if a.Identity == nil {
		return nil
	}
	if err := s.Amend(ctx, *a.Identity); err != nil {
		return c.failed(ctx, w, invalid(err))
	}
	return nil
}

// refusal is the receiver's no, in its own words.
func (w *WebHook) refusal(a Answer) error {
	if !w.Opening {
		refused := &selfservice.Refused{}
		for _, m := range a.Messages {
			refused.Problems = append(refused.Problems, ui.Foreign(m.Node, m.ID, m.Text, m.Type, m.Context))
		}
		return refused
	}
	told := make([]map[string]any, len(a.Messages))
	for n, m := range a.Messages {
		told[n] = map[string]any{"id": m.ID, "text": m.Text, "type": m.Type}
	}
	out := fail.New(fail.Forbidden, "flow_refused_by_web_hook", a.Messages[0].Text)
	out.Details = map[string]any{"messages": told}
	return out
}

// failed lets a step pass or not whose receiver gave no answer that counts.
func (c *WebHooks) failed(ctx context.Context, w *WebHook, err error) error {
	err = fmt.Errorf("web_hook %s: %w", w.Key, err)
	if !w.FailOpen || errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	c.Log.LogAttrs(ctx, slog.LevelWarn, "a web_hook failed and was passed over", slog.String("error", web.Redact(err.Error())))
	return nil
}

// encode writes what is our own, or came from a decoder, and so can be written.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("hook: " + err.Error())
	}
	return raw
}
