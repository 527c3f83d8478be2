package cmd

import (
	"encoding/json"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// OIDC is the method of accounts with providers.
type OIDC struct {
	Enabled     bool
	Providers   []Provider // in the order of their buttons; no two ids are equal
	StoreTokens bool       // the tokens that providers hand out are kept, sealed
	TraitGroup  string     // node group of what a sign-up still lacks: "oidc" or "default"
}

// Provider is one provider. Printed or encoded, it hides its credentials.
type Provider struct {
	oidc.Settings        // without Mapper, which is at MapperURL
	MapperURL     string // not yet fetched; "" where there is a Mapping
}

// offered reports whether anybody can sign in by a provider.
func (o OIDC) offered() bool { return o.Enabled && len(o.Providers) > 0 }

// MarshalJSON hides the credentials.
func (p Provider) MarshalJSON() ([]byte, error) {
	type plain Provider
	for _, secret := range []*string{&p.ClientSecret, &p.ApplePrivateKey} {
		if *secret != "" {
			*secret = hidden
		}
	}
	p.MapperURL, p.MapperName = redactURI(p.MapperURL), ""
	return json.Marshal(plain(p))
}

// String is MarshalJSON's text.
func (p Provider) String() string { return jsonText(p) }

// GoString is String, for %#v.
func (p Provider) GoString() string { return p.String() }
