package hash_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/txn"
)

func cheap() hash.Config {
	c := hash.Defaults()
	c.Argon2.Memory, c.Argon2.Iterations = 64, 1
	c.BcryptCost = 4
	c.Dev = true
	return c
}

func newHasher(t *testing.T, change func(*hash.Config)) *hash.Hasher {
	t.Helper()
	c := cheap()
	if change != nil {
		change(&c)
	}
	h, err := hash.New(c)
	require.NoError(t, err)
	return h
}

func useBcrypt(c *hash.Config) { c.Algorithm = hash.BCrypt }

func TestVectors(t *testing.T) {
	h := newHasher(t, nil)
	for _, v := range vectors {
		ok, outdated, err := h.Verify(t.Context(), []byte(v.password), v.encoded)
		require.NoError(t, err)
		require.True(t, ok, v.encoded)
		require.True(t, outdated, v.encoded)
		for _, wrong := range []string{v.password + "!", v.password + "\x00"} {
			ok, _, err = h.Verify(t.Context(), []byte(wrong), v.encoded)
			require.NoError(t, err)
			require.False(t, ok, "%.20q %s", wrong, v.encoded)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for name, change := range map[string]func(*hash.Config){"argon2": nil, "bcrypt": useBcrypt} {
		t.Run(name, func(t *testing.T) {
			h := newHasher(t, change)
			for _, password := range []string{"", "a", "пароль с пробелами", "密码🔑e\u0301", strings.Repeat("x", 72)} {
				one, err := h.Hash(t.Context(), []byte(password))
				require.NoError(t, err)
				two, err := h.Hash(t.Context(), []byte(password))
				require.NoError(t, err)
				require.NotEqual(t, one, two, "each hash has its own salt")
				require.NoError(t, hash.Supported(one))

				ok, outdated, err := h.Verify(t.Context(), []byte(password), one)
				require.NoError(t, err)
				require.True(t, ok)
				require.False(t, outdated)
				ok, _, err = h.Verify(t.Context(), []byte(password+"\x00"), one)
				require.NoError(t, err)
				require.False(t, ok)
			}
		})
	}
}

func TestEncodedForm(t *testing.T) {
	h, err := hash.New(hash.Defaults())
	require.NoError(t, err)
	encoded, err := h.Hash(t.Context(), []byte("correct horse"))
	require.NoError(t, err)
	require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, encoded)

	encoded, err = newHasher(t, useBcrypt).Hash(t.Context(), []byte("correct horse"))
	require.NoError(t, err)
	require.Regexp(t, `^\$2a\$04\$.{53}$`, encoded)
}

func TestOutdated(t *testing.T) {
	encoded, err := newHasher(t, nil).Hash(t.Context(), []byte("correct horse"))
	require.NoError(t, err)
	for name, change := range map[string]func(*hash.Config){
		"memory":      func(c *hash.Config) { c.Argon2.Memory = 72 },
		"iterations":  func(c *hash.Config) { c.Argon2.Iterations = 2 },
		"parallelism": func(c *hash.Config) { c.Argon2.Parallelism = 2 },
		"salt":        func(c *hash.Config) { c.Argon2.SaltLength = 17 },
		"key":         func(c *hash.Config) { c.Argon2.KeyLength = 16 },
		"algorithm":   useBcrypt,
	} {
		ok, outdated, err := newHasher(t, change).Verify(t.Context(), []byte("correct horse"), encoded)
		require.NoError(t, err)
		require.True(t, ok, name)
		require.True(t, outdated, name)
	}
	old, err := newHasher(t, useBcrypt).Hash(t.Context(), []byte("correct horse"))
	require.NoError(t, err)
	dearer := newHasher(t, func(c *hash.Config) { c.Algorithm, c.BcryptCost = hash.BCrypt, 5 })
	_, outdated, err := dearer.Verify(t.Context(), []byte("correct horse"), old)
	require.NoError(t, err)
	require.True(t, outdated)
}

func TestNothingIsTruncated(t *testing.T) {
	h := newHasher(t, useBcrypt)
	_, err := h.Hash(t.Context(), []byte(strings.Repeat("x", 73)))
	require.ErrorIs(t, err, hash.ErrTooLong)
	encoded, err := h.Hash(t.Context(), []byte(strings.Repeat("x", 72)))
	require.NoError(t, err)
	ok, _, err := h.Verify(t.Context(), []byte(strings.Repeat("x", 73)), encoded)
	require.NoError(t, err)
	require.False(t, ok)

	_, err = h.Hash(t.Context(), []byte("x\x00x"))
	require.Equal(t, "password_malformed", fail.As(err).ID)
	encoded, err = h.Hash(t.Context(), []byte("x"))
	require.NoError(t, err)
	ok, _, err = h.Verify(t.Context(), []byte("x\x00x"), encoded)
	require.NoError(t, err)
	require.False(t, ok)

	h = newHasher(t, nil)
	long := []byte(strings.Repeat("x", 1024))
	encoded, err = h.Hash(t.Context(), long)
	require.NoError(t, err)
	long[1023] = 'y'
	ok, _, err = h.Verify(t.Context(), long, encoded)
	require.NoError(t, err)
	require.False(t, ok)
	_, err = h.Hash(t.Context(), append(long, 'z'))
	require.ErrorIs(t, err, hash.ErrTooLong)
}

func TestStoredHashThatCannotBeReadIsNoClientsFault(t *testing.T) {
	h := newHasher(t, nil)
	for _, encoded := range []string{"", "plain", hostile[22].encoded} {
		ok, _, err := h.Verify(t.Context(), []byte("correct horse"), encoded)
		require.Error(t, err)
		require.Nil(t, fail.As(err))
		require.False(t, ok)
	}
}

func TestBudgetBoundsImportedHashes(t *testing.T) {
	h := newHasher(t, func(c *hash.Config) { c.Budget = 32 << 20 })
	require.NoError(t, hash.Supported(argon2idVector))
	require.Equal(t, "hash_parameters_refused", fail.As(h.Accepts(argon2idVector)).ID)
	require.Equal(t, "hash_format_unknown", fail.As(h.Accepts("plain")).ID)
	ok, _, err := h.Verify(t.Context(), []byte("password"), argon2idVector)
	require.ErrorContains(t, err, "budget")
	require.False(t, ok)
	require.NoError(t, newHasher(t, nil).Accepts(argon2idVector))
}

func TestRefusesInsideATransaction(t *testing.T) {
	h := newHasher(t, nil)
	h.WithKey(func([]byte) []byte { t.Error("hashed inside a transaction"); return nil })
	ctx := txn.With(t.Context(), struct{}{})
	_, err := h.Hash(ctx, []byte("correct horse"))
	require.ErrorContains(t, err, "transaction")
	require.Nil(t, fail.As(err))
	_, _, err = h.Verify(ctx, []byte("password"), argon2idVector)
	require.ErrorContains(t, err, "transaction")
	require.ErrorContains(t, h.Burn(ctx, []byte("password")), "transaction")
}

func TestCallersShareTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, func(c *hash.Config) { c.MaxWait = 3 * time.Second })
		var calls atomic.Int32
		release := make(chan struct{})
		h.WithKey(func([]byte) []byte { <-release; calls.Add(1); return make([]byte, 32) })
		for range h.Slots() {
			go h.Hash(t.Context(), []byte("correct horse"))
		}
		synctest.Wait()
		running, _ := h.Stats()
		require.Equal(t, h.Slots(), running)

		_, _, err := h.Verify(t.Context(), []byte("password"), argon2idVector)
		requireOverloaded(t, err)
		requireOverloaded(t, h.Burn(t.Context(), []byte("password")))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = h.Hash(ctx, []byte("correct horse"))
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, calls.Load())

		close(release)
		synctest.Wait()
		require.NoError(t, h.Burn(t.Context(), []byte("password")))
		running, waiting := h.Stats()
		require.Zero(t, running)
		require.Zero(t, waiting)
	})
}

