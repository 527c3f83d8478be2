package hash

import (
	"errors"
	"fmt"
	"time"
)

// Algorithm names what new hashes are made with.
type Algorithm string

// The algorithms of hashers.algorithm. Argon2ID is written "argon2" there.
const (
	Argon2ID Algorithm = "argon2"
	BCrypt   Algorithm = "bcrypt"
)

// Argon2 holds the parameters of argon2id.
type Argon2 struct {
	Memory      uint32 // KiB
	Iterations  uint32
	Parallelism uint8
	SaltLength  uint32 // bytes
	KeyLength   uint32 // bytes
}

// Config says how passwords are hashed. Its zero value is refused; start from
// Defaults.
type Config struct {
	Algorithm  Algorithm
	Argon2     Argon2
	BcryptCost int
	Budget     uint64           // bytes all running hashes may take together
	MaxWait    time.Duration    // longest wait in line; zero: nobody waits
	Dev        bool             // lifts the floors, never the ceilings
	Now        func() time.Time `json:"-"` // measures hashes, to refuse a hopeless wait at once; nil: no such estimate
}

// Defaults returns argon2id with 19 MiB and two passes in one lane, a budget
// of 256 MiB and five seconds in line.
func Defaults() Config {
	return Config{
		Algorithm:  Argon2ID,
		Argon2:     Argon2{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		BcryptCost: 12,
		Budget:     256 << 20,
		MaxWait:    5 * time.Second,
	}
}

// KeyError is one setting that cannot stand.
type KeyError struct {
	Key    string // config path, for example "hashers.argon2.memory"
	Reason string
}

func (e *KeyError) Error() string { return e.Key + ": " + e.Reason }

// The least memory in KiB for a number of passes; more passes than the last
// row need no less memory than it.
var argon2Floors = []struct{ iterations, memory uint32 }{
	{1, 46 << 10}, {2, 19 << 10}, {3, 12 << 10}, {4, 9 << 10}, {5, 7 << 10},
}

// Ceilings of what is made here and of what is brought along, so that every
// hash made here can be brought to another instance.
const (
	maxArgon2Memory      = 1 << 20 // KiB
	maxArgon2Iterations  = 10
	maxArgon2Parallelism = 16
	maxArgon2Salt        = 128
	minArgon2Salt        = 8
	maxKey               = 128 // bytes, of argon2 and of others
	minKey               = 16
	maxBcryptCost        = 15
	minBcryptCost        = 12

	littleMemory = 8 << 10 // bytes one bcrypt takes, rounded up, or another that needs none to speak of
)

// Check returns every fault of c joined, or nil.
func (c Config) Check() error {
	var all []error
	for _, fault := range c.Faults() {
		all = append(all, fault)
	}
	return errors.Join(all...)
}

// Faults lists the settings of c that cannot stand.
func (c Config) Faults() []*KeyError {
	var faults []*KeyError
	refuse := func(key, reason string, args ...any) {
		faults = append(faults, &KeyError{Key: key, Reason: fmt.Sprintf(reason, args...)})
	}
	switch c.Algorithm {
	case Argon2ID:
		c.checkArgon2(refuse)
	case BCrypt:
		low := minBcryptCost
		if c.Dev {
			low = 4
		}
		if c.BcryptCost < low || c.BcryptCost > maxBcryptCost {
			refuse("hashers.bcrypt.cost", "must be between %d and %d, not %d", low, maxBcryptCost, c.BcryptCost)
		}
	default:
		refuse("hashers.algorithm", "must be argon2 or bcrypt, not %q", string(c.Algorithm))
	}
	if c.MaxWait < 0 {
		refuse("hashers.max_wait", "must not be negative")
	}
	if c.memory() > c.Budget {
		refuse("hashers.argon2.dedicated_memory", "%d bytes do not hold a single hash, which takes %d", c.Budget, c.memory())
	}
	return faults
}

func (c Config) checkArgon2(refuse func(key, reason string, args ...any)) {
	a := c.Argon2
	between := func(key string, value, low, high uint32) {
		if value < low || value > high {
			refuse("hashers.argon2."+key, "must be between %d and %d, not %d", low, high, value)
		}
	}
	salt := uint32(16)
	if c.Dev {
		salt = minArgon2Salt
	}
	between("iterations", a.Iterations, 1, maxArgon2Iterations)
	between("parallelism", uint32(a.Parallelism), 1, maxArgon2Parallelism)
	between("salt_length", a.SaltLength, salt, maxArgon2Salt)
	between("key_length", a.KeyLength, minKey, maxKey)

	low := 8 * uint32(a.Parallelism)
	if !c.Dev {
		low = max(low, argon2Floor(a.Iterations))
	}
	if a.Memory < low || a.Memory > maxArgon2Memory {
		refuse("hashers.argon2.memory", "must be between %d and %d KiB with %d iterations and parallelism %d, not %d",
			low, maxArgon2Memory, a.Iterations, a.Parallelism, a.Memory)
	}
}

func argon2Floor(iterations uint32) uint32 {
	floor := argon2Floors[0].memory
	for _, f := range argon2Floors {
		if iterations >= f.iterations {
			floor = f.memory
		}
	}
	return floor
}

// memory is the number of bytes one hash takes.
func (c Config) memory() uint64 {
	if c.Algorithm == BCrypt {
		return littleMemory
	}
	return argon2Memory(c.Argon2.Memory)
}

// argon2Memory counts a few pages besides the blocks, and is never zero.
func argon2Memory(kib uint32) uint64 { return uint64(kib)<<10 + 8<<10 }
