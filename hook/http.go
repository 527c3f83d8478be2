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

// call is what is sent, and where.
type call struct {
	id          uuid.UUID // the same at every attempt
	to          web.Call
	signer      *Signer
	body        []byte // nil for none
	reservation uuid.UUID
	phase       string // of the reservation
}

// send makes one attempt.
func (c *call) send(ctx context.Context, client Client, at time.Time) (*http.Response, error) {
	req, err := c.to.Request(ctx, c.body)
	if err != nil {
		return nil, err
	}
	h := req.Header
	h.Set("Ory-Webhook-Trigger-ID", c.id.String())
	h.Set("Ory-Webhook-Request-ID", newID().String())
	h.Set("Idempotency-Key", c.id.String())
	h.Set("Webhook-Id", c.id.String())
	if c.signer != nil {
		h.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
		h.Set("Webhook-Signature", c.signer.Sign(c.id.String(), at, c.body))
	}
	if c.phase != "" {
		h.Set("Foyer-Reservation-Id", c.reservation.String())
		h.Set("Foyer-Reservation-Phase", c.phase)
	}
	return client.Do(req)
}

// answer asks a question. Its errors are what a client is told.
func (w *WebHook) answer(ctx context.Context, client Client, at time.Time, q call) (Answer, error) {
	resp, err := q.send(ctx, client, at)
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
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return Answer{}, unfit(resp, errors.New("no call is redirected"))
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, unanswered(err)
	}
	a, err := ParseAnswer(raw)
	switch {
	case ok && err != nil:
		return Answer{}, invalid(err)
	case ok:
		return Answer{Identity: a.Identity}, nil
	case err != nil:
		return Answer{}, unfit(resp, err)
	case len(a.Messages) == 0:
		return Answer{}, unfit(resp, errors.New("there is no message for a person"))
	}
	return Answer{Messages: a.Messages}, nil
}

// drainTime is how long anybody waits for the rest of an answer that does not count.
const drainTime = 50 * time.Millisecond

// drain reads an answer that is short and there, so that its connection is used
// again.
func drain(resp *http.Response) {
	if resp.ContentLength > 0 && resp.ContentLength <= 4096 {
		late := time.AfterFunc(drainTime, func() { _ = resp.Body.Close() })
		_, _ = io.Copy(io.Discard, resp.Body)
		late.Stop()
	}
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

// unfit is a status that is neither a yes nor a refusal.
func unfit(resp *http.Response, why error) error {
	return upstream("status", fmt.Errorf("it answered %d: %w", resp.StatusCode, why))
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
