package cmd

import (
	"encoding/json"
	"time"

	"github.com/foyer-id/foyer/internal/web"
)

// Events is what is told to other systems once it has happened, and how that
// and the web hooks nobody waits for are delivered.
type Events struct {
	Endpoints []EventEndpoint

	Retries   int           // attempts after the first, before an event is given up
	PullCount int           // events a worker takes at a time
	PullWait  time.Duration // a worker's pause when there was nothing to do
	Lease     time.Duration // how long an event belongs to the worker that took it
	Timeout   time.Duration // of one delivery; less than Lease
	Retention time.Duration // how long finished events are kept
}

// EventEndpoint is one receiver of events. Printed or encoded, it hides its
// credentials.
type EventEndpoint struct {
	ID             string // no two are equal
	Call           web.Call
	Types          []string // names of events, kinds as in "identity.*", or "*"; never empty
	SigningSecrets []string // its own, or else those of all; nil for no signature
}

// MarshalJSON hides the credentials.
func (e EventEndpoint) MarshalJSON() ([]byte, error) {
	type plain EventEndpoint
	e.Call, e.SigningSecrets = hideCall(e.Call), hideEach(e.SigningSecrets)
	return json.Marshal(plain(e))
}

// String is MarshalJSON's text.
func (e EventEndpoint) String() string { return jsonText(e) }

// GoString is String, for %#v.
func (e EventEndpoint) GoString() string { return e.String() }
