package cmd

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/foyer-id/foyer/persistence"
)

// secretsSuffix is added to the database's file name.
const secretsSuffix = ".secrets"

// ResolveSecrets returns c's secrets with none left empty. Lists left out fall
// back to the default list. Where that is missing, too, a database in a file
// gets a secret in a file of its own beside it, readable by its owner only and
// read again at every start; a database in memory gets one that lives as long.
// Nothing is written where the database itself could not be.
// With any other database a missing secret is an error: nodes must share it.
// generatedIn names the file when one was used, otherwise it is empty.
func ResolveSecrets(c *Config) (s Secrets, generatedIn string, err error) {
	s = c.Secrets
	if len(s.Default) == 0 {
		file, local, err := persistence.DatabaseFile(c.DSN)
		var secret string
		switch {
		case err != nil:
		case !local:
			err = errors.New("secrets.default is missing; with this database it cannot be generated")
		case file == "":
			secret = newSecret()
		default:
			generatedIn = file + secretsSuffix
			if err = canHoldDatabase(file); err == nil {
				secret, err = secretIn(generatedIn)
			}
		}
		if err != nil {
			return Secrets{}, "", err
		}
		s.Default = []string{secret}
	}
	for _, list := range []*[]string{&s.Cookie, &s.Cipher} {
		if len(*list) == 0 {
			*list = s.Default
		}
	}
	return s, generatedIn, nil
}

// sqliteMagic is how every SQLite file begins.
const sqliteMagic = "SQLite format 3\x00"

// canHoldDatabase refuses a path in no directory and a file of another kind. It
// changes nothing.
func canHoldDatabase(file string) error {
	dir := filepath.Dir(file)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("dsn: the directory %s does not exist", dir)
	case err != nil:
		return fmt.Errorf("dsn: %w", err)
	case !info.IsDir():
		return fmt.Errorf("dsn: %s is no directory", dir)
	}
	info, err = os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("dsn: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("dsn: %s is no plain file", file)
	case info.Size() == 0:
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("dsn: %w", err)
	}
	defer f.Close()
	begin := make([]byte, len(sqliteMagic))
	if _, err := io.ReadFull(f, begin); err != nil || string(begin) != sqliteMagic {
		return fmt.Errorf("dsn: %s is no SQLite database; it is left alone", file)
	}
	return nil
}

// newSecret is 32 bytes from the system's CSPRNG, as text.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// secretIn reads the secret in a file, or makes both. Of processes that start
// at once exactly one makes it and all return the same.
func secretIn(file string) (string, error) {
	secret, err := readSecret(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := writeSecret(file, newSecret()); err != nil {
		return "", fmt.Errorf("%s: the secret cannot be stored: %w", file, err)
	}
	return readSecret(file)
}

// writeSecret makes the file appear whole or not at all, and on disk before it
// is used: a secret that is lost in a crash takes what it sealed with it. A
// file that another process has made meanwhile is left alone, and on disk, too.
func writeSecret(file, secret string) (err error) {
	dir := filepath.Dir(file)
	draft := filepath.Join(dir, "."+filepath.Base(file)+"."+newSecret()[:8])
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(draft)
	_, err = f.WriteString(secret + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, does not replace what another process has made.
	if err := os.Link(draft, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readSecret(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s: holds the program's secret, so it must be a plain file", file)
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%s: holds the program's secret and others may read it (mode %04o); run chmod 600 on it, or remove it to start with a new secret and without the sessions there are", file, info.Mode().Perm())
	}
	raw := make([]byte, 256)
	n, _ := f.Read(raw)
	secret := strings.TrimSpace(string(raw[:n]))
	if key, err := base64.RawURLEncoding.DecodeString(secret); err != nil || len(key) != 32 {
		return "", fmt.Errorf("%s: does not hold a secret this program has made; restore it, or remove it to start with a new one", file)
	}
	return secret, nil
}
