package opsim

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// tokenLife is how long an id_token is good.
const tokenLife = 10 * time.Minute

// serveToken exchanges a code, once, for whom it was given to.
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	client, ok := p.authenticate(r)
	if !ok {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	g, refused := p.spend(client, r.PostForm)
	if refused != "" {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": refused})
		return
	}
	access := rand.Text()
	p.mu.Lock()
	p.access[access] = g.who
	p.mu.Unlock()
	p.document(w, Token, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()),
		"refresh_token": rand.Text(), "id_token": p.idToken(g, access),
	})
}

// authenticate knows a client by its secret, by header or in the body.
func (p *Provider) authenticate(r *http.Request) (client string, ok bool) {
	client, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if name, password, basic := r.BasicAuth(); basic {
		client, _ = url.QueryUnescape(name)
		secret, _ = url.QueryUnescape(password)
	}
	expected, err := p.secret(client)
	ok = r.Method == http.MethodPost && err == nil && subtle.ConstantTimeCompare([]byte(expected), []byte(secret)) == 1
	if !ok {
		p.mu.Lock()
		p.fault(UnknownClient)
		p.mu.Unlock()
	}
	return client, ok
}

// spend takes a code, which is gone whatever is wrong with the rest.
func (p *Provider) spend(client string, v url.Values) (g grant, refused string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v.Get("grant_type") != "authorization_code" {
		return g, "unsupported_grant_type"
	}
	found := p.grants[v.Get("code")]
	if found == nil || found.client != client {
		p.fault(ForeignCode)
		return g, "invalid_grant"
	}
	if found.spent {
		p.fault(SpentCode)
		return g, "invalid_grant"
	}
	found.spent = true
	sum := sha256.Sum256([]byte(v.Get("code_verifier")))
	switch {
	case !p.config.Now().Before(found.until):
		return g, "invalid_grant"
	case v.Get("redirect_uri") != found.redirect:
		p.fault(OtherRedirect)
		return g, "invalid_grant"
	case found.challenge != "" && base64.RawURLEncoding.EncodeToString(sum[:]) != found.challenge:
		p.fault(WrongVerifier)
		return g, "invalid_grant"
	}
	return *found, ""
}

// Mint returns an id_token for an app that has asked the system's dialogue for
// one, with the lie that is told now.
func (p *Provider) Mint(client, nonce string) string {
	p.mu.Lock()
	g := grant{client: client, nonce: nonce, who: p.person}
	p.mu.Unlock()
	return p.idToken(g, "")
}

// idToken writes a token, in which the lie has its say. at_hash is there with an
// access token.
func (p *Provider) idToken(g grant, access string) string { return p.write(g, access, p.told()) }

func (p *Provider) write(g grant, access string, l Lie) string {
	now, k := p.config.Now(), p.signing()
	claims := map[string]any{
		"iss": p.Issuer(), "aud": g.client, "iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "auth_time": now.Unix(),
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	if !p.config.Lean {
		maps.Copy(claims, g.who)
	}
	claims["sub"] = g.who["sub"]
	if access != "" {
		claims["at_hash"] = k.half(access)
	}
	t := &JWT{Header: map[string]any{"alg": k.alg, "kid": k.id, "typ": "JWT"}, Claims: claims, Key: k.private}
	if l.JWT != nil {
		l.JWT(p, t)
	}
	if l.Payload != nil {
		t.payload = l.Payload
	}
	out := t.String()
	if l.Signed != nil {
		out = l.Signed(p, out)
	}
	return out
}
