package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// SigningAlgorithms are those a token of somebody else may be signed with: all
// asymmetric, since the keys are public.
var SigningAlgorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// KeySet are the public keys of somebody who signs tokens. It is never empty.
type KeySet []jose.JSONWebKey

// ParseKeys reads a JWK Set. A key of a new type, for something else or too short
// is left out, and is no reason to refuse the others.
func ParseKeys(raw []byte) (KeySet, error) {
	var all struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var set KeySet
	for _, raw := range all.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && proves(key) {
			set = append(set, key)
		}
	}
	if len(set) == 0 {
		return nil, errors.New("keys: there is none that can prove a token")
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

// Signed is a token that one of the keys it was held against has signed.
type Signed struct {
	Type    string // the header typ, as it was sent
	Payload []byte
}

// ErrUnsigned is returned for what no key has signed, and for what is no token.
var ErrUnsigned = errors.New("no key has signed it")

// VerifySigned reads a JWS in its compact form. Any error but ErrUnsigned is one
// of fetching the keys: whether one of them has signed it is not known.
func VerifySigned(ctx context.Context, keys *Kept[KeySet], raw string) (Signed, error) {
	token, err := jose.ParseSignedCompact(raw, SigningAlgorithms)
	if err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	header := token.Signatures[0].Protected
	// Whatever no key has signed may be signed with a new one, whose name may be
	// that of an old one.
	for _, missing := range []bool{false, true} {
		set, err := keys.Get(ctx, missing)
		if err != nil {
			return Signed{}, err
		}
		for _, key := range set {
			if !fits(key, header) {
				continue
			}
			if payload, err := token.Verify(key.Key); err == nil {
				kind, _ := header.ExtraHeaders[jose.HeaderType].(string)
				return Signed{Type: kind, Payload: payload}, nil
			}
		}
	}
	return Signed{}, ErrUnsigned
}

// fits says whether key is one that a token with header h may be signed with. A
// token that names no key may be signed with any.
func fits(key jose.JSONWebKey, h jose.Header) bool {
	return (h.KeyID == "" || key.KeyID == h.KeyID) && (key.Algorithm == "" || key.Algorithm == h.Algorithm)
}