// Whatever is typed, judging it against nobody's password is as much work as
// against somebody's: text that is composed two ways is hashed twice, what is too
// long not at all.
func TestNobodysWork(t *testing.T) {
	for name, change := range map[string]func(*hash.Config){"argon2": nil, "bcrypt": useBcrypt} {
		t.Run(name, func(t *testing.T) {
			h := newHasher(t, change)
			encoded, err := h.Hash(t.Context(), []byte("somebody's"))
			require.NoError(t, err)
			var costs []float64
			for _, typed := range []string{"wrong", "cafe\u0301 au lait", strings.Repeat("x", hash.MaxPassword+1)} {
				somebody := testing.AllocsPerRun(50, func() {
					ok, _, err := h.Verify(t.Context(), []byte(typed), encoded)
					require.NoError(t, err)
					require.False(t, ok)
				})
				nobody := testing.AllocsPerRun(50, func() { require.NoError(t, h.Burn(t.Context(), []byte(typed))) })
				require.InDelta(t, somebody, nobody, 1, "%.20s", typed)
				costs = append(costs, nobody)
			}
			require.Greater(t, costs[1], costs[0]+2, "hashed twice")
			require.Less(t, costs[2], costs[0]-2, "not hashed")
		})
	}
}

// A hash that is quick to compute does not tell by a quick refusal that there is
// somebody.
func TestQuickHashesTakeTheTimeOfOurs(t *testing.T) {
	const quick = "$md5$CY9rzUYh03PK3k6DJie09g=="
	for name, change := range map[string]func(*hash.Config){"argon2": nil, "bcrypt": useBcrypt} {
		t.Run(name, func(t *testing.T) {
			h := newHasher(t, change)
			for _, typed := range []string{"wrong", "cafe\u0301 au lait"} {
				nobody := testing.AllocsPerRun(10, func() { require.NoError(t, h.Burn(t.Context(), []byte(typed))) })
				somebody := testing.AllocsPerRun(10, func() {
					ok, _, err := h.Verify(t.Context(), []byte(typed), quick)
					require.NoError(t, err)
					require.False(t, ok)
				})
				require.GreaterOrEqual(t, somebody, nobody, typed)
			}
			right := testing.AllocsPerRun(10, func() {
				ok, outdated, err := h.Verify(t.Context(), []byte("test"), quick)
				require.NoError(t, err)
				require.True(t, ok && outdated)
			})
			nobody := testing.AllocsPerRun(10, func() { require.NoError(t, h.Burn(t.Context(), []byte("test"))) })
			require.Less(t, right, nobody, "what follows a right password is a hash of ours already")
		})
	}
}

