package hash

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/foyer-id/foyer/internal/fail"
)

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func bcryptSettings(cost int) string { return fmt.Sprintf("bcrypt cost=%d", cost) }

// checkBcryptPassword refuses what bcrypt cannot tell from another password: it
// reads 72 bytes, and repeats shorter ones with a NUL between.
func checkBcryptPassword(password []byte) error {
	if len(password) > MaxBcrypt {
		return ErrTooLong
	}
	if bytes.IndexByte(password, 0) >= 0 {
		return fail.New(fail.BadRequest, "password_malformed", "the password contains a NUL")
	}
	return nil
}

// bcryptOfNobody is a hash of that cost which no password has made.
func bcryptOfNobody(cost int) string {
	letters := random(53)
	for n, b := range letters {
		letters[n] = bcryptAlphabet[b&63]
	}
	return fmt.Sprintf("$2a$%02d$%s", cost, letters)
}

// parseBcrypt reads $2a$NN$ followed by 22 letters of salt and 31 of hash. $2x$
// marks a hash that an old library made with a fault, see signExtended.
func parseBcrypt(encoded string) (*parsed, error) {
	if len(encoded) != 60 || encoded[6] != '$' || strings.Trim(encoded[7:], bcryptAlphabet) != "" {
		return nil, malformed("a bcrypt hash is $2a$, $2b$, $2x$ or $2y$, a cost of two digits, $ and 53 letters")
	}
	cost, err := strconv.ParseUint(encoded[4:6], 10, 8)
	if err != nil {
		return nil, malformed("the cost of a bcrypt hash has two digits")
	}
	if cost < uint64(bcrypt.MinCost) || cost > maxBcryptCost {
		return nil, exceeds("bcrypt needs a cost of 4 to 15")
	}
	faulty := encoded[2] == 'x'
	p := &parsed{
		memory: littleMemory,
		matches: func(password []byte) bool {
			// A password that is too long costs the same as any other.
			seen := password[:min(len(password), MaxBcrypt)]
			if faulty {
				seen = signExtended(seen)
			}
			equal := bcrypt.CompareHashAndPassword([]byte(encoded), seen) == nil
			return equal && checkBcryptPassword(password) == nil
		},
	}
	if !faulty {
		p.settings = bcryptSettings(int(cost))
	}
	return p, nil
}

// signExtended returns the 72 bytes that an old crypt_blowfish took for password
// and that a sound one takes for themselves. It gathered four bytes to a word, the
// password repeated with a NUL between, and treated each as signed: one of 128 or
// more blotted out those before it in its word.
func signExtended(password []byte) []byte {
	repeated := append(bytes.Clone(password), 0)
	var out []byte
	for n := 0; len(out) < MaxBcrypt; {
		var word uint32
		for range 4 {
			word = word<<8 | uint32(int32(int8(repeated[n%len(repeated)])))
			n++
		}
		out = binary.BigEndian.AppendUint32(out, word)
	}
	return out
}
