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

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("c.ini", []byte("a=b"), 0o600))
	require.NoError(t, os.WriteFile("big.yml", make([]byte, 5<<20), 0o600))
	require.NoError(t, os.Mkdir("dir.yml", 0o700))
	_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"missing.yml", "c.ini", "big.yml", "dir.yml"}})
	require.EqualError(t, err, `missing.yml: no such file or directory
c.ini: ".ini" is no known extension: .yml, .yaml, .json or .toml
big.yml: larger than 4194304 bytes
dir.yml: is a directory`)
}

func TestSyntaxErrorsHaveALine(t *testing.T) {
	for _, tt := range []struct{ ext, text, want string }{
		{"yml", "\tdsn: memory\n", "1:1: found character that cannot start any token"},
		{"yml", "dsn: @x\nlog: {}\n", "1:1: found character that cannot start any token"},
		{"yml", "dsn: memory\nlog:\n\tlevel: info\n", "3:1: found character that cannot start any token"},
		{"yml", "dsn: memory\nlog: *none\nserve: {}\n", "2:1: unknown anchor 'none' referenced"},
		{"yml", "dsn: memory\n\nlog: \x01\n# end\n", "3:1: control characters are not allowed"},
		{"toml", "dsn = 'memory'\n[log]\nlevel = 'info'\nformat = 'text'\nlevel = 'warn'\n[dev]\n", "5:1: key level is already defined"},
		{"toml", "[log]\nlevel = 'info'\n[serve]\n[log]\n", "4:1: table log already exists"},
		{"toml", "dsn = \n", "1:7: "},
	} {
		file := write(t, "c."+tt.ext, tt.text)
		_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{file}})
		require.ErrorContains(t, err, file+":"+tt.want)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestFormatsAgree(t *testing.T) {
	yml := write(t, "c.yml", `
defaults: &page https://www.example.com
`)
	_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml", yml}})
	require.ErrorContains(t, err, "c.yml:2:1: defaults: unknown key")

	yml = write(t, "c.yml", `
selfservice: &s
  default_browser_return_url: &page https://www.example.com
  flows: {registration: {ui_url: *page}, error: {ui_url: *page}}
dsn: memory
log:
# level: debug
identity:
  schemas: [{id: default, url: "base64://e30="}]
hashers: {argon2: {memory: 33554432}}
serve: {public: {base_url: https://auth.example.com}}
`)
	js := write(t, "c.json", "\ufeff"+`{
	"dsn": "memory",
	"selfservice": {"default_browser_return_url": "https://www.example.com", "flows": {
		"registration": {"ui_url": "https://www.example.com"}, "error": {"ui_url": "https://www.example.com"}}},
	"identity": {"schemas": [{"id": "default", "url": "base64://e30="}]},
	"hashers": {"argon2": {"memory": 33554432}},
	"serve": {"public": {"base_url": "https://auth.example.com"}}
}`)
	toml := write(t, "c.toml", `
dsn = "memory"
[selfservice]
default_browser_return_url = "https://www.example.com"
flows.registration.ui_url = "https://www.example.com"
flows.error.ui_url = "https://www.example.com"
[[identity.schemas]]
id = "default"
url = "base64://e30="
[hashers.argon2]
memory = 33554432
[serve.public]
base_url = "https://auth.example.com"
`)
	env := []string{
		"DSN=memory", "SELFSERVICE_DEFAULT_BROWSER_RETURN_URL=https://www.example.com",
		"SELFSERVICE_FLOWS_REGISTRATION_UI_URL=https://www.example.com", "SELFSERVICE_FLOWS_ERROR_UI_URL=https://www.example.com",
		"IDENTITY_SCHEMAS_0_ID=default", "IDENTITY_SCHEMAS_0_URL=base64://e30=",
		"HASHERS_ARGON2_MEMORY=33554432", "SERVE_PUBLIC_BASE_URL=https://auth.example.com",
	}
	want, _ := load(t, cmd.LoadOptions{Files: []string{yml}})
	require.Equal(t, uint32(32<<10), want.Hashers.Argon2.Memory)
	for _, o := range []cmd.LoadOptions{{Files: []string{js}}, {Files: []string{toml}}, {Env: env}, {Files: []string{js, toml, yml}, Env: env}} {
		got, _ := load(t, o)
		require.Equal(t, want, got)
	}
}

func TestLaterFilesWinAndListsAreReplaced(t *testing.T) {
	one := write(t, "one.yml", "log: {level: debug, format: json}\nserve: {public: {trusted_proxies: [10.0.0.0/8, 172.16.0.0/12]}}\n")
	two := write(t, "two.toml", "log.level = \"error\"\nserve.public.trusted_proxies = [\"192.0.2.1\"]\n")
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", one, two}})
	require.Equal(t, "json", cfg.Log.Format)
	require.Equal(t, "ERROR", cfg.Log.Level.String())
	require.Len(t, cfg.Serve.Public.TrustedProxies, 1)
}

// FuzzLoad asks that no file makes Load panic, hang or accept in silence what
// has no meaning.
func FuzzLoad(f *testing.F) {
	for _, c := range brokenCases(f) {
		f.Add([]byte(c.text), c.ext)
	}
	for _, name := range []string{"testdata/full.yml", "testdata/base.yml"} {
		raw, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(raw, "yml")
	}
	f.Add([]byte("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]"), "yml")
	f.Add([]byte("a: &a\n  b: *a"), "yml")
	f.Add([]byte("<<: {log: {level: debug}}\n? [x]\n: y\n1: 2"), "yml")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte, ext string) {
		if ext != "yml" && ext != "json" && ext != "toml" {
			return
		}
		file := filepath.Join(dir, "fuzz."+ext)
		require.NoError(t, os.WriteFile(file, raw, 0o600))
		cfg, report, err := cmd.Load(cmd.LoadOptions{Files: []string{file}})
		if err != nil {
			require.Nil(t, cfg)
			require.IsType(t, cmd.Problems{}, err)
			require.NotEmpty(t, err.Error())
			return
		}
		require.NotNil(t, report)
		require.NotEmpty(t, cfg.DSN)
		require.NotEmpty(t, cfg.Identity.Schemas)
		require.Positive(t, cfg.Session.Lifespan)
	})
}
