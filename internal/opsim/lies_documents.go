package opsim

import (
	"net/url"
	"strings"
)

// documentLies are answers that differ from the honest one in a member or two.
var documentLies = []Lie{
	member(Discovery, Down, "discovery_issuer_other", "issuer", "https://other.example.org"),
	member(Discovery, Down, "discovery_issuer_missing", "issuer", nil),
	document(Discovery, Down, "discovery_issuer_slash", "issuer with a slash at its end", func(_ *Provider, d map[string]any) { d["issuer"] = d["issuer"].(string) + "/" }),
	member(Discovery, Down, "discovery_no_jwks", "jwks_uri", nil),
	only(Code, member(Discovery, Down, "discovery_no_token", "token_endpoint", nil)),
	only(Code, member(Discovery, Down, "discovery_no_authorization", "authorization_endpoint", nil)),
	only(Code, member(Discovery, Down, "discovery_authorization_script", "authorization_endpoint", "javascript:alert(1)")),
	only(Code, member(Discovery, Down, "discovery_authorization_number", "authorization_endpoint", 7)),
	only(Code, member(Discovery, Down, "discovery_token_metadata", "token_endpoint", "http://169.254.169.254/latest/meta-data/")),
	only(Code, member(Discovery, Down, "discovery_token_private", "token_endpoint", "http://10.0.0.1/token")),
	member(Discovery, Down, "discovery_jwks_metadata", "jwks_uri", "http://169.254.169.254/latest/meta-data/"),
	member(Discovery, Down, "discovery_jwks_file", "jwks_uri", "file:///etc/passwd"),
	document(Discovery, Down, "discovery_huge", "8 MiB", huge),
	document(JWKS, Down, "jwks_no_key", "no key", func(_ *Provider, d map[string]any) { d["keys"] = []any{} }),
	document(JWKS, Down, "jwks_keys_missing", "no list of keys", func(_ *Provider, d map[string]any) { delete(d, "keys") }),
	document(JWKS, Down, "jwks_symmetric", "a symmetric key by the name of the right one, and no other", func(p *Provider, d map[string]any) {
		d["keys"] = []any{map[string]any{"kty": "oct", "kid": p.signing().id, "k": encode([]byte("everybody knows this key, it is published"))}}
	}),
	document(JWKS, Refused, "jwks_other_key", "another key by the name of the right one", func(p *Provider, d map[string]any) { d["keys"] = []any{otherKey(p)} }),
	document(JWKS, Down, "jwks_for_encryption", "the key is for encryption", func(_ *Provider, d map[string]any) { firstKey(d)["use"] = "enc" }),
	document(JWKS, Refused, "jwks_other_alg", "the key is for another algorithm", func(_ *Provider, d map[string]any) { firstKey(d)["alg"] = "PS512" }),
	document(JWKS, Down, "jwks_huge", "8 MiB", huge),
	document(Token, Refused, "token_error_200", "200 and an error", func(_ *Provider, d map[string]any) { clear(d); d["error"] = "invalid_grant" }),
	document(Token, Down, "token_object_empty", "200 and {}", func(_ *Provider, d map[string]any) { clear(d) }),
	member(Token, Refused, "id_token_missing", "id_token", nil),
	member(Token, Refused, "id_token_empty", "id_token", ""),
	member(Token, Refused, "id_token_number", "id_token", 7),
	member(Token, Refused, "id_token_object", "id_token", map[string]any{"sub": "ada"}),
	member(Token, Down, "access_token_missing", "access_token", nil),
	member(Token, Down, "access_token_number", "access_token", 7),
	document(Token, Down, "token_huge", "8 MiB", huge),
	ofClaims(member(UserInfo, Refused, "userinfo_sub_other", "sub", "eve")),
	ofClaims(member(UserInfo, Refused, "userinfo_sub_missing", "sub", nil)),
	ofClaims(member(UserInfo, Refused, "userinfo_sub_empty", "sub", "")),
	ofClaims(member(UserInfo, Refused, "userinfo_sub_number", "sub", 7)),
	ofClaims(document(UserInfo, Down, "userinfo_sub_case", "sub of another person, and the right one in other letters", func(_ *Provider, d map[string]any) { d["SUB"], d["sub"] = d["sub"], "eve" })),
	ofClaims(document(UserInfo, Down, "userinfo_huge", "8 MiB", huge)),
	ofClaims(member(UserInfo, Refused, "userinfo_email_missing", "email", nil)),
	ofClaims(member(UserInfo, Unproved, "userinfo_email_verified_string", "email_verified", "true")),
	ofClaims(member(UserInfo, Unproved, "userinfo_email_verified_number", "email_verified", 1)),
	ofClaims(member(UserInfo, Unproved, "userinfo_email_verified_absent", "email_verified", nil)),
}

func document(at Endpoint, o Outcome, name, what string, change func(*Provider, map[string]any)) Lie {
	l := Lie{Name: name, What: string(at) + ": " + what, Ways: Both, Outcome: o, At: at, Document: change}
	if at == Token || at == UserInfo {
		l.Ways = Code
	}
	return l
}

// member changes one member; nil leaves it out.
func member(at Endpoint, o Outcome, lie, name string, value any) Lie {
	if value == nil {
		return document(at, o, lie, "no "+name, func(_ *Provider, d map[string]any) { delete(d, name) })
	}
	return document(at, o, lie, name+" is another", func(_ *Provider, d map[string]any) { d[name] = value })
}

