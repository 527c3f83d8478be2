package identity

import (
	"encoding/json"

	"github.com/gofrs/uuid"
)

// passwordConfig is what a password credential stores.
type passwordConfig struct {
	HashedPassword string `json:"hashed_password"`
}

// SetPassword gives a drafted identity its password credential, for all its
// identifiers. hashed is in the text form of package hash.
func (i *Identity) SetPassword(hashed string) {
	raw, err := json.Marshal(passwordConfig{HashedPassword: hashed})
	if err != nil {
		panic("identity: " + err.Error()) // a struct of one string always encodes
	}
	i.Credentials = append(i.Credentials, Credential{
		ID:          uuid.Must(uuid.NewV4()),
		Type:        CredentialPassword,
		Identifiers: i.identifiers,
		Config:      raw,
		CreatedAt:   i.CreatedAt,
		UpdatedAt:   i.CreatedAt,
	})
}
