package selfservice

import (
	"net/url"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/seal"
)

// Challenge is a secret that was sent to an address and has to come back. A
// person types the code, or opens the link with the token: two faces of one
// proof. Only MACs of both are kept, bound to the flow, the address and the
// person, so that neither proves anything anywhere else.
type Challenge struct {
	Via        string    `json:"via"`
	Address    string    `json:"address"` // in the spelling that was typed
	Canonical  string    `json:"canonical"`
	IdentityID uuid.UUID `json:"identity_id"` // Nil where nobody has the address yet
	AddressID  uuid.UUID `json:"address_id"`
	Epoch      int       `json:"epoch"` // of the identity; a later one makes the secret void
	Code       []byte    `json:"code"`
	Token      []byte    `json:"token"`
	Guesses    int       `json:"guesses"` // codes evaluated in this flow
	Sends      int       `json:"sends"`
	SentAt     time.Time `json:"sent_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// Codes is what an operator decides about secrets that are sent.
type Codes struct {
	Length   int           // digits of a code
	Lifespan time.Duration // of a code, and of the link beside it
	LinkOnly time.Duration // of a link that comes without a code
	Guesses  int           // codes evaluated in one flow
}

// The purposes of a secret's two MACs. They differ, so that a code is never
// taken for a token.
const (
	codeMAC  = "code"
	tokenMAC = "token"
)

// tokenLength is the length of a link's secret: 190 bits.
const tokenLength = 32

// secrets are both faces in the clear, on their way into a message.
type secrets struct{ code, token string }

// challenge makes f wait for a fresh secret and returns it. What was sent
// before no longer counts; guesses made already do. With nobody, the secret is
// made and sealed all the same, and no code nor token will ever match.
func (e *Engine) challenge(f *Flow, c Challenge, withCode, nobody bool) secrets {
	now := e.Now().UTC()
	out := secrets{code: seal.Digits(e.Codes.Length), token: seal.Alphanumeric(tokenLength)}
	if before := f.notes.Challenge; before != nil {
		c.Guesses, c.Sends = before.Guesses, before.Sends
	}
	c.Sends++
	c.SentAt, c.ExpiresAt = now, now.Add(e.Codes.Lifespan)
	if !withCode {
		c.ExpiresAt = now.Add(e.Codes.LinkOnly)
	}
	f.outlive(c.ExpiresAt)
	code, token := out.code, out.token
	if nobody {
		code, token = seal.Alphanumeric(tokenLength), seal.Alphanumeric(tokenLength)
	}
	c.Token = e.Ring.MAC(tokenMAC, c.bound(f, token)...)
	c.Code = e.Ring.MAC(codeMAC, c.bound(f, code)...)
	if !withCode {
		c.Code = nil
	}
	n := f.notes
	n.Challenge, n.Followed = &c, nil
	e.sealNotes(f, n)
	f.State = StateSentEmail
	return out
}

// outlive lets f live until at least at: a message must not promise more than
// its flow can keep.
func (f *Flow) outlive(at time.Time) {
	if f.ExpiresAt.Before(at) {
		f.ExpiresAt = at
	}
}

// bound lists what a secret is valid for, and the secret.
func (c *Challenge) bound(f *Flow, secret string) [][]byte {
	return [][]byte{f.ID.Bytes(), []byte(f.Kind), []byte(c.Via), []byte(c.Canonical),
		c.IdentityID.Bytes(), c.AddressID.Bytes(), {byte(c.Epoch >> 24), byte(c.Epoch >> 16), byte(c.Epoch >> 8), byte(c.Epoch)}, []byte(secret)}
}

// answered reports in constant time whether code or token is c's secret. An
// expired one is compared like any other.
func (e *Engine) answered(f *Flow, c *Challenge, code, token string) bool {
	ok := false
	if token != "" {
		ok = e.Ring.Verify(tokenMAC, c.Token, c.bound(f, token)...)
	} else {
		ok = e.Ring.Verify(codeMAC, c.Code, c.bound(f, code)...)
	}
	return ok && e.Now().Before(c.ExpiresAt)
}

// A resend waits: not at all the first time, then a minute, then as long as an
// address usually takes to be written to again.
var coolDowns = []time.Duration{0, time.Minute, 10 * time.Minute}

// AvailableAt is when the secret can be sent again.
func (c *Challenge) AvailableAt() time.Time {
	return c.SentAt.Add(coolDowns[min(c.Sends, len(coolDowns))-1])
}

// sentTo reports whether c, which may be nil, was sent to the address of other.
func (c *Challenge) sentTo(other Challenge) bool {
	return c != nil && c.Via == other.Via && c.Canonical == other.Canonical
}

// Challenge returns what the flow waits for, nil for nothing. It is not to be
// changed.
func (f *Flow) Challenge() *Challenge { return f.notes.Challenge }

// typedCode is a code as a person types or pastes it, without what they put
// between the digits.
func typedCode(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t', '\n', '\r', '\u00a0', '\u2009', '\u202f':
			return -1
		}
		return r
	}, s)
}

// linkURL is where a message leads: a page with a button.
func (e *Engine) linkURL(f *Flow, s secrets, withCode bool) string {
	q := url.Values{"flow": {f.ID.String()}, "token": {s.token}}
	if withCode {
		q.Set("code", s.code)
	}
	return e.LinkURL + "/self-service/" + string(f.Kind) + "?" + q.Encode()
}
