package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
)

// brokenCase is one entry of testdata/broken.txt: options, a file that is
// loaded after base.yml (or alone), and the problems it has.
type brokenCase struct {
	name, ext, text string
	alone, dev      bool
	env             []string
	want            string
}

func brokenCases(t testing.TB) []brokenCase {
	raw, err := os.ReadFile("testdata/broken.txt")
	require.NoError(t, err)
	var cases []brokenCase
	for _, part := range strings.Split("\n"+string(raw), "\n=== ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		text, want, found := strings.Cut("\n"+body+"\n", "\n-----\n")
		require.True(t, found, head)
		c := brokenCase{ext: "yml", text: strings.TrimPrefix(text, "\n") + "\n", want: strings.TrimRight(want, "\n")}
		var words []string
		for _, word := range strings.Fields(head) {
			switch {
			case word == "[alone]":
				c.alone = true
			case word == "[dev]":
				c.dev = true
			case word == "[json]", word == "[toml]":
				c.ext = strings.Trim(word, "[]")
			case strings.Contains(word, "="):
				c.env = append(c.env, word)
			default:
				words = append(words, word)
			}
		}
		c.name = strings.Join(words, " ")
		cases = append(cases, c)
	}
	return cases
}

func TestLoadReportsEveryProblemWithItsPlace(t *testing.T) {
	cases := brokenCases(t)
	base, err := os.ReadFile("testdata/base.yml")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("base.yml", base, 0o600))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := "case." + c.ext
			require.NoError(t, os.WriteFile(file, []byte(c.text), 0o600))
			o := cmd.LoadOptions{Files: []string{"base.yml", file}, Env: c.env, Dev: c.dev}
			if c.alone {
				o.Files = []string{file}
			}
			cfg, report, err := cmd.Load(o)
			require.Error(t, err)
			require.Nil(t, cfg)
			require.Nil(t, report)
			require.IsType(t, cmd.Problems{}, err)
			require.Equal(t, c.want, err.Error())
		})
	}
	require.GreaterOrEqual(t, len(cases), 60)
}

// write puts a file into a temporary folder and returns its path.
func write(t testing.TB, name, text string) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
