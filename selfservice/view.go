package selfservice

import (
	"cmp"
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
	ContinueWith     []continueWith  `json:"continue_with,omitempty"`
	ExchangeCode     string          `json:"session_token_exchange_code,omitempty"`
	*loginView
	Identity *identity.View `json:"identity,omitempty"` // settings: whose they are
	Foyer    foyerView      `json:"foyer"`
}

// loginView is what only login flows have.
type loginView struct {
	Refresh      bool        `json:"refresh"`
	RequestedAAL session.AAL `json:"requested_aal"`
	CreatedAt    time.Time   `json:"created_at"`
	UpdatedAt    time.Time   `json:"updated_at"`
}

// foyerView holds what goes beyond the protocol, under one key so that strict
// typed clients keep working.
type foyerView struct {
	Next  *next  `json:"next,omitempty"`
	State string `json:"state,omitempty"` // the opaque state the flow was opened with
	// Where to wait until the flow has moved on: another device may prove the address.
	Wait string `json:"wait,omitempty"`
	// SessionToken is a native client's, where the protocol has no place for it.
	SessionToken string `json:"session_token,omitempty"`
}

// successView answers a flow that is done.
type successView struct {
	SessionToken string         `json:"session_token,omitempty"`
	Session      *session.View  `json:"session,omitempty"`
	Identity     *identity.View `json:"identity,omitempty"`
	ContinueWith []continueWith `json:"continue_with"`
	Foyer        foyerView      `json:"foyer"`
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
	VerifiableAddress string    `json:"verifiable_address,omitempty"`
	URL               string    `json:"url,omitempty"` // the page, for browsers
}

// describe shapes f without its form, and without what tells a client where to
// go on.
func (e *Engine) describe(f *Flow) flowView {
	v := flowView{
		ID:               f.ID,
		Type:             "browser",
		ExpiresAt:        f.ExpiresAt,
		IssuedAt:         f.IssuedAt,
		RequestURL:       f.RequestURL,
		ReturnTo:         f.ReturnTo,
		Active:           f.Active,
		State:            f.State,
		TransientPayload: f.notes.Transient,
		ExchangeCode:     f.exchangeCode(),
	}
	switch f.Kind {
	case Login:
		v.loginView = &loginView{
			Refresh: f.Refreshes(), RequestedAAL: cmp.Or(f.notes.AAL, session.AAL1), CreatedAt: f.IssuedAt, UpdatedAt: f.IssuedAt,
		}
		fallthrough
	case Registration:
		v.OrganizationID, v.IdentitySchema = json.RawMessage("null"), f.SchemaID
	case Settings:
		v.OrganizationID = json.RawMessage("null")
	}
	if f.Native {
		v.Type = "api"
	}
	return v
}

// flow shapes f with its form. csrf is the masked token; empty for native clients.
func (h *HTTP) flow(f *Flow, csrf string) flowView {
	v := h.Engine.describe(f)
	v.UI = h.Engine.Form(f, csrf)
	if f.Kind == Settings {
		i := h.Sessions.View.Identities.Public(f.owner)
		v.Identity = &i
	}
	if v.UI.Action == "" {
		v.UI.Action = h.Engine.submitURL(f)
	}
	v.Foyer = foyerView{Next: h.nextOf(f, v.UI.Action), State: f.notes.State, Wait: h.waitURL(f)}
	return v
}

// success shapes the end of a flow for a client that reads JSON.
func (h *HTTP) success(s *Step) successView {
	v := successView{ContinueWith: h.continueWith(s), Foyer: foyerView{Next: h.nextAfter(s)}}
	if s.Flow.Kind == Registration {
		i := h.Sessions.View.Identities.Public(s.person())
		v.Identity = &i
	}
	if s.Session == nil {
		return v
	}
	view := h.Sessions.View.Public(s.Session, h.Engine.Now())
	v.Session = &view
	if s.Flow.Native {
		v.SessionToken = s.SessionToken
	}
	return v
}

// continueWith lists what the client of a step that is done should do next, in
// the order of the protocol.
func (h *HTTP) continueWith(s *Step) []continueWith {
	list := []continueWith{}
	if !s.Flow.Native {
		list = append(list, continueWith{Action: "redirect_browser_to", RedirectBrowserTo: h.wanted(s)})
	}
	if s.ShowVerification {
		list = append(list, continueWith{Action: "show_verification_ui", Flow: h.nextFlow(s, s.Verification, s.Verifying)})
	}
	if s.Flow.Native && s.Session != nil {
		list = append(list, continueWith{Action: "set_ory_session_token", SessionToken: s.SessionToken})
	}
	if s.Settings != nil {
		list = append(list, continueWith{Action: "show_settings_ui", Flow: h.nextFlow(s, s.Settings, "")})
	}
	return list
}

func (h *HTTP) nextFlow(s *Step, f *Flow, address string) *nextFlow {
	next := &nextFlow{ID: f.ID, VerifiableAddress: address}
	if !s.Flow.Native {
		next.URL = h.pageURL(f)
	}
	return next
}
