package hash

import (
	"bytes"
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

// parseBcrypt reads $2a$NN$ followed by 22 letters of salt and 31 of hash.
func parseBcrypt(encoded string) (*parsed, error) {
	if len(encoded) != 60 || encoded[6] != '$' || strings.Trim(encoded[7:], bcryptAlphabet) != "" {
		return nil, malformed("a bcrypt hash is $2a$, $2b$ or $2y$, a cost of two digits, $ and 53 letters")
	}
	cost, err := strconv.ParseUint(encoded[4:6], 10, 8)
	if err != nil {
		return nil, malformed("the cost of a bcrypt hash has two digits")
	}
	if cost < uint64(bcrypt.MinCost) || cost > maxBcryptCost {
		return nil, exceeds("bcrypt needs a cost of 4 to 15")
	}
	return &parsed{
		settings: bcryptSettings(int(cost)),
		memory:   bcryptMemory,
		matches: func(password []byte) bool {
			// A password that is too long costs the same as any other.
			seen := password[:min(len(password), MaxBcrypt)]
			equal := bcrypt.CompareHashAndPassword([]byte(encoded), seen) == nil
			return equal && checkBcryptPassword(password) == nil
		},
	}, nil
}
