package hash

import (
	"crypto/aes"
	"crypto/cipher"
	"slices"
	"strings"

	"golang.org/x/crypto/scrypt"
)

const (
	maxScryptN = 1 << 17
	maxScryptR = 8
	maxScryptP = 10
)

// scryptMemory counts its large table, and is never zero.
func scryptMemory(n, r uint64) uint64 { return 128*n*r + littleMemory }

// parseScrypt reads $scrypt$ln=…,r=…,p=…$salt$key, where ln is N itself.
func parseScrypt(encoded string) (*parsed, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 5 {
		return nil, malformed("a scrypt hash has parameters, a salt and a key")
	}
	values, ok := numbers(parts[2], "ln", "r", "p")
	if !ok {
		return nil, malformed("the parameters of scrypt are ln, r and p, each a number")
	}
	n, r, p := values[0], values[1], values[2]
	if n < 2 || n > maxScryptN || n&(n-1) != 0 || !scryptFits(r, p) {
		return nil, exceeds("scrypt needs ln, which is N itself, a power of two from 2 to 131072, r of 1 to 8 and p of 1 to 10")
	}
	salt, ok := padded(parts[3])
	if !ok || len(salt) == 0 {
		return nil, malformed("the salt must be at least 1 byte in padded base64")
	}
	key, ok := padded(parts[4])
	if !ok || len(key) < minKey || len(key) > maxKey {
		return nil, malformed("the key must be 16 to 128 bytes in padded base64")
	}
	return &parsed{memory: scryptMemory(n, r), matches: func(password []byte) bool {
		derived, err := scrypt.Key(password, salt, int(n), int(r), int(p), len(key))
		return err == nil && equal(derived, key) && !endsInNUL(password)
	}}, nil
}

func scryptFits(r, p uint64) bool { return r >= 1 && r <= maxScryptR && p >= 1 && p <= maxScryptP }

// parseFirebase reads $firescrypt$ln=…,r=…,p=…$salt$hash$separator$signer, where
// ln is the logarithm of N. The hash is the project's signer key, encrypted with
// what scrypt makes of the password.
func parseFirebase(encoded string) (*parsed, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 7 {
		return nil, malformed("a Firebase scrypt hash has parameters, a salt, a hash, a salt separator and a signer key")
	}
	values, ok := numbers(parts[2], "ln", "r", "p")
	if !ok {
		return nil, malformed("the parameters of Firebase scrypt are ln, r and p, each a number")
	}
	ln, r, p := values[0], values[1], values[2]
	if ln < 1 || ln > 17 || !scryptFits(r, p) {
		return nil, exceeds("Firebase scrypt needs ln, the logarithm of N, of 1 to 17, r of 1 to 8 and p of 1 to 10")
	}
	var fields [4][]byte
	for i := range fields {
		if fields[i], ok = padded(parts[3+i]); !ok {
			return nil, malformed("salt, hash, salt separator and signer key must be in padded base64")
		}
	}
	salt, stored, separator, signer := fields[0], fields[1], fields[2], fields[3]
	if len(salt) == 0 {
		return nil, malformed("there is no salt")
	}
	if len(stored) < minKey || len(stored) > maxKey || len(stored) != len(signer) {
		return nil, malformed("the hash must be as long as the signer key, 16 to 128 bytes")
	}
	salt = slices.Concat(salt, separator)
	n := uint64(1) << ln
	return &parsed{memory: scryptMemory(n, r), matches: func(password []byte) bool {
		key, err := scrypt.Key(password, salt, int(n), int(r), int(p), 32)
		return err == nil && equal(encryptSigner(key, signer), stored) && !endsInNUL(password)
	}}, nil
}

// encryptSigner is AES-256 in counter mode, counting from zero.
func encryptSigner(key, signer []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	encrypted := make([]byte, len(signer))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(encrypted, signer)
	return encrypted
}
