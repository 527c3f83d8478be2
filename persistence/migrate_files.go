package persistence

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one file for one dialect, taken apart.
type migration struct {
	name       string // for example 0001_first
	checksum   string
	statements []string
}

// migrationsIn reads the migrations of a dialect in their order. A file is
// named NNNN_name.dialect.sql, or NNNN_name.sql where one text serves all;
// CockroachDB falls back to PostgreSQL's.
func migrationsIn(files fs.FS, dialect string) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var order []string
	for _, n := range names {
		base, _, _ := strings.Cut(strings.TrimPrefix(n, "migrations/"), ".")
		if !slices.Contains(order, base) {
			order = append(order, base)
		}
	}
	slices.Sort(order)
	suffixes := []string{"." + dialect + ".sql", ".sql"}
	if dialect == dialectCockroach {
		suffixes = []string{".cockroach.sql", ".postgres.sql", ".sql"}
	}
	var list []migration
	for _, base := range order {
		m, err := readMigration(files, base, suffixes)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func readMigration(files fs.FS, base string, suffixes []string) (migration, error) {
	for _, suffix := range suffixes {
		text, err := fs.ReadFile(files, "migrations/"+base+suffix)
		if err != nil {
			continue
		}
		sum := sha256.Sum256(text)
		return migration{name: base, checksum: hex.EncodeToString(sum[:]), statements: splitSQL(string(text))}, nil
	}
	return migration{}, fmt.Errorf("migration %s has no file %s", base, suffixes[0])
}

// splitSQL cuts a file at the semicolons that end a line, and drops the lines
// that are comments. Migrations hold no other semicolon at an end of a line.
func splitSQL(text string) []string {
	var list []string
	var b strings.Builder
	for line := range strings.Lines(text) {
		if t := strings.TrimSpace(line); t == "" || strings.HasPrefix(t, "--") {
			continue
		}
		b.WriteString(line)
		if strings.HasSuffix(strings.TrimSpace(line), ";") {
			list = append(list, strings.TrimSuffix(strings.TrimSpace(b.String()), ";"))
			b.Reset()
		}
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		list = append(list, rest)
	}
	return list
}
