package session

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// keys sign tokens: the first of a set does, and all of them are published, so
// that tokens of a key that was replaced can still be verified.
type keys struct {
	signer jose.Signer
	public []jose.JSONWebKey
}

// minRSA is the least size of an RSA key, in bits.
const minRSA = 2048

// readKeys reads a JSON Web Key Set, whose first key has to be a private one.
// Every other private one is tried too, since it may come to the front. Keys
// that verify by what signs are refused: a service that verifies must not be
// able to sign. Nothing of a key stands in an error.
func readKeys(raw []byte) (*keys, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, errors.New("it is no JSON Web Key Set")
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("the key set is empty")
	}
	k := &keys{}
	for n, one := range set.Keys {
		key, err := readKey(one)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", n+1, err)
		}
		if slices.ContainsFunc(k.public, func(other jose.JSONWebKey) bool { return other.KeyID == key.KeyID }) {
			return nil, fmt.Errorf("key %d: another one has its kid", n+1)
		}
		k.public = append(k.public, key.Public())
		if key.IsPublic() {
			continue
		}
		s, err := signer(key)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", n+1, err)
		}
		if n == 0 {
			k.signer = s
		}
	}
	if k.signer == nil {
		return nil, errors.New("key 1: it is a public key, which cannot sign")
	}
	return k, nil
}

func readKey(raw []byte) (key jose.JSONWebKey, err error) {
	if err := json.Unmarshal(raw, &key); err != nil {
		return key, errors.New("it cannot be read as a key of a kind that is known here")
	}
	fit, err := algorithms(key.Public().Key)
	if err != nil {
		return key, err
	}
	if key.Algorithm == "" {
		key.Algorithm = string(fit[0])
	}
	switch {
	case key.Use != "" && key.Use != "sig":
		return key, errors.New("its use is not sig")
	case !slices.Contains(fit, jose.SignatureAlgorithm(key.Algorithm)):
		return key, fmt.Errorf("its alg does not fit it, or is none of those known here: %q", fit)
	}
	key.Use = "sig"
	if key.KeyID == "" {
		sum, err := key.Thumbprint(crypto.SHA256)
		if err != nil {
			return key, err
		}
		key.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	}
	return key, nil
}

// algorithms lists what a key can sign by, the usual one first.
func algorithms(public any) ([]jose.SignatureAlgorithm, error) {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}, nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return []jose.SignatureAlgorithm{jose.ES256}, nil
		case elliptic.P384():
			return []jose.SignatureAlgorithm{jose.ES384}, nil
		case elliptic.P521():
			return []jose.SignatureAlgorithm{jose.ES512}, nil
		}
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return nil, fmt.Errorf("an RSA key needs %d bits", minRSA)
		}
		return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, nil
	}
	return nil, errors.New("only EC, Ed25519 and RSA keys can be used")
}

// signer signs with key, and has done so once: a key whose halves do not belong
// together shows at the start.
func signer(key jose.JSONWebKey) (jose.Signer, error) {
	alg := jose.SignatureAlgorithm(key.Algorithm)
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, errors.New("it cannot sign")
	}
	signed, err := s.Sign([]byte("{}"))
	if err == nil {
		_, err = signed.Verify(key.Public())
	}
	if err != nil {
		return nil, errors.New("what it signs cannot be verified: its private part is another key's")
	}
	return s, nil
}
