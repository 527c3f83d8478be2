package hash

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"hash"
	"strings"
)

// saltedOf reads {SSHA}, {SSHA256} and {SSHA512} as directories write them: the
// digest of password and salt, then the salt, in one base64 text.
func saltedOf(digest func() hash.Hash) func(string) (*parsed, error) {
	return func(encoded string) (*parsed, error) {
		_, text, _ := strings.Cut(encoded, "}")
		both, ok := padded(text)
		size := digest().Size()
		if !ok || len(both) <= size {
			return nil, malformed("a salted SHA hash is the digest and after it a salt, in padded base64")
		}
		sum, salt := both[:size], both[size:]
		return &parsed{memory: littleMemory, quick: true, matches: func(password []byte) bool {
			return equal(digestOf(digest, password, salt), sum)
		}}, nil
	}
}

func digestOf(digest func() hash.Hash, parts ...[]byte) []byte {
	h := digest()
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// templateOf reads $…$pf=template$salt$digest. The template says what was
// digested, {SALT} and {PASSWORD} standing for them.
func templateOf(digest func() hash.Hash) func(string) (*parsed, error) {
	return func(encoded string) (*parsed, error) {
		parts := strings.Split(encoded, "$")
		if len(parts) != 5 {
			return nil, malformed("such a hash has a template, a salt and a digest")
		}
		text, named := strings.CutPrefix(parts[2], "pf=")
		template, ok := padded(text)
		if !named || !ok || !strings.Contains(string(template), "{PASSWORD}") {
			return nil, malformed("the template must be pf= and, in padded base64, a text with {PASSWORD}")
		}
		salt, ok := padded(parts[3])
		if !ok || len(salt) == 0 && strings.Contains(string(template), "{SALT}") {
			return nil, malformed("the salt must be in padded base64, and not empty where the template has {SALT}")
		}
		sum, ok := padded(parts[4])
		if !ok || len(sum) != digest().Size() {
			return nil, malformed("the digest must be in padded base64 and as long as its algorithm makes it")
		}
		return &parsed{memory: littleMemory, quick: true, matches: func(password []byte) bool {
			// In one pass, so that neither can stand for the other.
			filled := strings.NewReplacer("{SALT}", string(salt), "{PASSWORD}", string(password)).Replace(string(template))
			return equal(digestOf(digest, []byte(filled)), sum)
		}}, nil
	}
}

// parseMD5 reads $md5$digest, and with a template what templateOf does.
func parseMD5(encoded string) (*parsed, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 3 {
		return templateOf(md5.New)(encoded)
	}
	sum, ok := padded(parts[2])
	if !ok || len(sum) != md5.Size {
		return nil, malformed("the digest must be 16 bytes in padded base64")
	}
	return &parsed{memory: littleMemory, quick: true, matches: func(password []byte) bool {
		return equal(digestOf(md5.New, password), sum)
	}}, nil
}

// hmacOf reads $hmac-…$code$key, where code is base64 of the code in hex.
func hmacOf(digest func() hash.Hash) func(string) (*parsed, error) {
	return func(encoded string) (*parsed, error) {
		parts := strings.Split(encoded, "$")
		if len(parts) != 4 {
			return nil, malformed("an HMAC has a code and a key")
		}
		text, ok := padded(parts[2])
		code, err := hex.DecodeString(string(text))
		if !ok || err != nil || len(code) != digest().Size() || strings.ToLower(string(text)) != string(text) {
			return nil, malformed("the code must be padded base64 of lower-case hex, as long as its algorithm makes it")
		}
		key, ok := padded(parts[3])
		if !ok || len(key) == 0 {
			return nil, malformed("the key must be at least 1 byte in padded base64")
		}
		return &parsed{memory: littleMemory, quick: true, matches: func(password []byte) bool {
			return equal(digestOf(func() hash.Hash { return hmac.New(digest, key) }, password), code)
		}}, nil
	}
}
