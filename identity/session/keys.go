package session

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
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

var algorithms = []jose.SignatureAlgorithm{
	jose.EdDSA, jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
}

// readKeys reads a JSON Web Key Set, whose first key has to be a private one.
// Keys that verify by what signs are refused: a service that verifies must not
// be able to sign. Nothing of a key stands in an error.
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
		k.public = append(k.public, key.Public())
		if n > 0 {
			continue
		}
		if key.IsPublic() {
			return nil, errors.New("key 1: it is a public key, which cannot sign")
		}
		if k.signer, err = signer(key); err != nil {
			return nil, fmt.Errorf("key 1: %w", err)
		}
	}
	return k, nil
}

func readKey(raw []byte) (key jose.JSONWebKey, err error) {
	if err := json.Unmarshal(raw, &key); err != nil {
		return key, errors.New("it cannot be read as a key of a kind that is known here")
	}
	var likely jose.SignatureAlgorithm
	switch k := key.Public().Key.(type) {
	case ed25519.PublicKey:
		likely = jose.EdDSA
	case *ecdsa.PublicKey:
		likely = map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[k.Curve.Params().BitSize]
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return key, fmt.Errorf("an RSA key needs %d bits", minRSA)
		}
		likely = jose.RS256
	default:
		return key, errors.New("only EC, Ed25519 and RSA keys can be used")
	}
	if key.Algorithm == "" {
		key.Algorithm = string(likely)
	}
	switch {
	case key.Use != "" && key.Use != "sig":
		return key, errors.New("its use is not sig")
	case !slices.Contains(algorithms, jose.SignatureAlgorithm(key.Algorithm)):
		return key, errors.New("its alg is none of those known here")
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

// signer signs with key, and has done so once: a key that does not fit its alg,
// or whose halves do not belong together, shows at the start.
func signer(key jose.JSONWebKey) (jose.Signer, error) {
	alg := jose.SignatureAlgorithm(key.Algorithm)
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, errors.New("its alg does not fit it")
	}
	signed, err := s.Sign([]byte("{}"))
	if err == nil {
		_, err = signed.Verify(key.Public())
	}
	if err != nil {
		return nil, errors.New("what it signs cannot be verified: its alg does not fit it, or its private part is another key's")
	}
	return s, nil
}
