package smtp

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"slices"

	"github.com/foyer-id/foyer/courier"
)

// step is where in a conversation something went wrong, in words.
type step string

const (
	atConnect  step = "connecting to the mail server"
	atTLS      step = "agreeing on TLS with the mail server"
	atGreeting step = "waiting for the mail server's greeting"
	atHello    step = "introducing ourselves to the mail server"
	atAuth     step = "signing in to the mail server"
	atMail     step = "naming the sender"
	atRcpt     step = "naming the recipient"
	atData     step = "announcing the message"
	atContent  step = "sending the message"
	atEnd      step = "waiting for the message to be accepted"
)

// failure is why a mail did not leave: the step, and the cause, which for an
// answer of the server is its code and its own words.
type failure struct {
	at    step
	cause error
}

func (f *failure) Error() string {
	words := f.cause.Error()
	if answer := answered(f.cause); answer != nil {
		words = fmt.Sprintf("%d %s", answer.Code, answer.Msg)
	}
	return string(f.at) + ": " + oneLine(words, 500)
}

func (f *failure) Unwrap() error { return f.cause }

var (
	errNoSTARTTLS = errors.New("the server does not offer STARTTLS")
	errBare       = errors.New("the connection is not encrypted, so the password is not sent")
	errNoMech     = errors.New("the server offers no way to sign in that is wanted here")
	errNoUTF8     = errors.New("the server does not take addresses beyond ASCII")
	errTooMuch    = errors.New("the server talks without an end")
)

// failed makes err the failure at a step. Where ctx has ended, that is the
// cause, unless the server answered before.
func failed(ctx context.Context, at step, err error) *failure {
	if answered(err) == nil && ctx.Err() != nil {
		err = ctx.Err()
		if errors.Is(err, context.DeadlineExceeded) {
			err = late{err}
		}
	}
	return &failure{at: at, cause: err}
}

// late is a context's deadline in words for an operator.
type late struct{ error }

func (late) Error() string { return "no answer in time" }

func (l late) Unwrap() error { return l.error }

// answered returns the server's answer in err, or nil if there is none.
func answered(err error) *textproto.Error {
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		return nil
	}
	return answer
}

// aboutLogin reports whether the server's answer is one of the 5xx kind that
// speaks of the conversation or of the operator's credentials and not of the
// message, which must not be lost to them.
func (f *failure) aboutLogin() bool {
	answer := answered(f.cause)
	return answer != nil && slices.Contains([]int{502, 503, 530, 534, 535, 538}, answer.Code)
}

// verdict marks f permanent where the server has refused this message for good.
func (f *failure) verdict() error {
	if errors.Is(f.cause, errNoUTF8) {
		return courier.Permanent(f)
	}
	answer := answered(f.cause)
	if answer == nil || answer.Code < 500 || answer.Code > 599 || f.aboutLogin() {
		return f
	}
	if !slices.Contains([]step{atMail, atRcpt, atData, atEnd}, f.at) {
		return f
	}
	return courier.Permanent(f)
}

// broken reports whether the connection is of no further use.
func (f *failure) broken() bool {
	answer := answered(f.cause)
	return answer == nil && !errors.Is(f.cause, errNoUTF8) || answer != nil && answer.Code == 421
}

// stale reports whether a connection that was kept open failed because the
// server had given it up, at a moment when it can have accepted nothing.
func (f *failure) stale() bool {
	ended := errors.Is(f.cause, context.Canceled) || errors.Is(f.cause, context.DeadlineExceeded)
	return f.broken() && f.at != atEnd && !ended
}
