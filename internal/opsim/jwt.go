package opsim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
)

// key is a pair of the provider's.
type key struct {
	id, alg string
	private crypto.Signer
}

// rsaKeys are made once for all providers of a process: they take long, and those
// who share keys, as tenants do, are to be told apart by more than these.
var rsaKeys = [4]func() (*rsa.PrivateKey, error){newRSA(), newRSA(), newRSA(), newRSA()}

func newRSA() func() (*rsa.PrivateKey, error) {
	return sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
}

// foreign is the place among rsaKeys of the key that no provider publishes.
const foreign = len(rsaKeys) - 1

// newKey returns the n-th key of a provider.
func newKey(alg string, n int) (k key, err error) {
	k = key{id: fmt.Sprintf("key-%d", n+1), alg: alg}
	switch alg {
	case "RS256":
		k.private, err = rsaKeys[n%foreign]()
	case "ES256":
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("opsim signs with RS256, ES256 or EdDSA, not with %q", alg)
	}
	return k, err
}

// half is the left half of a text's hash, as at_hash has it.
func (k key) half(text string) string {
	sum := sha256.Sum256([]byte(text))
	if k.alg == "EdDSA" {
		sum := sha512.Sum512([]byte(text))
		return encode(sum[:len(sum)/2])
	}
	return encode(sum[:len(sum)/2])
}

// stranger is a key that no provider publishes, for the algorithm of a token.
func stranger(alg any) any {
	var k any
	var err error
	switch alg {
	case "ES256":
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, k, err = ed25519.GenerateKey(rand.Reader)
	default:
		k, err = rsaKeys[foreign]()
	}
	if err != nil {
		panic(err) // no random numbers
	}
	return k
}

// JWT is a token before it is signed.
type JWT struct {
	Header map[string]any // "alg" says how it is signed
	Claims map[string]any
	Key    any // a crypto.Signer, or the bytes for HS256; nil leaves the signature empty

	payload func([]byte) []byte
}

// String is the token, signed.
func (t *JWT) String() string {
	header, err := json.Marshal(t.Header)
	if err != nil {
		panic(err) // what lies write is JSON
	}
	payload, err := json.Marshal(t.Claims)
	if err != nil {
		panic(err)
	}
	if t.payload != nil {
		payload = t.payload(payload)
	}
	text := encode(header) + "." + encode(payload)
	return text + "." + encode(sign(t.Key, text))
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func sign(with any, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	var out []byte
	var err error
	switch k := with.(type) {
	case nil:
	case []byte:
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte(text))
		out = mac.Sum(nil)
	case *rsa.PrivateKey:
		out, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
	case *ecdsa.PrivateKey:
		r, s, failed := ecdsa.Sign(rand.Reader, k, sum[:])
		if err = failed; err == nil {
			out = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case ed25519.PrivateKey:
		out = ed25519.Sign(k, []byte(text))
	default:
		err = fmt.Errorf("opsim cannot sign with %T", with)
	}
	if err != nil {
		panic(err)
	}
	return out
}
