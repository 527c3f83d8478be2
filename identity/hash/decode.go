package hash

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"
)

// numbers reads "m=1,t=2" where exactly these names are expected in this order.
func numbers(text string, names ...string) ([]uint64, bool) {
	parts := strings.Split(text, ",")
	if len(parts) != len(names) {
		return nil, false
	}
	values := make([]uint64, len(names))
	for i, name := range names {
		digits, found := strings.CutPrefix(parts[i], name+"=")
		// 64 bits, so that absurd values are told as such and not as malformed.
		value, err := strconv.ParseUint(digits, 10, 64)
		if !found || err != nil {
			return nil, false
		}
		values[i] = value
	}
	return values, true
}

// padded and unpadded read base64 that has one spelling only.
func padded(text string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	return b, err == nil
}

func unpadded(text string) ([]byte, bool) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return b, err == nil
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// endsInNUL tells passwords that PBKDF2 and scrypt cannot tell from a shorter
// one: they fill up with NUL.
func endsInNUL(password []byte) bool { return bytes.HasSuffix(password, []byte{0}) }
