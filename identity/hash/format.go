package hash

import (
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// parsed is a hash that was read and whose parameters are within the limits.
type parsed struct {
	settings string // algorithm and parameters, equal for hashes made alike
	memory   uint64 // bytes that matching takes
	matches  func(password []byte) bool
}

// formats lists every kind of hash that is understood. parse is given the whole
// encoded text, hashes nothing, and answers with malformed or exceeds.
var formats = []struct {
	prefix string
	parse  func(encoded string) (*parsed, error)
}{
	{"$argon2id$", parseArgon2},
	{"$argon2i$", parseArgon2},
	{"$2a$", parseBcrypt},
	{"$2b$", parseBcrypt},
	{"$2y$", parseBcrypt},
}

// maxEncoded bounds the text that is looked at, in bytes.
const maxEncoded = 1024

// parse reads a hash that Verify can work with: of a known format, well formed
// and with parameters within fixed limits. It hashes nothing. The error is a
// refusal that never quotes the hash.
func parse(encoded string) (*parsed, error) {
	if len(encoded) > maxEncoded {
		return nil, malformed("it has more than 1024 bytes")
	}
	for _, f := range formats {
		if strings.HasPrefix(encoded, f.prefix) {
			return f.parse(encoded)
		}
	}
	return nil, fail.New(fail.BadRequest, "hash_format_unknown",
		"the password hash is of no known format; known are those that begin with "+knownPrefixes())
}

func knownPrefixes() string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.prefix
	}
	return strings.Join(names, ", ")
}

func malformed(why string) error {
	return fail.New(fail.BadRequest, "hash_malformed", "the password hash is malformed: "+why)
}

func exceeds(why string) error {
	return fail.New(fail.BadRequest, "hash_parameters_refused", "the password hash has parameters outside the limits: "+why)
}
