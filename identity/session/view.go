package session

import (
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
)

// View is a session as it leaves the program.
type View struct {
	ID              uuid.UUID      `json:"id"`
	Active          bool           `json:"active"`
	ExpiresAt       time.Time      `json:"expires_at"`
	AuthenticatedAt time.Time      `json:"authenticated_at"`
	AAL             AAL            `json:"authenticator_assurance_level"`
	Methods         []Method       `json:"authentication_methods"`
	IssuedAt        time.Time      `json:"issued_at"`
	Identity        *identity.View `json:"identity"`
	Devices         []DeviceView   `json:"devices"`
	Tokenized       string         `json:"tokenized,omitempty"` // the same as a JWT, where asked for
}

// DeviceView is a device on the wire; what is not known is null.
type DeviceView struct {
	ID        uuid.UUID `json:"id"`
	IP        *string   `json:"ip_address"`
	UserAgent *string   `json:"user_agent"`
	Location  *string   `json:"location"`
}

// Viewer shapes sessions for clients.
type Viewer struct{ Identities identity.Viewer }

// Public is what the session's owner may see at now.
func (v Viewer) Public(s *Session, now time.Time) View {
	out := bare(s, now)
	out.Devices = append(out.Devices, device(s.Device))
	if s.Identity != nil {
		i := v.Identities.Public(s.Identity)
		out.Identity = &i
	}
	return out
}

// Admin is what an administrator sees who asked for e.
func (v Viewer) Admin(s *Session, now time.Time, e Expansion) View {
	out := bare(s, now)
	if e.Devices {
		out.Devices = append(out.Devices, device(s.Device))
	}
	if e.Identity && s.Identity != nil {
		i := v.Identities.Admin(s.Identity)
		out.Identity = &i
	}
	return out
}

func bare(s *Session, now time.Time) View {
	return View{
		ID:              s.ID,
		Active:          s.Live(now),
		ExpiresAt:       s.ExpiresAt,
		AuthenticatedAt: s.AuthenticatedAt,
		AAL:             s.AAL,
		Methods:         s.Methods,
		IssuedAt:        s.IssuedAt,
		Devices:         []DeviceView{},
	}
}

func device(d Device) DeviceView {
	return DeviceView{ID: d.ID, IP: known(d.IP), UserAgent: known(d.UserAgent)}
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
