package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are those an id_token may be signed with: all asymmetric, since
// the keys are public.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// keySet are the keys of a provider that can prove an id_token.
type keySet []jose.JSONWebKey

func (p *Provider) fetchKeys(ctx context.Context) (keySet, error) {
	m, err := p.metadata.get(ctx, false)
	if err != nil {
		return nil, err
	}
	raw, err := p.deps.Do.get(ctx, m.Keys, "")
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var all struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var set keySet
	for _, raw := range all.Keys {
		var key jose.JSONWebKey
		// A key of a new type or for something else is none for us, and no reason to
		// refuse the others.
		if json.Unmarshal(raw, &key) == nil && proves(key) {
			set = append(set, key)
		}
	}
	if len(set) == 0 {
		return nil, errors.New("keys: there is none that can prove an id_token")
	}
	return set, nil
}

// proves says whether signatures by key count.
func proves(key jose.JSONWebKey) bool {
	if key.Use != "" && key.Use != "sig" || !key.Valid() {
		return false
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= 2048 && public.N.BitLen() <= 8192
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// signature is the oidc.KeySet for one id_token. The library loses what went
// wrong, so that it is kept here.
type signature struct {
	keys    *kept[keySet]
	payload []byte
	err     error // of a provider that could not be asked
}

var errSignature = errors.New("no key of the provider has signed it")

// VerifySignature implements oidc.KeySet.
func (s *signature) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	token, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return nil, err
	}
	header := token.Signatures[0].Protected
	if of, _ := header.ExtraHeaders[jose.HeaderType].(string); strings.HasSuffix(strings.ToLower(of), "+jwt") {
		return nil, errors.New("it is a token of another type")
	}
	// Whatever no key has signed may be signed with a new one, whose name may be
	// that of an old one.
	for _, missing := range []bool{false, true} {
		set, err := s.keys.get(ctx, missing)
		if err != nil {
			s.err = err
			return nil, err
		}
		for _, key := range set {
			if !fits(key, header) {
				continue
			}
			if s.payload, err = token.Verify(key.Key); err == nil {
				return s.payload, nil
			}
		}
	}
	return nil, errSignature
}

// fits says whether key is one that a token with header h may be signed with. A
// token that names no key may be signed with any.
func fits(key jose.JSONWebKey, h jose.Header) bool {
	return (h.KeyID == "" || key.KeyID == h.KeyID) && (key.Algorithm == "" || key.Algorithm == h.Algorithm)
}
