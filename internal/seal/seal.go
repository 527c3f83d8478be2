// Package seal turns secrets into text that is safe to store or to hand out:
// sealed with an AEAD, or reduced to a keyed MAC.
//
// Every use names its purpose; a value sealed for one purpose does not open
// for another. The first key seals, every key opens, so keys rotate by being
// put in front of the list. Keys never reach the database.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// MinSecret is the least length of a configured secret, in bytes.
const MinSecret = 16

// minPart is the least that VerifyPart accepts, in bytes: 128 bits.
const minPart = 16

// ErrOpen is returned for whatever was not sealed by one of the ring's keys
// for the purpose asked: tampered, truncated, foreign, or of a removed key.
var ErrOpen = errors.New("seal: cannot be opened")

// Ring is an ordered set of keys for one family of purposes (cookies, private
// notes, …). It is safe for concurrent use.
type Ring struct {
	keys []key
}

type key struct {
	aead cipher.AEAD
	mac  []byte
}

// NewRing derives a ring from configured secrets; family separates rings that
// share a secret. At least one secret of MinSecret bytes is needed.
func NewRing(family string, secrets ...string) (*Ring, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("seal: no secret for %s", family)
	}
	r := &Ring{}
	for i, s := range secrets {
		if len(s) < MinSecret {
			return nil, fmt.Errorf("seal: secret %d for %s has %d bytes, at least %d are needed", i, family, len(s), MinSecret)
		}
		material, err := hkdf.Key(sha256.New, []byte(s), nil, "foyer/"+family, 64)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(material[:32])
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		r.keys = append(r.keys, key{aead: aead, mac: material[32:]})
	}
	return r, nil
}

// Seal encrypts and authenticates plain for purpose.
func (r *Ring) Seal(purpose string, plain []byte) []byte {
	return r.keys[0].aead.Seal(nil, nil, plain, []byte(purpose))
}

// Open reverses Seal, or returns ErrOpen.
func (r *Ring) Open(purpose string, sealed []byte) ([]byte, error) {
	for _, k := range r.keys {
		if plain, err := k.aead.Open(nil, nil, sealed, []byte(purpose)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrOpen
}

// SealString is Seal as unpadded URL-safe base64.
func (r *Ring) SealString(purpose string, plain []byte) string {
	return base64.RawURLEncoding.EncodeToString(r.Seal(purpose, plain))
}

// OpenString reverses SealString. Only the exact string opens: base64 with
// stray bits set, or with line ends, which the decoder skips, is refused.
func (r *Ring) OpenString(purpose, sealed string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(sealed) != base64.RawURLEncoding.EncodedLen(len(b)) {
		return nil, ErrOpen
	}
	return r.Open(purpose, b)
}

// MAC returns the 32-byte keyed digest of parts under the first key. Parts are
// length-prefixed, so ("ab","c") and ("a","bc") differ.
func (r *Ring) MAC(purpose string, parts ...[]byte) []byte {
	return mac(r.keys[0].mac, purpose, parts)
}

// Verify reports in constant time whether sum is the MAC of parts under any
// key of the ring.
func (r *Ring) Verify(purpose string, sum []byte, parts ...[]byte) bool {
	ok := false
	for _, k := range r.keys {
		ok = hmac.Equal(sum, mac(k.mac, purpose, parts)) || ok
	}
	return ok
}

// VerifyPart is Verify for the first bytes of a MAC, which have to be as many
// as minPart.
func (r *Ring) VerifyPart(purpose string, part []byte, parts ...[]byte) bool {
	ok := false
	for _, k := range r.keys {
		sum := mac(k.mac, purpose, parts)
		ok = len(part) >= minPart && hmac.Equal(part, sum[:min(len(part), len(sum))]) || ok
	}
	return ok
}

func mac(key []byte, purpose string, parts [][]byte) []byte {
	h := hmac.New(sha256.New, key)
	var n [8]byte
	for _, p := range append([][]byte{[]byte(purpose)}, parts...) {
		for i := range n {
			n[i] = byte(len(p) >> (8 * i))
		}
		h.Write(n[:])
		h.Write(p)
	}
	return h.Sum(nil)
}

// Digits returns n decimal digits from the system's CSPRNG, 3.3 bits each.
func Digits(n int) string { return random("0123456789", n) }

const alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Alphanumeric returns n characters of A-Z, a-z, 0-9 from the system's CSPRNG,
// 5.95 bits each: 32 of them are 190 bits.
func Alphanumeric(n int) string { return random(alphanumerics, n) }

// random returns n characters of alphabet, each as likely as any other.
func random(alphabet string, n int) string {
	// Bytes from the largest multiple of the alphabet's size on are left out:
	// the remainder of one of those would favour the first characters.
	size := byte(len(alphabet))
	limit := byte(256 / len(alphabet) * len(alphabet) % 256) // 0 stands for 256
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		rand.Read(buf[:])
		for _, b := range buf {
			if (limit == 0 || b < limit) && len(out) < n {
				out = append(out, alphabet[b%size])
			}
		}
	}
	return string(out)
}
