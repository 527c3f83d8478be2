package password_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/foyer-id/foyer/selfservice/strategy/password"
)

func TestSimilarity(t *testing.T) {
	for _, tc := range []struct {
		password    string
		identifiers []string
		similar     bool
	}{
		{"jane.doe@example.org", []string{"jane.doe@example.org"}, true},
		{"JANE.DOE@EXAMPLE.ORG", []string{"jane.doe@example.org"}, true},
		{"ｊａｎｅ.doe@example.org", []string{"jane.doe@example.org"}, true},
		{"jane.doe99", []string{"jane.doe@example.org"}, true},
		{"xxjane.doe", []string{"jane.doe@example.org"}, true},
		{"example.org7", []string{"jane.doe@example.org"}, true},
		{"j4ned0e!", []string{"janedoe@example.org"}, true},
		{"иванпетров1", []string{"иван@пример.рф", "ИванПетров"}, true},
		{"straßenbahn", []string{"STRASSENBAHN"}, true},
		{"second-one-1", []string{"jane@example.org", "second-one"}, true},
		{"wholly different", []string{"jane.doe@example.org"}, false},
		{"purple mongoose", []string{"", "@", "@@", "a@b"}, false},
		{"purple mongoose", nil, false},
		{"jane-xkwqpvtz", []string{"jane@example.org"}, false},
		{"abcdxyzq", []string{"abcd_something@example.org"}, false}, // exactly half
		{"abcdeyzq", []string{"abcde_something@example.org"}, true}, // more than half
	} {
		got := ids(policy.Judge(tc.password, tc.identifiers))
		if tc.similar {
			require.Contains(t, got, 4000031, tc.password)
		} else {
			require.Empty(t, got, tc.password)
		}
	}
	off := &password.Policy{MinLength: 8}
	require.Empty(t, off.Judge("jane.doe@example.org", []string{"jane.doe@example.org"}))
}

func TestOnlyTheFirstIdentifiersAreCompared(t *testing.T) {
	identifiers := make([]string, 17)
	for i := range identifiers {
		identifiers[i] = strings.Repeat("z", 30)
	}
	identifiers[15] = "the-sixteenth"
	identifiers[16] = "overlooked-one"
	require.Equal(t, []int{4000031}, ids(policy.Judge("the-sixteenth", identifiers)))
	require.Empty(t, policy.Judge("overlooked-one", identifiers))
}

func TestSimilarityAgreesWithTheDefinition(t *testing.T) {
	letters := rapid.StringOfN(rapid.SampledFrom([]rune("abc😀ж")), 0, 20, -1)
	rapid.Check(t, func(t *rapid.T) {
		p, id := letters.Draw(t, "password"), letters.Draw(t, "identifier")
		a, b := []rune(p), []rune(id)
		common := longestCommon(a, b)
		require.Equal(t, common >= 4 && 2*common > len(a), password.HoldsHalf(id, p, len(a)))
		distance := levenshtein(a, b)
		require.Equal(t, distance < 5 && distance < max(len(a), len(b)), password.Near(a, b))
	})
}

func longestCommon(a, b []rune) (most int) {
	for i := range a {
		for j := range b {
			n := 0
			for i+n < len(a) && j+n < len(b) && a[i+n] == b[j+n] {
				n++
			}
			most = max(most, n)
		}
	}
	return most
}

func levenshtein(a, b []rune) int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		table[i][0] = i
	}
	for j := range table[0] {
		table[0][j] = j
	}
	for i := range a {
		for j := range b {
			change := table[i][j]
			if a[i] != b[j] {
				change++
			}
			table[i+1][j+1] = min(change, table[i][j+1]+1, table[i+1][j]+1)
		}
	}
	return table[len(a)][len(b)]
}

func FuzzJudge(f *testing.F) {
	f.Add("jane.doe99", "jane.doe@example.org")
	f.Add("\xff\xfe\xff\xfe\xff\xfe\xff\xfe", "\xff@\xfe")
	f.Add(strings.Repeat("\ufdfa", 300), strings.Repeat("\u0345", 300))
	f.Fuzz(func(t *testing.T, candidate, identifier string) {
		for _, p := range policy.Judge(candidate, []string{identifier}) {
			require.Equal(t, "password", p.Node)
		}
	})
}
