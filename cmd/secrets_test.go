package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
)

func TestSecretsAreMadeOnceBesideTheDatabase(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/var", 0o700))
	dsn := "sqlite://" + dir + "/var/foyer.sqlite?_fk=true&mode=rwc"
	first, file, err := cmd.ResolveSecrets(&cmd.Config{DSN: dsn})
	require.NoError(t, err)
	require.Equal(t, dir+"/var/foyer.sqlite.secrets", file)
	require.Len(t, first.Default, 1)
	require.Len(t, first.Default[0], 43, "32 bytes as base64")
	require.Equal(t, first.Default, first.Cookie)
	require.Equal(t, first.Default, first.Cipher)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no draft is left behind")

	again, _, err := cmd.ResolveSecrets(&cmd.Config{DSN: dsn})
	require.NoError(t, err)
	require.Equal(t, first, again)

	other, _, err := cmd.ResolveSecrets(&cmd.Config{DSN: "sqlite://" + dir + "/other.sqlite"})
	require.NoError(t, err)
	require.NotEqual(t, first.Default, other.Default)
}

func TestSpellingsOfADatabaseFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.Mkdir("sub", 0o700))
	for dsn, file := range map[string]string{
		"sqlite://" + dir + "/a.db":           dir + "/a.db.secrets",
		"sqlite3://b.db":                      dir + "/b.db.secrets",
		"sqlite://./sub/c.db?_journal=WAL":    dir + "/sub/c.db.secrets",
		"sqlite://file:e.db?mode=rwc":         dir + "/e.db.secrets",
		"sqlite://" + dir + "/with%20space":   dir + "/with space.secrets",
		"sqlite://f%3Fmode=x":                 dir + "/f?mode=x.secrets",
		"memory":                              "",
		"sqlite://:memory:":                   "",
		"sqlite://file::memory:?cache=shared": "",
		"sqlite://x.db?mode=memory":           "",
		"sqlite://x.db?mode=Memory":           "",
	} {
		s, at, err := cmd.ResolveSecrets(&cmd.Config{DSN: dsn})
		require.NoError(t, err, dsn)
		require.Equal(t, file, at, dsn)
		require.Len(t, s.Default, 1, dsn)
	}
}

func TestSecretsThatAreConfiguredStay(t *testing.T) {
	dir := t.TempDir()
	given := cmd.Secrets{Default: []string{"a-secret-of-sixteen"}, Cookie: []string{"the-secret-of-cookies"}}
	s, file, err := cmd.ResolveSecrets(&cmd.Config{DSN: "sqlite://" + dir + "/a.db", Secrets: given})
	require.NoError(t, err)
	require.Empty(t, file)
	require.Equal(t, cmd.Secrets{Default: given.Default, Cookie: given.Cookie, Cipher: given.Default}, s)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing is written")
}

func TestNoSecretIsMadeForAServer(t *testing.T) {
	_, _, err := cmd.ResolveSecrets(&cmd.Config{DSN: "postgres://db/foyer"})
	require.ErrorContains(t, err, "secrets.default")
	_, file, err := cmd.ResolveSecrets(&cmd.Config{DSN: "sqlite://x.db?_fk=maybe"})
	require.ErrorContains(t, err, "_fk=maybe")
	require.Empty(t, file)
}

// A mistyped dsn must not leave anything behind, least of all beside a file of
// somebody else.
func TestNoSecretIsMadeWhereNoDatabaseCanBe(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/passwd", []byte("root:x:0:0:root:/root:/bin/sh\n"), 0o600))
	require.NoError(t, os.WriteFile(dir+"/short", []byte("SQLite"), 0o600))
	require.NoError(t, os.Mkdir(dir+"/folder", 0o700))
	before, err := os.ReadDir(dir)
	require.NoError(t, err)
	for path, want := range map[string]string{
		"/passwd":      "dsn: " + dir + "/passwd is no SQLite database; it is left alone",
		"/short":       "dsn: " + dir + "/short is no SQLite database; it is left alone",
		"/folder":      "dsn: " + dir + "/folder is no plain file",
		"/a/b/p.db":    "dsn: the directory " + dir + "/a/b does not exist",
		"/passwd/p.db": "dsn: " + dir + "/passwd is no directory",
	} {
		dsn := "sqlite://" + dir + path
		s, file, err := cmd.ResolveSecrets(&cmd.Config{DSN: dsn})
		require.EqualError(t, err, want)
		require.Empty(t, s)
		require.Empty(t, file)
		after, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Equal(t, before, after, "nothing is written")

		config := write(t, "c.yml", "log: {level: info}\ndsn: "+dsn+"\n")
		o := cmd.LoadOptions{Files: []string{"testdata/base.yml", config}}
		load(t, o)
		o.Serve = true
		_, _, err = cmd.Load(o)
		require.EqualError(t, err, config+":2:1: "+want)
	}
	for name, content := range map[string]string{"empty": "", "full": "SQLite format 3\x00 and so on"} {
		require.NoError(t, os.WriteFile(dir+"/"+name, []byte(content), 0o600))
		_, file, err := cmd.ResolveSecrets(&cmd.Config{DSN: "sqlite://" + dir + "/" + name})
		require.NoError(t, err)
		require.FileExists(t, file)
	}
}

func TestMemorySecretsDiffer(t *testing.T) {
	a, _, err := cmd.ResolveSecrets(&cmd.Config{DSN: "memory"})
	require.NoError(t, err)
	b, _, err := cmd.ResolveSecrets(&cmd.Config{DSN: "memory"})
	require.NoError(t, err)
	require.NotEqual(t, a.Default, b.Default)
}

func TestSecretFileIsRefused(t *testing.T) {
	good := strings.Repeat("A", 43) + "\n"
	for name, tt := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"group reads":  {good, 0o640, "others may read it (mode 0640)"},
		"others read":  {good, 0o604, "others may read it (mode 0604)"},
		"others write": {good, 0o602, "others may read it (mode 0602)"},
		"empty":        {"", 0o600, "does not hold a secret"},
		"cut off":      {good[:20], 0o600, "does not hold a secret"},
		"too long":     {good + good, 0o600, "does not hold a secret"},
		"something":    {"password\n", 0o600, "does not hold a secret"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := dir + "/a.db.secrets"
			require.NoError(t, os.WriteFile(file, []byte(tt.content), 0o600))
			require.NoError(t, os.Chmod(file, tt.mode))
			s, _, err := cmd.ResolveSecrets(&cmd.Config{DSN: "sqlite://" + dir + "/a.db"})
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, file)
			require.Empty(t, s.Default)
			after, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, tt.content, string(after), "the file is left alone")
		})
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/a.db.secrets", 0o700))
	_, _, err := cmd.ResolveSecrets(&cmd.Config{DSN: "sqlite://" + dir + "/a.db"})
	require.ErrorContains(t, err, "must be a plain file")
}

func TestProcessesThatStartAtOnceAgree(t *testing.T) {
	for range 20 {
		dsn := "sqlite://" + t.TempDir() + "/a.db"
		const n = 16
		got := make([]cmd.Secrets, n)
		errs := make([]error, n)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				<-start
				got[i], _, errs[i] = cmd.ResolveSecrets(&cmd.Config{DSN: dsn})
			})
		}
		close(start)
		wg.Wait()
		for i := range n {
			require.NoError(t, errs[i])
			require.Equal(t, got[0], got[i])
		}
	}
}