// What crypt(3) would not take never matches, whatever it begins with.
func TestLongPasswordsOfCrypt(t *testing.T) {
	h := newHasher(t, nil)
	for _, encoded := range []string{sha512Crypt511, md5Crypt511} {
		for length, matches := range map[int]bool{511: true, 512: false, hash.MaxPassword: false} {
			ok, _, err := h.Verify(t.Context(), []byte(strings.Repeat("x", length)), encoded)
			require.NoError(t, err)
			require.Equal(t, matches, ok, "%d %s", length, encoded)
		}
	}
}

// The memory of a hash that is brought along counts, and waits, like that of ours.
func TestScryptTakesFromTheBudget(t *testing.T) {
	const dear = "$scrypt$ln=131072,r=8,p=1$2npRo7P03Mt8keSoMbyD/tKFWyUzjiQf2svUaNDSrhA=$MiCzNcIplSMqSBrm4HckjYqYhaVPPjTARTzwB1cVNYE="
	h := newHasher(t, func(c *hash.Config) { c.Budget = 128 << 20 })
	require.NoError(t, hash.Supported(dear))
	require.Equal(t, "hash_parameters_refused", fail.As(h.Accepts(dear)).ID)
	_, _, err := h.Verify(t.Context(), []byte("test"), dear)
	require.ErrorContains(t, err, "budget")
	require.NoError(t, newHasher(t, func(c *hash.Config) { c.Budget = 129 << 20 }).Accepts(dear))
}

// The same text is the same password, composed or not; and what was hashed
// elsewhere as typed is still found.
func TestNormalForm(t *testing.T) {
	h := newHasher(t, nil)
	composed, decomposed := []byte("caf\u00e9 au lait"), []byte("cafe\u0301 au lait")
	for _, made := range [][]byte{composed, decomposed} {
		encoded, err := h.Hash(t.Context(), made)
		require.NoError(t, err)
		for _, typed := range [][]byte{composed, decomposed} {
			ok, _, err := h.Verify(t.Context(), typed, encoded)
			require.NoError(t, err)
			require.True(t, ok)
		}
	}
	foreign, err := bcrypt.GenerateFromPassword(decomposed, bcrypt.MinCost)
	require.NoError(t, err)
	ok, _, err := h.Verify(t.Context(), decomposed, string(foreign))
	require.NoError(t, err)
	require.True(t, ok)
}
