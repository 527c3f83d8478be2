package web_test

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// corpus reads testdata/name: a Go-quoted string a line, # begins a comment.
func corpus(t testing.TB, name string, atLeast int) []string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	require.NoError(t, err)
	defer f.Close()
	var cases []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := strconv.Unquote(line)
		require.NoError(t, err, line)
		cases = append(cases, s)
	}
	require.NoError(t, lines.Err())
	require.GreaterOrEqual(t, len(cases), atLeast, name)
	return cases
}
