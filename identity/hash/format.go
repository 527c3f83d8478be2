package hash

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"strings"

	"golang.org/x/crypto/md4" //nolint:staticcheck // hashes brought along

	"github.com/foyer-id/foyer/internal/fail"
)

// parsed is a hash that was read and whose parameters are within the limits.
type parsed struct {
	settings string // algorithm and parameters, equal for hashes made alike; empty for what is never made here
	memory   uint64 // bytes that matching takes
	quick    bool   // matching may take less time than what is made here
	matches  func(password []byte) bool
}

// formats lists every kind of hash that is understood. parse is given the whole
// encoded text, hashes nothing, allocates no more than the text's length, and
// answers with malformed or exceeds.
var formats = []struct {
	prefix string
	parse  func(encoded string) (*parsed, error)
}{
	{"$argon2id$", parseArgon2},
	{"$argon2i$", parseArgon2},
	{"$2a$", parseBcrypt},
	{"$2b$", parseBcrypt},
	{"$2x$", parseBcrypt},
	{"$2y$", parseBcrypt},
	{"$pbkdf2-sha1$", pbkdf2Of(sha1.New)},
	{"$pbkdf2-sha224$", pbkdf2Of(sha256.New224)},
	{"$pbkdf2-sha256$", pbkdf2Of(sha256.New)},
	{"$pbkdf2-sha384$", pbkdf2Of(sha512.New384)},
	{"$pbkdf2-sha512$", pbkdf2Of(sha512.New)},
	{"$scrypt$", parseScrypt},
	{"$firescrypt$", parseFirebase},
	{"{SSHA}", saltedOf(sha1.New)},
	{"{SSHA256}", saltedOf(sha256.New)},
	{"{SSHA512}", saltedOf(sha512.New)},
	{"$sha1$", templateOf(sha1.New)},
	{"$sha256$", templateOf(sha256.New)},
	{"$sha512$", templateOf(sha512.New)},
	{"$md5$", parseMD5},
	{"$md5-crypt$", parseMD5Crypt},
	{"$sha256-crypt$", shaCryptOf(sha256.New, 43)},
	{"$sha512-crypt$", shaCryptOf(sha512.New, 86)},
	{"$hmac-md4$", hmacOf(md4.New)},
	{"$hmac-md5$", hmacOf(md5.New)},
	{"$hmac-sha1$", hmacOf(sha1.New)},
	{"$hmac-sha224$", hmacOf(sha256.New224)},
	{"$hmac-sha256$", hmacOf(sha256.New)},
	{"$hmac-sha384$", hmacOf(sha512.New384)},
	{"$hmac-sha512$", hmacOf(sha512.New)},
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
		if !strings.HasPrefix(encoded, f.prefix) {
			continue
		}
		if strings.ContainsFunc(encoded, unprintable) {
			return nil, malformed("it contains something else than printable ASCII")
		}
		return f.parse(encoded)
	}
	return nil, fail.New(fail.BadRequest, "hash_format_unknown",
		"the password hash is of no known format; known are those that begin with "+knownPrefixes())
}

// unprintable keeps out blanks, which a decoder of base64 would pass over.
func unprintable(r rune) bool { return r <= ' ' || r > '~' }

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
