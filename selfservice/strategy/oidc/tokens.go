package oidc

import (
	"encoding/json"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/seal"
)

// keptFor is what the tokens of an account are sealed for: they open with no other.
func keptFor(provider, subject string) string {
	return "tokens/" + identity.LinkName(provider, subject)
}

func sealTokens(ring *seal.Ring, provider string, c *Claims) ([]byte, error) {
	raw, err := json.Marshal(c.Tokens)
	if err != nil {
		return nil, err
	}
	return ring.Seal(keptFor(provider, c.Subject), raw), nil
}

// OpenTokens opens what a provider gave when an account was linked, empty where
// nothing was kept or the key it was sealed with is gone.
func OpenTokens(ring *seal.Ring, l identity.Link) (id, access, refresh string) {
	var t Tokens
	if raw, err := ring.Open(keptFor(l.Provider, l.Subject), l.Tokens); err == nil {
		_ = json.Unmarshal(raw, &t) // what was sealed here can be read
	}
	return t.ID, t.Access, t.Refresh
}
