package identity

import (
	"encoding/json"

	"github.com/gofrs/uuid"
)

// passwordConfig is what a password credential stores.
type passwordConfig struct {
	HashedPassword string `json:"hashed_password"`
}

// Password returns the hash of the password, in the text form of package hash;
// "" where there is none or credentials were not asked for.
func (i *Identity) Password() string {
	for _, c := range i.Credentials {
		if c.Type == CredentialPassword {
			var config passwordConfig
			// What cannot be read is no hash that anything matches.
			_ = json.Unmarshal(c.Config, &config)
			return config.HashedPassword
		}
	}
	return ""
}

// SetPassword gives an identity a password for all its identifiers: a drafted
// one its credential, one that has a password another hash. hashed is in the
// text form of package hash. The caller has set UpdatedAt, and read credentials.
func (i *Identity) SetPassword(hashed string) {
	raw, err := json.Marshal(passwordConfig{HashedPassword: hashed})
	if err != nil {
		panic("identity: " + err.Error()) // a struct of one string always encodes
	}
	names := i.identifiers
	for n := range i.Credentials {
		c := &i.Credentials[n]
		if names == nil && c.Type.Space() == SpaceLogin {
			names = c.Identifiers
		}
		if c.Type != CredentialPassword {
			continue
		}
		if i.identifiers != nil {
			c.Identifiers = i.identifiers
		}
		c.Config, c.Version, c.UpdatedAt = raw, c.Version+1, i.UpdatedAt
		return
	}
	i.Credentials = append(i.Credentials, Credential{
		ID:          uuid.Must(uuid.NewV4()),
		Type:        CredentialPassword,
		Identifiers: names,
		Config:      raw,
		CreatedAt:   i.UpdatedAt,
		UpdatedAt:   i.UpdatedAt,
	})
}
