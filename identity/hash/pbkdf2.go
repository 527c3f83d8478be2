package hash

import (
	"crypto/pbkdf2"
	"hash"
	"strings"
)

// maxPBKDF2 bounds rounds times blocks of the key.
const maxPBKDF2 = 10_000_000

// pbkdf2Of reads $pbkdf2-…$i=…,l=…$salt$key.
func pbkdf2Of(digest func() hash.Hash) func(string) (*parsed, error) {
	return func(encoded string) (*parsed, error) {
		parts := strings.Split(encoded, "$")
		if len(parts) != 5 {
			return nil, malformed("a PBKDF2 hash has parameters, a salt and a key")
		}
		values, ok := numbers(parts[2], "i", "l")
		if !ok {
			return nil, malformed("the parameters of PBKDF2 are i and l, each a number")
		}
		rounds, length := values[0], values[1]
		if rounds < 1 || rounds > maxPBKDF2 || length < minKey || length > maxKey {
			return nil, exceeds("PBKDF2 needs i of 1 to 10000000 and l of 16 to 128")
		}
		size := uint64(digest().Size())
		if blocks := (length + size - 1) / size; rounds*blocks > maxPBKDF2 {
			return nil, exceeds("PBKDF2 runs i times for each block of the key, more than 10000000 times here")
		}
		salt, ok := unpadded(parts[3])
		if !ok || len(salt) == 0 {
			return nil, malformed("the salt must be at least 1 byte in unpadded base64")
		}
		key, ok := unpadded(parts[4])
		if !ok || uint64(len(key)) != length {
			return nil, malformed("the key must be l bytes in unpadded base64")
		}
		return &parsed{memory: littleMemory, quick: true, matches: func(password []byte) bool {
			derived, err := pbkdf2.Key(digest, string(password), salt, int(rounds), len(key))
			return err == nil && equal(derived, key) && !endsInNUL(password)
		}}, nil
	}
}
