package cmd

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/foyer-id/foyer/internal/web"
)

// Admin is the endpoint operators and other services talk to.
type Admin struct {
	Endpoint
	Auth AdminAuth
}

// AdminAuth is how callers of the admin API prove who they are. With nothing in it
// nobody is asked.
type AdminAuth struct {
	None   bool // serve.admin.auth: none, which is alone then
	Tokens []AdminToken
	JWT    *web.JWTSettings
	Certs  []web.CertCaller // the listener has verified them by TLS.ClientCA
}

// Asks reports whether callers have to prove anything.
func (a AdminAuth) Asks() bool { return len(a.Tokens) > 0 || a.JWT != nil || len(a.Certs) > 0 }

// AdminToken is who has a token. Printed or encoded, it hides the hash.
type AdminToken struct {
	Name   string // no two are equal
	Hash   string // SHA-256 of the token as it is configured: hex or base64, perhaps after sha256:
	Scopes []string
}

// MarshalJSON hides the hash: somebody may have hashed what can be guessed.
func (t AdminToken) MarshalJSON() ([]byte, error) {
	type plain AdminToken
	t.Hash = hidden
	return json.Marshal(plain(t))
}

// String is MarshalJSON's text.
func (t AdminToken) String() string { return jsonText(t) }

// GoString is String, for %#v.
func (t AdminToken) GoString() string { return t.String() }

// sum is the hash, and whether it is one.
func (t AdminToken) sum() (sum [32]byte, ok bool) {
	text := strings.TrimPrefix(t.Hash, tokenHashPrefix)
	raw, err := hex.DecodeString(text)
	if err != nil {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		raw, err = base64.RawStdEncoding.DecodeString(text)
	}
	return [32]byte(append(raw, make([]byte, 32)...)), err == nil && len(raw) == len(sum)
}

const authKey = "serve.admin.auth"

func buildAdmin(s settings, dev bool, hostname string) Admin {
	const jwt, mtls = authKey + ".jwt.", authKey + ".mtls."
	a := Admin{Endpoint: buildEndpoint(s, "serve.admin", dev, hostname)}
	a.TLS.ClientCAPath, a.TLS.ClientCABase64 = s.str(mtls+"ca.path"), s.str(mtls+"ca.base64")
	a.Auth.None = s.str(authKey) == "none"
	for _, t := range s.list(authKey + ".tokens") {
		a.Auth.Tokens = append(a.Auth.Tokens, AdminToken{Name: t.str("name"), Hash: t.str("hash"), Scopes: t.strs("scopes")})
	}
	if issuer := s.str(jwt + "issuer"); issuer != "" {
		a.Auth.JWT = &web.JWTSettings{
			Issuer: issuer, Audiences: s.strs(jwt + "audience"), KeysURL: s.str(jwt + "jwks_url"),
			ScopeClaim: s.str(jwt + "scope_claim"), Skew: s.dur(jwt + "clock_skew"),
		}
	}
	for _, c := range s.list(mtls + "callers") {
		a.Auth.Certs = append(a.Auth.Certs, web.CertCaller{
			Name: c.str("name"), Subject: c.str("subject"), DNS: c.str("dns"), URI: c.str("uri"), Scopes: c.strs("scopes"),
		})
	}
	return a
}
