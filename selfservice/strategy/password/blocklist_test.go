package password_test

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/password"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// The 3,000 most frequent passwords of the list's larger source.
//
//go:embed testdata/top3000.txt
var top3000 string

func TestTop3000AreRefused(t *testing.T) {
	words := strings.Fields(top3000)
	require.Len(t, words, 3000)
	wide := strings.NewReplacer(pairs()...)
	for _, word := range words {
		for _, variant := range []string{word, strings.ToUpper(word), strings.ToUpper(word[:1]) + word[1:], wide.Replace(word)} {
			require.Equal(t, []int{4000005}, ids(breachedOf(t, variant)), variant)
		}
	}
}

// pairs maps each printable ASCII sign to its full-width form.
func pairs() (oldnew []string) {
	for r := rune('!'); r <= '~'; r++ {
		oldnew = append(oldnew, string(r), string(r-'!'+'！'))
	}
	return oldnew
}

func TestWellKnownPasswordsAreRefused(t *testing.T) {
	for _, word := range strings.Fields(`
		password password1 Password1 password123 passw0rd P@ssw0rd qwerty123 qwertyuiop iloveyou sunshine princess
		football baseball welcome1 letmein1 admin123 trustno1 changeme superman 1q2w3e4r 1qaz2wsx zaq12wsx
		a1b2c3d4 123qweasd Aa123456 abcd1234 123456789a 11111111 00000000 99999999 xxxxxxxx 12345678 87654321
		123456789 987654321 0987654321 0123456789 1234567890 01234567 23456789 12341234 12121212 123123123 abcabcabc
		19851985 abcdefgh abcdefghijklmnopqrstuvwxyz hgfedcba asdfghjk asdfghjkl qwertyui poiuytrewq
		!@#$%^&* 31121999 12311999 19991231 01012010`) {
		require.Empty(t, policy.Judge(word, nil), word)
		require.Equal(t, []int{4000005}, ids(breachedOf(t, word)), word)
	}
}

func TestPatternsEndWhereTheyStopBeingCommon(t *testing.T) {
	for _, word := range []string{
		"31129999", "45451999", "19991332", "00001985", "94720355", "abcdefgx", "qwertyzui", "aaaaaaab", "abcdeabcde1",
		strings.Repeat("a", 17), "жжжжжжжж", "天天天天天天天天",
	} {
		require.Empty(t, breachedOf(t, word), word)
	}
}

// breachedOf asks the offline list alone.
func breachedOf(t *testing.T, word string) []ui.Problem {
	got, err := policy.Breached(t.Context(), word)
	require.NoError(t, err)
	return got
}

func TestEveryWordOfTheListIsFoundAndNoOther(t *testing.T) {
	words, size := password.ListSize()
	require.GreaterOrEqual(t, words, 30_000)
	require.LessOrEqual(t, size, 1<<20)
	known := make(map[string]bool, words)
	for i := range words {
		word := password.ListWord(i)
		require.NotEmpty(t, word)
		if i > 0 {
			require.Less(t, password.ListWord(i-1), word)
		}
		require.True(t, password.Listed(word), word)
		known[word] = true
	}
	for i := range words {
		for _, other := range []string{password.ListWord(i) + "\n", password.ListWord(i) + "~q", "~q" + password.ListWord(i)} {
			require.False(t, !known[other] && password.Listed(other), other)
		}
	}
	require.False(t, password.Listed(""))
	require.False(t, password.Listed("~~~~~~~~~~~q"))
}

func BenchmarkListed(b *testing.B) {
	password.Listed("load the list")
	for b.Loop() {
		password.Listed("purple mongoose lamp")
	}
}
