package identity

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/gofrs/uuid"
)

// View is an identity as it leaves the program. The public form has neither
// credentials nor admin metadata.
type View struct {
	ID             uuid.UUID                 `json:"id"`
	ExternalID     string                    `json:"external_id,omitempty"`
	Credentials    map[string]CredentialView `json:"credentials,omitempty"`
	SchemaID       string                    `json:"schema_id"`
	SchemaURL      string                    `json:"schema_url"`
	State          State                     `json:"state"`
	StateChangedAt *time.Time                `json:"state_changed_at,omitempty"`
	Traits         json.RawMessage           `json:"traits"`
	Verifiable     []VerifiableView          `json:"verifiable_addresses,omitempty"`
	Recovery       []RecoveryView            `json:"recovery_addresses,omitempty"`
	MetadataPublic json.RawMessage           `json:"metadata_public"`
	MetadataAdmin  json.RawMessage           `json:"metadata_admin,omitempty"`
	OrganizationID *string                   `json:"organization_id"`
	CreatedAt      time.Time                 `json:"created_at"`
	UpdatedAt      time.Time                 `json:"updated_at"`
}

// VerifiableView is a verifiable address on the wire; VerifiedAt is null until then.
type VerifiableView struct {
	ID         uuid.UUID  `json:"id"`
	Value      string     `json:"value"`
	Verified   bool       `json:"verified"`
	Via        string     `json:"via"`
	Status     string     `json:"status"`
	VerifiedAt *time.Time `json:"verified_at"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
}

// RecoveryView is a recovery address on the wire.
type RecoveryView struct {
	ID        uuid.UUID `json:"id"`
	Value     string    `json:"value"`
	Via       string    `json:"via"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// CredentialView is a credential on the wire. Config leaves with it only where an
// administrator asks for it.
type CredentialView struct {
	Type        CredentialType  `json:"type"`
	Identifiers []string        `json:"identifiers"`
	Config      json.RawMessage `json:"config,omitempty"`
	Version     int             `json:"version"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

// Viewer shapes identities for clients. PublicURL is the public base URL, with
// no slash at its end.
type Viewer struct{ PublicURL string }

// Public is what the person and everybody behind a public endpoint may see.
func (v Viewer) Public(i *Identity) View {
	out := View{
		ID:             i.ID,
		ExternalID:     i.ExternalID,
		SchemaID:       i.SchemaID,
		SchemaURL:      v.PublicURL + "/schemas/" + url.PathEscape(i.SchemaID),
		State:          i.State,
		StateChangedAt: optional(i.StateChangedAt),
		Traits:         i.Traits,
		MetadataPublic: i.MetadataPublic,
		CreatedAt:      i.CreatedAt,
		UpdatedAt:      i.UpdatedAt,
	}
	for _, a := range i.Verifiable {
		out.Verifiable = append(out.Verifiable, VerifiableView{
			ID: a.ID, Value: a.Value, Verified: a.Verified, Via: a.Via, Status: a.Status,
			VerifiedAt: optional(a.VerifiedAt), CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
		})
	}
	for _, a := range i.Recovery {
		out.Recovery = append(out.Recovery, RecoveryView{
			ID: a.ID, Value: a.Value, Via: a.Via, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
		})
	}
	return out
}

// Admin adds what only an administrator may see.
func (v Viewer) Admin(i *Identity) View {
	out := v.Public(i)
	out.MetadataAdmin = i.MetadataAdmin
	for _, c := range i.Credentials {
		if out.Credentials == nil {
			out.Credentials = map[string]CredentialView{}
		}
		out.Credentials[string(c.Type)] = CredentialView{
			Type: c.Type, Identifiers: c.Identifiers, Version: c.Version,
			CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		}
	}
	return out
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
