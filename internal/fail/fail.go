// Package fail is the one error type that crosses package borders.
//
// A deep layer promises the client a specific answer by returning an *Error;
// it knows nothing of HTTP. Whatever is no *Error is an internal error: its
// text goes to the log and never to a client.
package fail

import (
	"errors"
	"time"
)

// Kind is the class of an error. Package web maps it to a status.
type Kind int

// The kinds, each with the status it is answered with.
const (
	Internal         Kind = iota // 500
	BadRequest                   // 400
	Unauthenticated              // 401
	Forbidden                    // 403
	NotFound                     // 404
	MethodNotAllowed             // 405
	Conflict                     // 409
	Gone                         // 410
	Outdated                     // 412: If-Match names another revision
	TooLarge                     // 413
	Navigate                     // 422: the browser has to leave the page
	TooMany                      // 429, with Retry-After
	Upstream                     // 502
	Unavailable                  // 503, with Retry-After
	Timeout                      // 504
)

// Error is a refusal a client may read. ID is stable and part of the API.
type Error struct {
	Kind       Kind
	ID         string         // stable, for example "security_csrf_violation"
	Reason     string         // for a person; names what, where and why
	Details    map[string]any // optional, free form, under error.details
	Siblings   map[string]any // optional, beside "error" in the envelope, for example use_flow_id
	RetryAfter time.Duration  // with TooMany and Unavailable; zero means one second
	Err        error          // the cause; logged, never sent
}

// New returns an error that a client is told as kind, id and reason.
func New(kind Kind, id, reason string) *Error {
	return &Error{Kind: kind, ID: id, Reason: reason}
}

// Wrap is New with a cause for the log.
func Wrap(err error, kind Kind, id, reason string) *Error {
	return &Error{Kind: kind, ID: id, Reason: reason, Err: err}
}

func (e *Error) Error() string {
	s := e.ID + ": " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Is lets errors.Is match two refusals by id.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.ID == e.ID && t.ID != ""
}

// As returns err's refusal, or nil if err is an internal error.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
