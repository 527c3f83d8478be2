package hook

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
)

// eventView is a stored row as the admin API shows it.
type eventView struct {
	ID            uuid.UUID  `json:"id"`
	Kind          string     `json:"kind"` // event, web_hook or reservation
	Type          string     `json:"type"`
	Receiver      string     `json:"receiver"`
	Subject       string     `json:"subject,omitempty"` // an identity, or a flow that has none yet
	Status        string     `json:"status"`
	AttemptCount  int        `json:"attempt_count"`
	LastError     string     `json:"last_error,omitempty"`
	NextAttemptAt *time.Time `json:"next_attempt_at,omitempty"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
	ExpiresAt     *time.Time `json:"expires_at,omitempty"`
}

// wholeEvent is one row with what a list does not show.
type wholeEvent struct {
	eventView
	Attempts []attemptView `json:"attempts"` // newest first
	// Payload is what the receiver gets, or for a web_hook what that is made from;
	// nil once it was discarded.
	Payload      json.RawMessage `json:"payload,omitempty"`
	PayloadError string          `json:"payload_error,omitempty"`
}

type attemptView struct {
	ID         uuid.UUID `json:"id"`
	Error      string    `json:"error,omitempty"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
}

func viewEvent(m *courier.Message) eventView {
	v := eventView{
		ID: m.ID, Kind: m.Channel, Type: m.Template, Receiver: m.Recipient, Status: string(m.Status), AttemptCount: m.SendCount,
		LastError: m.LastError, CreatedAt: m.CreatedAt.UTC(), UpdatedAt: m.UpdatedAt.UTC(), ExpiresAt: instant(m.ExpiresAt),
	}
	v.Subject, _ = strings.CutPrefix(m.Lane, m.Recipient+"/")
	switch m.Status {
	case courier.Sent:
		v.Status = delivered
	case courier.Queued:
		v.NextAttemptAt = instant(m.DueAt)
	}
	return v
}

func viewWhole(m *courier.Message, attempts []courier.Attempt, queue *courier.Courier) wholeEvent {
	v := wholeEvent{eventView: viewEvent(m), Attempts: make([]attemptView, len(attempts))}
	for n, a := range attempts {
		v.Attempts[n] = attemptView{ID: a.ID, Error: a.Error, StartedAt: a.StartedAt.UTC(), FinishedAt: a.FinishedAt.UTC()}
	}
	data, err := queue.Open(m)
	if err != nil {
		v.PayloadError = "It cannot be read: none of secrets.cipher is the one it was stored with."
		return v
	}
	for _, key := range []string{"body", "ctx"} {
		if s := text(data, key); json.Valid([]byte(s)) {
			v.Payload = json.RawMessage(s)
		}
	}
	return v
}

// instant is a time that is left out where it is zero.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
