package identity_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/foyer-id/foyer/identity"
)

// pair is one line of the table: two spellings, and whether they are one name.
// Where b is nil, a is refused.
type pair struct {
	Via   string  `json:"via"`
	A     string  `json:"a"`
	B     *string `json:"b"`
	Equal bool    `json:"equal"`
	Why   string  `json:"why"`
}

func pairs(t *testing.T) []pair {
	t.Helper()
	raw, err := os.ReadFile("testdata/spellings.json")
	require.NoError(t, err)
	var out []pair
	require.NoError(t, json.Unmarshal(raw, &out))
	require.GreaterOrEqual(t, len(out), 300)
	return out
}

func TestCanonicalPairs(t *testing.T) {
	for _, p := range pairs(t) {
		a, err := identity.Canonical(p.Via, p.A)
		if p.B == nil {
			require.Error(t, err, "%s %q: %s gives %q", p.Via, p.A, p.Why, a)
			continue
		}
		require.NoError(t, err, "%s %q: %s", p.Via, p.A, p.Why)
		b, err := identity.Canonical(p.Via, *p.B)
		require.NoError(t, err, "%s %q: %s", p.Via, *p.B, p.Why)
		require.Equal(t, p.Equal, a == b, "%q and %q (%s) give %q and %q", p.A, *p.B, p.Why, a, b)
	}
}

// The canonical form of a canonical form is itself, for whatever text.
func TestCanonicalIsIdempotent(t *testing.T) {
	for _, via := range []string{identity.ViaEmail, identity.ViaSMS} {
		rapid.Check(t, func(t *rapid.T) {
			typed := rapid.OneOf(
				rapid.String(),
				rapid.StringMatching(`[ \t]?[A-Za-zÀ-ʯΑ-ωА-я０-ｚﬀ-ﬆ.@_+-]{1,40}[ \t]?`),
				rapid.StringMatching(`\+?[0-9 ()-]{4,20}`),
				rapid.StringOfN(rapid.RuneFrom([]rune("ßẞİıſKÅΩςΣσ\u0345\u0300\u0301ǅǆﬁﾞａＡ①㎏ﷺ\u00a0\u3000 ")), 1, 30, -1),
			).Draw(t, "typed")
			once, err := identity.Canonical(via, typed)
			if err != nil {
				return
			}
			twice, err := identity.Canonical(via, once)
			if err != nil || once != twice {
				t.Fatalf("%q gives %q, which gives %q (%v)", typed, once, twice, err)
			}
		})
	}
}

// Every letter there is, in all its cases: one name.
func TestCanonicalFoldsEveryLetter(t *testing.T) {
	seen := 0
	for r := rune('!'); r <= unicode.MaxRune; r++ {
		other := unicode.SimpleFold(r)
		if other == r {
			continue
		}
		a, errA := identity.Canonical(identity.ViaEmail, string(r))
		b, errB := identity.Canonical(identity.ViaEmail, string(other))
		if errA != nil || errB != nil || a != b {
			t.Fatalf("%U and %U give %q and %q", r, other, a, b)
		}
		seen++
	}
	require.Greater(t, seen, 2000)
}

// Case and blanks around make no difference to what is accepted either.
func TestCanonicalIgnoresCaseAndMargin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.StringMatching(`[A-Za-zÀ-ÖØ-öø-ž0-9.@_+-]{1,60}`).Draw(t, "typed")
		want, err := identity.Canonical(identity.ViaEmail, typed)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{" " + typed, typed + "\t", "\n" + typed + "\u00a0", strings.ToUpper(typed)} {
			// What has no single upper case letter has another upper case spelling.
			if other == strings.ToUpper(typed) && strings.ToLower(other) != strings.ToLower(typed) {
				continue
			}
			got, err := identity.Canonical(identity.ViaEmail, other)
			if err != nil || got != want {
				t.Fatalf("%q gives %q, %q gives %q (%v)", typed, want, other, got, err)
			}
		}
	})
}

func TestCanonicalLength(t *testing.T) {
	for text, fits := range map[string]bool{
		strings.Repeat("a", 320):              true,
		strings.Repeat("a", 321):              false,
		strings.Repeat("ä", 320):              true,
		strings.Repeat("ä", 321):              false,
		strings.Repeat("ß", 160):              true,  // as "ss"
		strings.Repeat("ß", 161):              false, // as "ss"
		strings.Repeat("\ufdfa", 18):          false, // one sign that stands for eighteen
		strings.Repeat(" ", 5000) + "a":       true,
		strings.Repeat("a", 1<<20):            false,
		strings.Repeat("a\u0301\u0327", 1000): false,
	} {
		_, err := identity.Canonical(identity.ViaEmail, text)
		require.Equal(t, fits, err == nil, "%.20q… of %d bytes: %v", text, len(text), err)
	}
}

func TestCanonicalIdentifier(t *testing.T) {
	for typed, want := range map[string]string{
		"Ada@Example.org":   "ada@example.org",
		"+41 44 668 18 00":  "+41446681800",
		" +41446681800\n":   "+41446681800",
		"+1":                "+1", // no number, but perhaps a name
		"41446681800":       "41446681800",
		"+Ada":              "+ada",
		"+ada@example.org ": "+ada@example.org",
	} {
		got, err := identity.CanonicalIdentifier(typed)
		require.NoError(t, err, "%q", typed)
		require.Equal(t, want, got, "%q", typed)
		again, err := identity.CanonicalIdentifier(got)
		require.NoError(t, err, "%q", typed)
		require.Equal(t, got, again, "%q", typed)
	}
	for _, none := range []string{"", " ", "a\u200bb", strings.Repeat("a", 321)} {
		got, err := identity.CanonicalIdentifier(none)
		require.Error(t, err, "%q", none)
		require.Empty(t, got, "%q", none)
	}
}
