// Package hash turns passwords into stored hashes and judges passwords against
// them, its own and those brought along from other systems.
//
// However many callers there are, hashes run a few at a time: as many as there
// are cores and as fit into a budget of memory. The rest wait in one line,
// first come first served, for a bounded time. No password is ever truncated.
package hash

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/txn"
)

// MaxPassword is the most bytes of a password any algorithm here takes, and
// MaxBcrypt the most that bcrypt can tell apart.
const (
	MaxPassword = 1024
	MaxBcrypt   = 72
)

// ErrTooLong is returned by Hash for a password the algorithm would have to
// truncate, or that has more than MaxPassword bytes. A client may read it.
var ErrTooLong = fail.New(fail.BadRequest, "password_too_long",
	fmt.Sprintf("the password is too long: at most %d bytes, or %d with bcrypt, can be hashed", MaxPassword, MaxBcrypt))

var errInTransaction = errors.New("hash: called inside a transaction, which it would hold open while it waits and works")

// Hasher hashes with one configuration. It is safe for concurrent use; the
// bounds hold per Hasher, so a program has one.
type Hasher struct {
	config   Config
	settings string
	nobody   string // a hash like those of this configuration, which no password has made
	pool     *pool
	key      func(password, salt []byte, a Argon2) []byte
}

// New returns a hasher for c, or what Check says.
func New(c Config) (*Hasher, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	h := &Hasher{config: c, key: argon2idKey}
	switch c.Algorithm {
	case BCrypt:
		h.settings, h.nobody = bcryptSettings(c.BcryptCost), bcryptOfNobody(c.BcryptCost)
	default:
		h.settings = argon2Settings("argon2id", c.Argon2)
		h.nobody = encodeArgon2id(c.Argon2, random(c.Argon2.SaltLength), random(c.Argon2.KeyLength))
	}
	one := c.memory()
	h.pool = newPool(int(min(uint64(runtime.GOMAXPROCS(0)), c.Budget/one)), c.Budget, c.MaxWait, c.Now)
	return h, nil
}

// Hash returns the encoded hash of password under a fresh salt. One keyboard's
// "é" is another's: passwords are hashed in Unicode NFC (NIST SP 800-63B-4,
// 3.1.1.2). It refuses with ErrTooLong, with "overloaded" when the line is too
// long, and with ctx's error when the caller leaves the line. It must not be
// called inside a transaction.
func (h *Hasher) Hash(ctx context.Context, password []byte) (string, error) {
	if txn.Handle(ctx) != nil {
		return "", errInTransaction
	}
	if len(password) > MaxPassword {
		return "", ErrTooLong
	}
	password = norm.NFC.Bytes(password)
	if h.config.Algorithm == BCrypt {
		if err := checkBcryptPassword(password); err != nil {
			return "", err
		}
	}
	var encoded string
	var failed error
	if err := h.pool.run(ctx, h.config.memory(), func() { encoded, failed = h.derive(password) }); err != nil {
		return "", err
	}
	return encoded, failed
}

func (h *Hasher) derive(password []byte) (string, error) {
	if h.config.Algorithm == BCrypt {
		b, err := bcrypt.GenerateFromPassword(password, h.config.BcryptCost)
		return string(b), err
	}
	salt := random(h.config.Argon2.SaltLength)
	return encodeArgon2id(h.config.Argon2, salt, h.key(password, salt, h.config.Argon2)), nil
}

func random(n uint32) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}

func argon2idKey(password, salt []byte, a Argon2) []byte {
	return argon2.IDKey(password, salt, a.Iterations, a.Memory, a.Parallelism, a.KeyLength)
}

// Verify reports whether password made encoded, and whether encoded should be
// replaced because it was made by another algorithm or other parameters than
// the configured ones. A password that encoded's algorithm would truncate never
// matches. Where encoded's algorithm may be quicker than the configured one, a
// wrong password takes the time of both. The errors are those of Hash, and an internal one for a stored hash
// that cannot be read or needs more memory than the whole budget.
func (h *Hasher) Verify(ctx context.Context, password []byte, encoded string) (ok, outdated bool, err error) {
	if txn.Handle(ctx) != nil {
		return false, false, errInTransaction
	}
	p, err := parse(encoded)
	if err != nil {
		// The refusal is meant for whoever imports; here it is no client's fault.
		return false, false, fmt.Errorf("hash: stored hash: %s", err.Error())
	}
	if len(password) > MaxPassword {
		return false, false, nil
	}
	memory := p.memory
	if p.quick {
		memory = max(memory, h.config.memory())
	}
	err = h.pool.run(ctx, memory, func() {
		ok = p.judge(password)
		if !ok && p.quick {
			h.pretend(password)
		}
	})
	return ok, p.settings != h.settings, err
}

// judge reports whether password made p. A hash that was brought along may have
// been made of the bytes as typed.
func (p *parsed) judge(password []byte) bool {
	composed := norm.NFC.Bytes(password)
	return p.matches(composed) || !bytes.Equal(composed, password) && p.matches(password)
}

// pretend does the work of Burn where there is a place in the pool already. A wrong
// password would else be told quicker for somebody with a quick hash than for
// nobody.
func (h *Hasher) pretend(password []byte) {
	if p, err := parse(h.nobody); err == nil {
		p.judge(password)
	}
}

// Burn does what Verify does for a password and keeps nothing, so that an
// unknown person costs the same as a known one, whatever was typed for them. Its
// errors are those of Verify.
func (h *Hasher) Burn(ctx context.Context, password []byte) error {
	_, _, err := h.Verify(ctx, password, h.nobody)
	return err
}

// Accepts is Supported, and besides refuses a hash that needs more memory than
// this hasher's budget, since nobody could ever sign in with it.
func (h *Hasher) Accepts(encoded string) error {
	p, err := parse(encoded)
	if err != nil {
		return err
	}
	if p.memory > h.config.Budget {
		return fail.New(fail.BadRequest, "hash_parameters_refused", fmt.Sprintf(
			"the hash needs %d MiB of memory, more than hashers.argon2.dedicated_memory allows (%d MiB)",
			p.memory>>20, h.config.Budget>>20))
	}
	return nil
}

// Stats returns how many hashes run and how many callers wait in line.
func (h *Hasher) Stats() (running, waiting int) { return h.pool.stats() }