func only(w Way, l Lie) Lie {
	l.Ways = w
	return l
}

func ofClaims(l Lie) Lie {
	l.Claims = true
	return l
}

func huge(_ *Provider, d map[string]any) { d["padding"] = strings.Repeat("a", 8<<20) }

// firstKey is the key that signs, as it is published.
func firstKey(jwks map[string]any) map[string]any { return jwks["keys"].([]any)[0].(map[string]any) }

// otherKey is a key that nobody signs with, by the name of the one that signs.
func otherKey(p *Provider) map[string]any {
	k := p.signing()
	other, err := newKey(k.alg, foreign-1)
	if err != nil {
		panic(err)
	}
	other.id = k.id
	return published(other)
}

// goodVariants are what honest providers do as well.
var goodVariants = []Lie{
	good("honest", "the truth, with a scope", Code, Lie{At: Token, Document: func(_ *Provider, d map[string]any) { d["scope"] = "openid email profile" }}),
	good("no_kid", "the key's name is left out", Both, Lie{JWT: func(_ *Provider, t *JWT) { delete(t.Header, "kid") }}),
	good("no_typ", "the type is left out", Both, Lie{JWT: func(_ *Provider, t *JWT) { delete(t.Header, "typ") }}),
	good("aud_list", "aud is a list of one", Both, Lie{JWT: func(_ *Provider, t *JWT) { t.Claims["aud"] = []any{t.Claims["aud"]} }}),
	good("aud_several_azp", "several audiences, issued to this client", Both, Lie{JWT: func(p *Provider, t *JWT) {
		azp, _ := t.Claims["aud"].(string)
		audiences(azp)(p, t)
	}}),
	good("azp", "azp is this client", Both, Lie{JWT: func(_ *Provider, t *JWT) { t.Claims["azp"] = t.Claims["aud"] }}),
	good("times_with_fractions", "times are no whole seconds", Both, Lie{JWT: func(p *Provider, t *JWT) {
		now := float64(p.config.Now().Unix())
		t.Claims["iat"], t.Claims["exp"] = now-0.5, now+600.5
	}}),
	good("iat_ahead", "the provider's clock is 30 seconds ahead", Both, Lie{JWT: func(p *Provider, t *JWT) {
		t.Claims["iat"] = p.config.Now().Unix() + 30
		t.Claims["nbf"] = t.Claims["iat"]
	}}),
	good("no_at_hash", "no at_hash", Code, Lie{JWT: drop("at_hash")}),
	good("more_claims", "claims that nobody knows", Both, Lie{JWT: set("https://example.org/claims", map[string]any{"deep": []any{1, nil, "x"}})}),
	good("token_type_lower", "token_type in small letters", Code, Lie{At: Token, Document: func(_ *Provider, d map[string]any) { d["token_type"] = "bearer" }}),
	good("token_only_what_must_be", "no refresh token, no lifetime", Code, Lie{At: Token, Document: func(_ *Provider, d map[string]any) {
		delete(d, "refresh_token")
		delete(d, "expires_in")
	}}),
	good("discovery_no_s256", "PKCE is not mentioned", Code, Lie{At: Discovery, Document: func(_ *Provider, d map[string]any) { delete(d, "code_challenge_methods_supported") }}),
	good("discovery_alg_none", "unsigned id_tokens are on offer, too", Both, Lie{At: Discovery, Document: func(p *Provider, d map[string]any) {
		d["id_token_signing_alg_values_supported"] = []string{"none", "HS256", p.config.Alg}
	}}),
	good("discovery_least", "only what must be there", Both, Lie{At: Discovery, Document: least}),
	good("jwks_more_keys", "keys of other kinds and for other uses", Both, Lie{At: JWKS, Document: moreKeys}),
	good("jwks_same_kid", "another key of the same name before the right one", Both, Lie{At: JWKS, Document: func(p *Provider, d map[string]any) { d["keys"] = append([]any{otherKey(p)}, d["keys"].([]any)...) }}),
	good("jwks_plain", "keys without alg and use", Both, Lie{At: JWKS, Document: func(_ *Provider, d map[string]any) { delete(firstKey(d), "alg"); delete(firstKey(d), "use") }}),
	good("back_with_session_state", "session_state and scope come back, too", Code, Lie{Redirect: func(_ *Provider, v url.Values) {
		v["session_state"], v["scope"] = []string{"x.y"}, []string{"openid"}
	}}),
}

func good(name, what string, w Way, l Lie) Lie {
	l.Name, l.What, l.Ways, l.Outcome = name, what, w, Accepted
	return l
}

// least leaves what the standard requires, and what both sides need.
func least(_ *Provider, d map[string]any) {
	for name := range d {
		switch name {
		case "issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "response_types_supported",
			"subject_types_supported", "id_token_signing_alg_values_supported", "authorization_response_iss_parameter_supported":
		default:
			delete(d, name)
		}
	}
}

func moreKeys(_ *Provider, d map[string]any) {
	ec, err := newKey("ES256", 7)
	if err != nil {
		panic(err)
	}
	encrypts := published(ec)
	encrypts["use"], encrypts["kid"] = "enc", "encrypts"
	d["keys"] = append([]any{
		map[string]any{"kty": "future", "kid": "future", "use": "sig"}, map[string]any{"kty": "oct", "kid": "oct", "k": "AAAA"}, encrypts,
	}, d["keys"].([]any)...)
}
