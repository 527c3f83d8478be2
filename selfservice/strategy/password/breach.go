package password

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/txn"
	"github.com/foyer-id/foyer/selfservice/ui"
)

const defaultBreachTimeout = 300 * time.Millisecond

// Pwned asks a service of breached passwords by the first five digits of a
// SHA-1, so that the service never learns the password nor its hash.
type Pwned struct {
	Host string // without scheme, for example "api.pwnedpasswords.com"

	// Do sends the request through the guarded client, which bounds the answer;
	// the service sends some 60,000 bytes.
	Do func(*http.Request) (*http.Response, error) `json:"-"`

	Timeout time.Duration // zero means 300 ms
}

// Breached looks password up in the offline list and, if it is not there, asks
// Pwned. It is meant for a password that nothing else stands against. Where
// the service gives no answer, that is no problem if IgnoreNetworkErrors is
// set, and otherwise the refusal "breach_check_unavailable". It must not be
// called inside a transaction.
func (p *Policy) Breached(ctx context.Context, password string) ([]ui.Problem, error) {
	if listed(password) {
		return []ui.Problem{breached()}, nil
	}
	if p.Pwned == nil {
		return nil, nil
	}
	if txn.Handle(ctx) != nil {
		return nil, errors.New("password: breach check called inside a transaction")
	}
	sightings, err := p.Pwned.sightings(ctx, password)
	switch {
	case err == nil && sightings > p.MaxBreaches:
		return []ui.Problem{breached()}, nil
	case err == nil:
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case p.IgnoreNetworkErrors:
		return nil, nil
	}
	return nil, fail.Wrap(err, fail.Unavailable, "breach_check_unavailable",
		"the password could not be checked against known data breaches at the moment, try again shortly")
}

func (w *Pwned) sightings(ctx context.Context, password string) (int, error) {
	timeout := w.Timeout
	if timeout == 0 {
		timeout = defaultBreachTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	sum := sha1.Sum([]byte(password))
	digits := bytes.ToUpper(hex.AppendEncode(nil, sum[:]))
	body, err := w.get(ctx, "https://"+w.Host+"/range/"+string(digits[:5]))
	if err != nil {
		return 0, err
	}
	return count(body, digits[5:])
}

func (w *Pwned) get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	// Hides from who sees the traffic how many entries an answer really has.
	request.Header.Set("Add-Padding", "true")
	answer, err := w.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("password: breach service: status %d", answer.StatusCode)
	}
	return io.ReadAll(answer.Body)
}

// count returns the number beside suffix in an answer, zero if it is not there.
// An answer of any other shape is an error: it says nothing about the password.
func count(body, suffix []byte) (int, error) {
	sightings := 0
	for line := range bytes.Lines(body) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		found, number, ok := bytes.Cut(line, []byte(":"))
		n, err := strconv.ParseUint(string(number), 10, 31)
		if !ok || err != nil || len(found) != len(suffix) {
			return 0, fmt.Errorf("password: breach service: line of %d bytes is not SUFFIX:COUNT", len(line))
		}
		if bytes.EqualFold(found, suffix) {
			sightings = int(n)
		}
	}
	return sightings, nil
}
