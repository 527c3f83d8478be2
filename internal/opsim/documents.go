package opsim

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

func (p *Provider) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	p.document(w, Discovery, map[string]any{
		"issuer":                                         p.Issuer(),
		"authorization_endpoint":                         p.URL(Authorize),
		"token_endpoint":                                 p.URL(Token),
		"userinfo_endpoint":                              p.URL(UserInfo),
		"jwks_uri":                                       p.URL(JWKS),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query", "form_post"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"public"},
		"scopes_supported":                               []string{"openid", "email", "profile", "phone", "offline_access"},
		"id_token_signing_alg_values_supported":          []string{p.config.Alg},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"authorization_response_iss_parameter_supported": true,
		"claims_parameter_supported":                     true,
	})
}

func (p *Provider) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	keys := []any{}
	for _, k := range p.keys {
		keys = append(keys, published(k))
	}
	p.mu.Unlock()
	p.document(w, JWKS, map[string]any{"keys": keys})
}

// published is a key's public half as a JWKS has it, as an object that can be
// changed.
func published(k key) map[string]any {
	raw, err := json.Marshal(jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: k.alg, Use: "sig"})
	if err != nil {
		panic(err) // a key of this package
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

func (p *Provider) serveUserInfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	who, known := p.access[token]
	if !known {
		p.fault(ForeignAccess)
	}
	p.mu.Unlock()
	if !known {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	body := map[string]any{}
	for name, value := range who {
		body[name] = value
	}
	p.document(w, UserInfo, body)
}

// document answers 200 with what an endpoint says, changed where the lie is about it.
func (p *Provider) document(w http.ResponseWriter, at Endpoint, body map[string]any) {
	if l := p.told(); l.At == at && l.Document != nil {
		l.Document(p, body)
	}
	writeJSON(w, http.StatusOK, body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
