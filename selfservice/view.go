package selfservice

import (
	"encoding/json"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// flowView is a flow as it leaves the program.
type flowView struct {
	ID               uuid.UUID       `json:"id"`
	Type             string          `json:"type"`
	ExpiresAt        time.Time       `json:"expires_at"`
	IssuedAt         time.Time       `json:"issued_at"`
	RequestURL       string          `json:"request_url"`
	ReturnTo         string          `json:"return_to,omitempty"`
	Active           string          `json:"active,omitempty"`
	UI               ui.Form         `json:"ui"`
	OrganizationID   *string         `json:"organization_id"`
	State            State           `json:"state"`
	TransientPayload json.RawMessage `json:"transient_payload,omitempty"`
	IdentitySchema   string          `json:"identity_schema,omitempty"`
	Foyer            *foyerView      `json:"foyer,omitempty"`
}

// foyerView holds what goes beyond the protocol, under one key so that strict
// typed clients keep working.
type foyerView struct {
	State string `json:"state,omitempty"` // the opaque state the flow was opened with
}

// successView answers a flow that is done.
type successView struct {
	SessionToken string         `json:"session_token,omitempty"`
	Session      *session.View  `json:"session,omitempty"`
	Identity     *identity.View `json:"identity,omitempty"`
	ContinueWith []continueWith `json:"continue_with"`
}

// continueWith is one thing a client should do next.
type continueWith struct {
	Action            string `json:"action"`
	RedirectBrowserTo string `json:"redirect_browser_to,omitempty"`
	SessionToken      string `json:"ory_session_token,omitempty"`
}

// flow shapes f with its form. csrf is the masked token; empty for native clients.
func (h *HTTP) flow(f *Flow, csrf string) flowView {
	v := flowView{
		ID:               f.ID,
		Type:             "browser",
		ExpiresAt:        f.ExpiresAt,
		IssuedAt:         f.IssuedAt,
		RequestURL:       f.RequestURL,
		ReturnTo:         f.ReturnTo,
		Active:           f.Active,
		UI:               h.Engine.Form(f, csrf),
		State:            f.State,
		TransientPayload: f.notes.Transient,
		IdentitySchema:   f.SchemaID,
	}
	if f.Native {
		v.Type = "api"
	}
	v.UI.Action = h.submitURL(f)
	if f.notes.State != "" {
		v.Foyer = &foyerView{State: f.notes.State}
	}
	return v
}

// success shapes the end of a flow for a client that reads JSON.
func (h *HTTP) success(s *Step) successView {
	v := successView{ContinueWith: []continueWith{}}
	if s.Identity != nil {
		i := h.Sessions.View.Identities.Public(s.Identity)
		v.Identity = &i
	}
	if !s.Flow.Native {
		v.ContinueWith = append(v.ContinueWith, continueWith{Action: "redirect_browser_to", RedirectBrowserTo: h.Engine.destination(s.Next)})
	}
	if s.Session == nil {
		return v
	}
	view := h.Sessions.View.Public(s.Session, h.Engine.Now())
	v.Session = &view
	if s.Flow.Native {
		v.SessionToken = s.SessionToken
		v.ContinueWith = append(v.ContinueWith, continueWith{Action: "set_ory_session_token", SessionToken: s.SessionToken})
	}
	return v
}
