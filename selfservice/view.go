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
	OrganizationID   json.RawMessage `json:"organization_id,omitempty"`
	State            State           `json:"state"`
	TransientPayload json.RawMessage `json:"transient_payload,omitempty"`
	IdentitySchema   string          `json:"identity_schema,omitempty"`
	Foyer            *foyerView      `json:"foyer,omitempty"`
}

// foyerView holds what goes beyond the protocol, under one key so that strict
// typed clients keep working.
type foyerView struct {
	State string `json:"state,omitempty"` // the opaque state the flow was opened with
	// Where to wait until the flow has moved on: another device may prove the address.
	Wait string `json:"wait,omitempty"`
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
	Action            string    `json:"action"`
	Flow              *nextFlow `json:"flow,omitempty"`
	RedirectBrowserTo string    `json:"redirect_browser_to,omitempty"`
	SessionToken      string    `json:"ory_session_token,omitempty"`
}

// nextFlow is a flow that a client should show next.
type nextFlow struct {
	ID                uuid.UUID `json:"id"`
	VerifiableAddress string    `json:"verifiable_address"`
	URL               string    `json:"url,omitempty"` // the page, for browsers
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
	}
	if kinds[f.Kind].traits {
		v.OrganizationID, v.IdentitySchema = json.RawMessage("null"), f.SchemaID
	}
	if f.Native {
		v.Type = "api"
	}
	if v.UI.Action == "" {
		v.UI.Action = h.submitURL(f)
	}
	if beyond := (foyerView{State: f.notes.State, Wait: h.waitURL(f)}); beyond != (foyerView{}) {
		v.Foyer = &beyond
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
	if s.ShowVerification {
		next := &nextFlow{ID: s.Verification.ID, VerifiableAddress: s.Verifying}
		if !s.Flow.Native {
			next.URL = h.pageURL(s.Verification)
		}
		v.ContinueWith = append(v.ContinueWith, continueWith{Action: "show_verification_ui", Flow: next})
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
