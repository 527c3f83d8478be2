package hash

import (
	"hash"
	"strconv"
	"strings"

	"github.com/go-crypt/x/crypt"
)

const (
	cryptAlphabet   = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	minCryptRounds  = 1000
	maxCryptRounds  = 1_000_000
	usualCryptRound = 5000 // where a hash names none

	// maxCryptPassword is what crypt(3) takes; the work grows with the password.
	maxCryptPassword = 511
)

// parseMD5Crypt reads $md5-crypt$salt$key, which crypt(3) writes $1$salt$key.
func parseMD5Crypt(encoded string) (*parsed, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 4 || len(parts[2]) > 8 {
		return nil, malformed("an md5-crypt hash has a salt of at most 8 letters and a key")
	}
	if !isCryptKey(parts[3], 22, 4) {
		return nil, malformed("the key must be 22 letters as crypt(3) writes them")
	}
	return cryptOf(parts[3], func(password []byte) []byte {
		return crypt.KeyMD5Crypt(password, []byte(parts[2]))
	}), nil
}

// shaCryptOf reads $sha…-crypt$rounds=…$salt$key, which crypt(3) writes with $5$
// or $6$. letters is the length of the key.
func shaCryptOf(digest func() hash.Hash, letters int) func(string) (*parsed, error) {
	// 6 bits a letter, and the last of them holds what is left of the digest.
	last := 1 << (6 - (letters*6 - digest().Size()*8))
	return func(encoded string) (*parsed, error) {
		parts := strings.Split(encoded, "$")
		rounds := uint64(usualCryptRound)
		if len(parts) == 5 {
			values, ok := numbers(parts[2], "rounds")
			if !ok {
				return nil, malformed("the parameter of sha-crypt is rounds, a number")
			}
			if rounds = values[0]; rounds < minCryptRounds || rounds > maxCryptRounds {
				return nil, exceeds("sha-crypt needs rounds of 1000 to 1000000")
			}
			parts = append(parts[:2], parts[3:]...)
		}
		if len(parts) != 4 || parts[2] == "" || len(parts[2]) > 16 {
			return nil, malformed("a sha-crypt hash has rounds, a salt of 1 to 16 letters and a key")
		}
		if !isCryptKey(parts[3], letters, last) {
			return nil, malformed("the key must be " + strconv.Itoa(letters) + " letters as crypt(3) writes them")
		}
		return cryptOf(parts[3], func(password []byte) []byte {
			return crypt.KeySHACrypt(digest, password, []byte(parts[2]), int(rounds))
		}), nil
	}
}

// isCryptKey checks length and letters; the last is one of the first so many of
// the alphabet.
func isCryptKey(key string, letters, last int) bool {
	return len(key) == letters && strings.Trim(key, cryptAlphabet) == "" &&
		strings.IndexByte(cryptAlphabet, key[letters-1]) < last
}

func cryptOf(key string, derive func(password []byte) []byte) *parsed {
	return &parsed{memory: littleMemory, quick: true, matches: func(password []byte) bool {
		// A password that is too long costs no more than the longest.
		seen := password[:min(len(password), maxCryptPassword)]
		return equal(derive(seen), []byte(key)) && len(password) <= maxCryptPassword
	}}
}
