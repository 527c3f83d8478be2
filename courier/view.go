package courier

import "time"

// redacted stands for what a message says, except in dev mode.
const redacted = "<redacted-unless-dev-mode>"

// view is a message as the wire shows it.
type view struct {
	ID           string     `json:"id"`
	Status       Status     `json:"status"`
	Type         string     `json:"type"`
	Recipient    string     `json:"recipient"`
	Subject      string     `json:"subject"`
	Body         string     `json:"body"`
	TemplateType string     `json:"template_type"`
	Channel      string     `json:"channel"`
	SendCount    int        `json:"send_count"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	Dispatches   []dispatch `json:"dispatches,omitempty"`
	Foyer        *beyond    `json:"foyer,omitempty"`
}

// beyond is what the wire has no name for.
type beyond struct {
	LastError     string     `json:"last_error,omitempty"`
	NextAttemptAt *time.Time `json:"next_attempt_at,omitempty"`
}

// dispatch is an attempt as the wire shows it.
type dispatch struct {
	ID        string         `json:"id"`
	MessageID string         `json:"message_id"`
	Status    string         `json:"status"`
	Error     *dispatchError `json:"error,omitempty"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

type dispatchError struct {
	Message string `json:"message"`
}

// show shapes m; l is what it says, nil for what is not shown.
func show(m *Message, attempts []Attempt, l *Letter) view {
	v := view{
		ID: m.ID.String(), Status: m.Status, Type: Email, Recipient: m.Recipient, Subject: redacted, Body: redacted,
		TemplateType: m.Template, Channel: m.Channel, SendCount: m.SendCount, CreatedAt: m.CreatedAt.UTC(), UpdatedAt: m.UpdatedAt.UTC(),
	}
	if m.Channel == SMS {
		v.Type = SMS
	}
	if l != nil {
		v.Subject, v.Body = l.Subject, l.Text
	}
	if m.LastError != "" || m.Status == Queued {
		v.Foyer = &beyond{LastError: m.LastError}
		if m.Status == Queued {
			due := m.DueAt.UTC()
			v.Foyer.NextAttemptAt = &due
		}
	}
	for _, a := range attempts {
		d := dispatch{ID: a.ID.String(), MessageID: m.ID.String(), Status: "success", CreatedAt: a.StartedAt.UTC(), UpdatedAt: a.FinishedAt.UTC()}
		if a.Error != "" {
			d.Status, d.Error = "failed", &dispatchError{a.Error}
		}
		v.Dispatches = append(v.Dispatches, d)
	}
	return v
}
