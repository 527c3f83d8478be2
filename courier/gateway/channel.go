// Package gateway hands letters to HTTP services, such as those that send SMS.
// A letter is one request to one place, with the message's id as its
// Idempotency-Key at every attempt. Any 2xx is a delivery; an answer that
// blames the message refuses it for good; all else can be tried again.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/jsonnet"
)

// Client calls out. It follows no redirects, judges addresses, and bounds calls
// in time; internal/web.Outbound is one.
type Client interface {
	Do(r *http.Request) (*http.Response, error)
}

// Evaluator evaluates Jsonnet; internal/jsonnet.Pool is one.
type Evaluator interface {
	Evaluate(ctx context.Context, p jsonnet.Program) (json.RawMessage, error)
}

// Channel sends letters to one gateway. It is safe for concurrent use.
type Channel struct {
	config  Config
	kind    string // of the body: "json" or form
	client  Client
	jsonnet Evaluator
}

// New checks c without calling anybody. Its error names each key below
// request_config that is wrong. The evaluator may be nil where c.Body is empty.
func New(c Config, client Client, evaluator Evaluator) (*Channel, error) {
	var errs []error
	for _, f := range c.Faults() {
		errs = append(errs, fmt.Errorf("request_config.%w", f))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if c.Body != "" && evaluator == nil {
		return nil, errors.New("request_config.body: nothing here evaluates Jsonnet")
	}
	ch := &Channel{config: c, kind: "json", client: client, jsonnet: evaluator}
	for name, value := range c.Headers {
		if http.CanonicalHeaderKey(name) == "Content-Type" {
			ch.kind = mediaType(value)
		}
	}
	return ch, nil
}

// Rehearse makes the body for a letter and sends nothing, so that a body that
// cannot be made is found before anything depends on it.
func (c *Channel) Rehearse(ctx context.Context, l *courier.Letter) error {
	_, err := c.body(ctx, l)
	return err
}

// Send implements courier.Sender. Errors carry the beginning of the gateway's
// answer, and neither credentials nor the URL.
func (c *Channel) Send(ctx context.Context, l *courier.Letter) error {
	if err := judge(l); err != nil {
		return courier.Permanent(err)
	}
	body, err := c.body(ctx, l)
	if err != nil {
		return err
	}
	req, err := c.config.Request(ctx, body)
	if err != nil {
		return err
	}
	req.Header.Set("Idempotency-Key", l.MessageID.String())
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return verdict(resp)
}

// theirs are answers of the 4xx kind that do not blame the message: they speak
// of the account, of the place, or of the moment.
var theirs = []int{
	http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
	http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusConflict, http.StatusMisdirectedRequest, http.StatusTooEarly,
	http.StatusTooManyRequests,
}

func verdict(resp *http.Response) error {
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		if resp.ContentLength > 0 && resp.ContentLength <= 4096 {
			_, _ = io.Copy(io.Discard, resp.Body) // so that the connection can be used again
		}
		return nil
	}
	words, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
	err := fmt.Errorf("the gateway answered %d: %s", resp.StatusCode, plain(words))
	if resp.StatusCode >= 400 && resp.StatusCode < 500 && !slices.Contains(theirs, resp.StatusCode) {
		return courier.Permanent(err)
	}
	return err
}

// plain makes one line of what may be anything.
func plain(b []byte) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(b), ""), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
}

var (
	e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	// one is an address that no list, name or comment hides in.
	one = regexp.MustCompile(`^[^\s\x00-\x20\x7f,;:<>()\[\]"\\@]{1,64}@[^\s\x00-\x20\x7f,;:<>()\[\]"\\@]{1,255}$`)
)

// judge looks at the recipient once more: exactly one.
func judge(l *courier.Letter) error {
	switch {
	case l.MessageID.IsNil():
		return errors.New("the letter has no message id")
	case l.Channel == courier.SMS && !e164.MatchString(l.Recipient):
		return errors.New("the recipient is no phone number such as +4915112345678")
	case l.Channel != courier.SMS && (!one.MatchString(l.Recipient) || strings.ContainsFunc(l.Recipient, func(r rune) bool { return !unicode.IsPrint(r) })):
		return errors.New("the recipient is not exactly one plain address")
	}
	return nil
}
