package seal_test

import (
	"bytes"
	"encoding/base64"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/foyer-id/foyer/internal/seal"
)

const (
	oldSecret = "the secret of yesterday"
	newSecret = "the secret of today, longer"
)

func ring(t testing.TB, family string, secrets ...string) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(family, secrets...)
	require.NoError(t, err)
	return r
}

func TestNewRingRefusesWeakSecrets(t *testing.T) {
	for _, secrets := range [][]string{nil, {""}, {strings.Repeat("x", seal.MinSecret-1)}, {newSecret, "short"}} {
		_, err := seal.NewRing("cookie", secrets...)
		require.Error(t, err, "%q", secrets)
		for _, s := range secrets {
			if s != "" {
				require.NotContains(t, err.Error(), s, "an error does not tell the secret")
			}
		}
	}
	ring(t, "cookie", strings.Repeat("x", seal.MinSecret))
}

func TestSealAndOpen(t *testing.T) {
	r := ring(t, "cookie", newSecret)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		purpose := rapid.String().Draw(t, "purpose")
		sealed := r.SealString(purpose, plain)
		if len(plain) > 8 && bytes.Contains(r.Seal(purpose, plain), plain) {
			t.Fatal("the plain text shows")
		}
		got, err := r.OpenString(purpose, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%x came back as %x (%v)", plain, got, err)
		}
		if _, err := r.OpenString(purpose+"x", sealed); err != seal.ErrOpen {
			t.Fatal("opened for another purpose")
		}
	})
	require.NotEqual(t, r.SealString("a", nil), r.SealString("a", nil), "sealed anew each time")
}

// Only the exact bytes open, and only here.
func TestTampered(t *testing.T) {
	r := ring(t, "cookie", newSecret, oldSecret)
	sealed := r.Seal("session", []byte("plain"))
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			_, err := r.Open("session", changed)
			require.ErrorIs(t, err, seal.ErrOpen)
		}
		_, err := r.Open("session", sealed[:i])
		require.ErrorIs(t, err, seal.ErrOpen)
	}
	_, err := r.Open("session", append(bytes.Clone(sealed), 0))
	require.ErrorIs(t, err, seal.ErrOpen)
	for name, other := range map[string]*seal.Ring{"another family": ring(t, "private", newSecret), "another secret": ring(t, "cookie", "quite another secret")} {
		_, err := other.Open("session", sealed)
		require.ErrorIs(t, err, seal.ErrOpen, name)
	}
	text := r.SealString("session", []byte("plain"))
	for _, s := range []string{"", text + "=", text + "A", text[1:], " " + text, text + "\n", strings.ToUpper(text), base64.StdEncoding.EncodeToString(sealed) + "=="} {
		_, err := r.OpenString("session", s)
		require.ErrorIs(t, err, seal.ErrOpen, s)
	}
	// The last character of a text that is no multiple of 24 bits has bits to
	// spare; set, they make another text for the same bytes.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	tried := 0
	for plain := range 3 {
		text := r.SealString("session", make([]byte, plain))
		for _, c := range alphabet {
			other := text[:len(text)-1] + string(c)
			if other == text {
				continue
			}
			_, err := r.OpenString("session", other)
			require.ErrorIs(t, err, seal.ErrOpen)
			tried++
		}
	}
	require.Equal(t, 3*63, tried)
}

// A new secret in front seals; those behind it still open. One that is taken
// away opens nothing any more.
func TestRotation(t *testing.T) {
	before, during, after := ring(t, "cookie", oldSecret), ring(t, "cookie", newSecret, oldSecret), ring(t, "cookie", newSecret)
	old, young := before.Seal("p", []byte("x")), during.Seal("p", []byte("x"))
	for _, one := range []struct {
		ring   *seal.Ring
		sealed []byte
		opens  bool
	}{{during, old, true}, {during, young, true}, {after, young, true}, {before, young, false}, {after, old, false}} {
		_, err := one.ring.Open("p", one.sealed)
		require.Equal(t, one.opens, err == nil)
	}
	sum := before.MAC("p", []byte("x"))
	require.True(t, during.Verify("p", sum, []byte("x")))
	require.False(t, after.Verify("p", sum, []byte("x")))
	require.NotEqual(t, sum, during.MAC("p", []byte("x")), "the first key makes new ones")
}

func TestMAC(t *testing.T) {
	r := ring(t, "private", newSecret)
	parts := func(s ...string) (out [][]byte) {
		for _, one := range s {
			out = append(out, []byte(one))
		}
		return out
	}
	sum := r.MAC("submit", parts("ab", "c")...)
	require.Len(t, sum, 32)
	require.True(t, r.Verify("submit", sum, parts("ab", "c")...))
	for _, other := range [][]string{{"a", "bc"}, {"abc"}, {"ab", "c", ""}, {"", "ab", "c"}, {"c", "ab"}, {"ab"}, {}} {
		require.False(t, r.Verify("submit", sum, parts(other...)...), "%q", other)
	}
	require.False(t, r.Verify("submi", sum, parts("t", "ab", "c")...))
	require.False(t, r.Verify("other", sum, parts("ab", "c")...))
	for _, short := range [][]byte{nil, {}, sum[:31], append(bytes.Clone(sum), 0)} {
		require.False(t, r.Verify("submit", short, parts("ab", "c")...))
	}
	require.False(t, ring(t, "cookie", newSecret).Verify("submit", sum, parts("ab", "c")...), "families do not mix")

	for n := range 34 {
		part := append(bytes.Clone(sum), 0)[:n]
		require.Equal(t, n >= 16 && n <= 32, r.VerifyPart("submit", part, parts("ab", "c")...), n)
		require.False(t, r.VerifyPart("submit", part, parts("ab", "d")...), n)
		require.Equal(t, n >= 16 && n <= 32, ring(t, "private", oldSecret, newSecret).VerifyPart("submit", part, parts("ab", "c")...), n)
	}
	require.False(t, r.VerifyPart("submit", sum[16:], parts("ab", "c")...))
}

// 100,000 draws: the length asked for, the alphabet, none twice, and each
// letter about as often as any other (chi-square, 61 degrees, p > 0.001).
func TestAlphanumeric(t *testing.T) {
	const draws, length = 100_000, 32
	seen := make(map[string]bool, draws)
	counts := map[rune]int{}
	for range draws {
		s := seal.Alphanumeric(length)
		require.Len(t, s, length)
		require.False(t, seen[s])
		seen[s] = true
		for _, c := range s {
			counts[c]++
		}
	}
	require.Len(t, counts, 62)
	expected, chi := float64(draws*length)/62, 0.0
	for c, n := range counts {
		require.Contains(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", string(c))
		chi += math.Pow(float64(n)-expected, 2) / expected
	}
	require.Less(t, chi, 150.0, "of 61 degrees of freedom: once in more than a thousand million runs")
	require.Empty(t, seal.Alphanumeric(0))
	require.Len(t, seal.Alphanumeric(1000), 1000)
}
