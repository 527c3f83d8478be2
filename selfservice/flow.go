package selfservice

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Kind is one of the five flows.
type Kind string

// The kinds, as they stand in paths and in the database.
const (
	Registration Kind = "registration"
	Login        Kind = "login"
	Verification Kind = "verification"
	Recovery     Kind = "recovery"
	Settings     Kind = "settings"
)

// State is where a flow stands. Only the transitions drawn in the package
// comment exist.
type State string

// The states of a flow.
const (
	StateChooseMethod    State = "choose_method"
	StateSentEmail       State = "sent_email"
	StatePassedChallenge State = "passed_challenge"
	StateShowForm        State = "show_form"
	StateSuccess         State = "success"
)

var (
	// ErrNoFlow is returned by a store for an id that no flow of that kind has.
	ErrNoFlow = errors.New("selfservice: no such flow")
	// ErrStale is returned by a store when a flow has moved on since it was read.
	ErrStale = errors.New("selfservice: flow has moved on")
)

// Flow is one person's way through one form: state, never markup. A flow read
// from the store is not changed; what a submit plans is a copy, and only a
// commit makes it the flow.
type Flow struct {
	ID         uuid.UUID // version 4: known clients refuse others
	Kind       Kind
	State      State
	Native     bool   // opened at …/api: no browser, no cookies
	Binding    []byte // SHA-256 of the CSRF cookie's secret of the browser that opened it; nil when native
	Active     string // id of the strategy last used
	SchemaID   string
	Journey    string
	Locale     string
	ReturnTo   string
	RequestURL string
	Values     json.RawMessage // what was typed and may be shown again: {"traits":{…},"address":"…"}
	Problems   []ui.Problem    // what was wrong with the last submit
	Private    []byte          // sealed notes: what was carried along, secrets awaited, drafts
	Refusals   int             // wrong answers so far
	Rev        int             // raised by every save; a step is answered once
	Outcome    *Outcome        // set when the flow has completed
	Successor  uuid.UUID       // the flow that took over after expiry; Nil for none
	IssuedAt   time.Time
	ExpiresAt  time.Time

	notes notes              // Private, opened
	owner *identity.Identity // settings: whose flow it is, with credentials
	ways  []string           // settings: the strategies by which owner can sign in
}

// Outcome is what a completed flow remembers, to give the first answer again.
// It is stored as JSON in the clear.
type Outcome struct {
	Fingerprint []byte    `json:"fingerprint"` // keyed MAC of the submit that completed the flow
	At          time.Time `json:"at"`
	IdentityID  uuid.UUID `json:"identity_id"`
	Epoch       int       `json:"epoch"`         // of the identity then
	SessionID   uuid.UUID `json:"session_id"`    // Nil when no session was issued
	Via         string    `json:"via,omitempty"` // the channel of the address that was proved
	// The verification flow that was opened with it, Nil for none.
	VerificationID   uuid.UUID `json:"verification_id"`
	Verifying        string    `json:"verifying,omitempty"` // the address that flow is about
	ShowVerification bool      `json:"show_verification,omitempty"`
	SettingsID       uuid.UUID `json:"settings_id,omitzero"` // the settings flow that was opened with it, Nil for none
}

// Completed reports whether the flow has done what it was for.
func (f *Flow) Completed() bool { return f.Outcome != nil }

// unbound reports whether f was opened by an operator for a person, whose
// client is not known.
func (f *Flow) unbound() bool { return !f.Native && f.Binding == nil }

// EndedIn reports whether s, which may be nil, is the session the flow ended in.
func (f *Flow) EndedIn(s *session.Session) bool {
	return f.Completed() && s != nil && s.ID == f.Outcome.SessionID
}

// Expired reports whether the flow may no longer be submitted.
func (f *Flow) Expired(now time.Time) bool { return !now.Before(f.ExpiresAt) }

// StoredError is an error kept for the error page of a browser.
type StoredError struct {
	ID        uuid.UUID
	Error     json.RawMessage // the inner error object of the envelope
	CreatedAt time.Time
	ExpiresAt time.Time
}
