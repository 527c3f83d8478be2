package hash

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

func encodeArgon2id(a Argon2, salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.Memory, a.Iterations, a.Parallelism,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

func argon2Settings(variant string, a Argon2) string {
	return fmt.Sprintf("%s m=%d t=%d p=%d salt=%d key=%d", variant, a.Memory, a.Iterations, a.Parallelism, a.SaltLength, a.KeyLength)
}

// parseArgon2 reads $argon2id$v=19$m=…,t=…,p=…$salt$key, and argon2i alike.
func parseArgon2(encoded string) (*parsed, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 {
		return nil, malformed("an argon2 hash has a version, parameters, a salt and a key")
	}
	if parts[2] != "v=19" {
		return nil, malformed("only version 19 of argon2 is understood")
	}
	a, err := parseArgon2Parameters(parts[3])
	if err != nil {
		return nil, err
	}
	salt, ok := unpadded(parts[4])
	if !ok || len(salt) < minArgon2Salt || len(salt) > maxArgon2Salt {
		return nil, malformed("the salt must be 8 to 128 bytes in unpadded base64")
	}
	key, ok := unpadded(parts[5])
	if !ok || len(key) < minKey || len(key) > maxKey {
		return nil, malformed("the key must be 16 to 128 bytes in unpadded base64")
	}
	a.SaltLength, a.KeyLength = uint32(len(salt)), uint32(len(key))
	derive := argon2.IDKey
	if parts[1] == "argon2i" {
		derive = argon2.Key
	}
	return &parsed{
		settings: argon2Settings(parts[1], a),
		memory:   argon2Memory(a.Memory),
		matches: func(password []byte) bool {
			return equal(derive(password, salt, a.Iterations, a.Memory, a.Parallelism, a.KeyLength), key)
		},
	}, nil
}

func parseArgon2Parameters(text string) (a Argon2, err error) {
	values, ok := numbers(text, "m", "t", "p")
	if !ok {
		return a, malformed("the parameters of argon2 are m, t and p, each a number")
	}
	m, t, p := values[0], values[1], values[2]
	if m > maxArgon2Memory || t < 1 || t > maxArgon2Iterations || p < 1 || p > maxArgon2Parallelism || m < 8*p {
		return a, exceeds("argon2 needs m of at most 1048576 KiB and at least 8 p, t of 1 to 10 and p of 1 to 16")
	}
	a.Memory, a.Iterations, a.Parallelism = uint32(m), uint32(t), uint8(p)
	return a, nil
}
