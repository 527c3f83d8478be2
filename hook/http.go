package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// Client calls out. It bounds what an answer may hold, follows no redirect, and
// goes only where calls may go.
type Client interface {
	Do(*http.Request) (*http.Response, error)
}

// letter is one call: what is sent where, and as what.
type letter struct {
	id          uuid.UUID // the same at every attempt
	call        web.Call
	signer      *Signer
	body        []byte // nil for none
	reservation uuid.UUID
	phase       string // of the reservation
}

// send makes one attempt.
func send(ctx context.Context, client Client, at time.Time, l letter) (*http.Response, error) {
	req, err := l.call.Request(ctx, l.body)
	if err != nil {
		return nil, err
	}
	h := req.Header
	h.Set("Ory-Webhook-Trigger-ID", l.id.String())
	h.Set("Ory-Webhook-Request-ID", newID().String())
	h.Set("Idempotency-Key", l.id.String())
	h.Set("Webhook-Id", l.id.String())
	if l.signer != nil {
		h.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
		h.Set("Webhook-Signature", l.signer.Sign(l.id.String(), at, l.body))
	}
	if l.phase != "" {
		h.Set("Foyer-Reservation-Id", l.reservation.String())
		h.Set("Foyer-Reservation-Phase", l.phase)
	}
	return client.Do(req)
}

// question is what a blocking hook asks.
type question struct {
	id          uuid.UUID
	body        []byte       // nil for none, or that of the reservation
	reservation *reservation // nil for none
}

// put asks a question and reads the answer. Its errors are what a client is told.
func (c *WebHooks) put(ctx context.Context, w *WebHook, q question) (Answer, error) {
	l := letter{id: q.id, call: w.Call, signer: w.Signer, body: q.body}
	if r := q.reservation; r != nil {
		l.reservation, l.phase = r.id, reserving
		if l.body == nil {
			l.body = r.asked
		}
	}
	resp, err := send(ctx, c.Client, c.Now(), l)
	if err != nil {
		return Answer{}, unanswered(err)
	}
	defer resp.Body.Close()
	return w.read(resp)
}

// read makes an answer of what came. What the hook does not parse counts by its
// status alone.
func (w *WebHook) read(resp *http.Response) (Answer, error) {
	ok := resp.StatusCode >= 200 && resp.StatusCode < 300
	if ok && (!w.Parses || resp.StatusCode == http.StatusNoContent) {
		drain(resp)
		return Answer{}, nil
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, unanswered(err)
	}
	a, err := ParseAnswer(raw)
	switch {
	case ok && err != nil:
		return Answer{}, invalid(err)
	case ok && w.Opening && a.Identity != nil:
		return Answer{}, invalid(errors.New("identity: there is nobody yet where a flow is opened"))
	case ok:
		return Answer{Identity: a.Identity}, nil
	case resp.StatusCode < 400, err != nil, len(a.Messages) == 0:
		return Answer{}, upstream("status", fmt.Errorf("it answered %d without a message for a person", resp.StatusCode))
	}
	return Answer{Messages: a.Messages}, nil
}

// drain reads what is left of a short answer, so that its connection is used again.
func drain(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096))
}

// unanswered is why no answer came, or none that is whole.
func unanswered(err error) error {
	known := fail.As(err)
	switch {
	case known == nil && errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded), known != nil && known.ID == "outbound_timeout":
		return because("timeout", fail.Wrap(err, fail.Timeout, "upstream_timeout", "A service this depends on did not answer in time. Please try again."))
	case known != nil && known.ID == "outbound_too_large":
		return upstream("answer_too_large", err)
	}
	return upstream("unreachable", err)
}

// upstream, invalid and misconfigured are how a blocking hook can fail besides.
func upstream(failure string, err error) error {
	return because(failure, fail.Wrap(err, fail.Upstream, "upstream_error", "A service this depends on did not answer as it should. Please try again."))
}

func invalid(err error) error { return upstream("answer_invalid", err) }

func misconfigured(failure string, err error) error {
	return because(failure, fail.Wrap(err, fail.Internal, "invalid_configuration", "This service is not configured as it should be."))
}

// because adds which of the ways it was, and nothing of where the receiver is.
func because(failure string, e *fail.Error) error {
	e.Details = map[string]any{"failure": "web_hook_" + failure}
	return e
}
