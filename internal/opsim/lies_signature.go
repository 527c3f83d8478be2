package opsim

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
)

// signatureLies are about who has signed what.
var signatureLies = []Lie{
	{Name: "alg_none", What: "alg is none, there is no signature", Ways: Both, Outcome: Refused, JWT: algNone("none")},
	{Name: "alg_none_case", What: "alg is nOnE, there is no signature", Ways: Both, Outcome: Refused, JWT: algNone("nOnE")},
	{Name: "alg_missing", What: "there is no alg", Ways: Both, Outcome: Refused, JWT: func(_ *Provider, t *JWT) { delete(t.Header, "alg") }},
	{Name: "alg_other", What: "alg names another algorithm than the signature's", Ways: Both, Outcome: Refused, JWT: header("alg", "PS512")},
	{Name: "hs256_public_key", What: "HS256, keyed with the public key as PEM", Ways: Both, Outcome: Refused, JWT: hs256(publicPEM)},
	{Name: "hs256_jwk", What: "HS256, keyed with the public key as it is published", Ways: Both, Outcome: Refused, JWT: hs256(publicJWK)},
	{Name: "hs256_client_secret", What: "HS256, keyed with the client's secret, which nobody agreed upon", Ways: Both, Outcome: Refused, JWT: hs256(func(p *Provider) []byte { return []byte(p.config.Clients[ClientID]) })},
	{Name: "hs256_empty", What: "HS256 with an empty key", Ways: Both, Outcome: Refused, JWT: hs256(func(*Provider) []byte { return []byte{} })},
	{Name: "wrong_key", What: "signed with a key that is not published, by the name of one that is", Ways: Both, Outcome: Refused, JWT: wrongKey},
	{Name: "wrong_key_no_kid", What: "signed with a key that is not published, and no name", Ways: Both, Outcome: Refused, JWT: func(p *Provider, t *JWT) { wrongKey(p, t); delete(t.Header, "kid") }},
	{Name: "kid_unknown", What: "the right key, by a name that is not published", Ways: Both, Outcome: Refused, JWT: header("kid", "nobody")},
	{Name: "kid_path", What: "the right key, by the name of a file", Ways: Both, Outcome: Refused, JWT: header("kid", "../../../../dev/null")},
	{Name: "kid_number", What: "the name of the key is a number", Ways: Both, Outcome: Refused, JWT: header("kid", 1)},
	{Name: "jwk_in_header", What: "signed with a key that the header brings along", Ways: Both, Outcome: Refused, JWT: ownKey},
	{Name: "jku_in_header", What: "signed with a key that the header says where to fetch", Ways: Both, Outcome: Refused, JWT: func(p *Provider, t *JWT) { wrongKey(p, t); t.Header["jku"] = p.URL(Nowhere) }},
	{Name: "crit_unknown", What: "the header demands an extension that nobody knows", Ways: Both, Outcome: Refused, JWT: header("crit", []string{"x-opsim"})},
	{Name: "payload_tampered", What: "claims changed after the signature", Ways: Both, Outcome: Refused, Signed: tampered},
	{Name: "signature_missing", What: "nothing after the last dot", Ways: Both, Outcome: Refused, Signed: func(_ *Provider, s string) string { return s[:strings.LastIndex(s, ".")+1] }},
	{Name: "signature_cut", What: "half of the signature", Ways: Both, Outcome: Refused, Signed: func(_ *Provider, s string) string { return s[:len(s)-43] }},
	{Name: "two_parts", What: "no signature and no dot before it", Ways: Both, Outcome: Refused, Signed: func(_ *Provider, s string) string { return s[:strings.LastIndex(s, ".")] }},
	{Name: "five_parts", What: "it looks encrypted", Ways: Both, Outcome: Refused, Signed: func(_ *Provider, s string) string { return s + ".YQ.YQ" }},
	{Name: "jws_as_json", What: "rightly signed, and written as JSON with an unsigned header", Ways: Both, Outcome: Refused, Signed: asJSON},
	{Name: "not_a_token", What: "a word", Ways: Both, Outcome: Refused, Signed: func(*Provider, string) string { return "rubbish" }},
	{Name: "of_another_issuer", What: "a good token that another provider has issued for its client of the same name", Ways: Both, Outcome: Refused, JWT: func(p *Provider, t *JWT) {
		wrongKey(p, t)
		t.Header["kid"], t.Claims["iss"] = "theirs", "https://other.example.org"
	}},
	{Name: "of_another_client", What: "a good token for another client, of another login", Ways: Both, Outcome: Refused, Signed: func(p *Provider, _ string) string { return p.other(grant{client: "another client"}) }},
	{Name: "of_another_person", What: "a good token of another person's login", Ways: Both, Outcome: Refused, Signed: func(p *Provider, _ string) string { return p.other(grant{client: ClientID}) }},
}

func header(name string, value any) func(*Provider, *JWT) {
	return func(_ *Provider, t *JWT) { t.Header[name] = value }
}

func algNone(name string) func(*Provider, *JWT) {
	return func(_ *Provider, t *JWT) { t.Header["alg"], t.Key = name, nil }
}

func hs256(secret func(*Provider) []byte) func(*Provider, *JWT) {
	return func(p *Provider, t *JWT) { t.Header["alg"], t.Key = "HS256", secret(p) }
}

func publicPEM(p *Provider) []byte {
	der, err := x509.MarshalPKIXPublicKey(p.signing().private.Public())
	if err != nil {
		panic(err) // a key of this package
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func publicJWK(p *Provider) []byte {
	raw, err := json.Marshal(published(p.signing()))
	if err != nil {
		panic(err)
	}
	return raw
}

func wrongKey(_ *Provider, t *JWT) { t.Key = stranger(t.Header["alg"]) }

func ownKey(p *Provider, t *JWT) {
	wrongKey(p, t)
	k := key{id: "brought along", alg: t.Header["alg"].(string), private: t.Key.(crypto.Signer)}
	t.Header["jwk"], t.Header["kid"] = published(k), k.id
}

// tampered makes a token one of somebody else.
func tampered(_ *Provider, token string) string {
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		panic(err)
	}
	parts[1] = encode(bytes.Replace(payload, []byte(`"sub":"`), []byte(`"sub":"not-`), 1))
	return strings.Join(parts, ".")
}

func asJSON(_ *Provider, token string) string {
	parts := strings.Split(token, ".")
	raw, err := json.Marshal(map[string]any{
		"payload": parts[1], "protected": parts[0], "signature": parts[2], "header": map[string]any{"x-opsim": "unsigned"},
	})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// other issues an honest token of another login than the one that is under way.
func (p *Provider) other(g grant) string {
	g.nonce, g.who = "the nonce of another login", Eve
	return p.write(g, "", Lie{})
}
