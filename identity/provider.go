package identity

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Link is a person's account with a provider, by which they sign in.
type Link struct {
	Provider string `json:"provider"` // the id it is configured under; without a colon
	Issuer   string `json:"issuer,omitempty"`
	Subject  string `json:"subject"`          // as the provider spells it: case counts
	Tokens   []byte `json:"tokens,omitempty"` // sealed by the caller; nil for none
}

// providerConfig is what a credential of providers stores.
type providerConfig struct {
	Providers []Link `json:"providers"`
}

// LinkName is the identifier of an account with a provider. No two identities
// have the same.
func LinkName(provider, subject string) string { return provider + ":" + subject }

// asLinkName is what was typed if that may be the name of an account, else empty.
func asLinkName(typed string) string {
	if !strings.Contains(typed, ":") || !utf8.ValidString(typed) || strings.ContainsFunc(typed, unicode.IsControl) {
		return ""
	}
	return typed
}

func (l Link) name() string { return LinkName(l.Provider, l.Subject) }

// Links returns the accounts i, read with credentials, signs in by, in the order
// they came.
func (i *Identity) Links() []Link {
	var config providerConfig
	// What cannot be read is no account that anything matches.
	_ = json.Unmarshal(i.credential(CredentialOIDC).Config, &config)
	return config.Providers
}

// SetLink lets i, drafted or a copy read with credentials, sign in by an account
// with a provider. What was kept of that account is replaced.
func (i *Identity) SetLink(l Link) {
	links := i.Links()
	if n := slices.IndexFunc(links, func(old Link) bool { return old.name() == l.name() }); n >= 0 {
		links[n] = l
	} else {
		links = append(links, l)
	}
	i.setLinks(links)
}

// Unlink takes from i, a copy read with credentials, all accounts with a
// provider. It reports whether there were any.
func (i *Identity) Unlink(provider string) bool {
	return i.unlink(func(l Link) bool { return l.Provider == provider })
}

// unlinkAccount is Unlink for one account, by its LinkName.
func (i *Identity) unlinkAccount(name string) bool {
	return i.unlink(func(l Link) bool { return l.name() == name })
}

func (i *Identity) unlink(gone func(Link) bool) bool {
	links := i.Links()
	rest := slices.DeleteFunc(slices.Clone(links), gone)
	switch {
	case len(rest) == len(links):
		return false
	case len(rest) > 0:
		i.setLinks(rest)
	default:
		// An empty list says that there is none, where nil would keep what is stored.
		i.Credentials = slices.DeleteFunc(i.Credentials, func(c Credential) bool { return c.Type == CredentialOIDC })
	}
	return true
}

func (i *Identity) setLinks(links []Link) {
	var names []string
	for _, l := range links {
		names = append(names, l.name())
	}
	i.setCredential(i.credential(CredentialOIDC), names, providerConfig{Providers: links})
}
