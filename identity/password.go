package identity

import (
	"encoding/json"
	"slices"

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

// SetPassword gives an identity a password: a drafted one its credential, for
// all identifiers that go with one; a copy of one that was read, for those that
// it signs in with already, else those its traits hold. hashed is in the text
// form of package hash. It reports whether there is anything to type beside it.
func (i *Identity) SetPassword(hashed string) bool {
	c := i.credential(CredentialPassword)
	names := i.passwords
	if i.identifiers == nil {
		own := c.Identifiers
		for _, other := range i.Credentials {
			if own == nil && other.Type.Space() == SpaceLogin {
				own = other.Identifiers
			}
		}
		if own != nil {
			names = own
		} else {
			i.identifiers = append([]string{}, names...)
		}
	}
	i.setCredential(c, names, passwordConfig{HashedPassword: hashed})
	return len(names) > 0
}

// SignsIn reports whether i, read with credentials, has one of a type for a
// canonical identifier.
func (i *Identity) SignsIn(t CredentialType, name string) bool {
	return slices.Contains(i.credential(t).Identifiers, name)
}

// credential returns the one of a type, or a new one that i does not have yet.
func (i *Identity) credential(t CredentialType) Credential {
	for _, c := range i.Credentials {
		if c.Type == t {
			return c
		}
	}
	return Credential{ID: uuid.Must(uuid.NewV4()), Type: t, Version: -1, CreatedAt: i.UpdatedAt}
}

// setCredential gives i the credential c with another content.
func (i *Identity) setCredential(c Credential, names []string, config any) {
	c.Identifiers, c.Config, c.UpdatedAt = names, encode(config), i.UpdatedAt
	c.Version++
	for n := range i.Credentials {
		if i.Credentials[n].ID == c.ID {
			i.Credentials[n] = c
			return
		}
	}
	i.Credentials = append(i.Credentials, c)
}
