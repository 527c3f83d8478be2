package cmd

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// columns are how things of one kind are shown to people, a line each.
type columns struct {
	head []string
	row  func(json.RawMessage) ([]string, error)
}

// adminList writes things as they come: lines of a table, or one JSON array.
type adminList struct {
	columns
	out   io.Writer
	table *tabwriter.Writer // nil for JSON
	count int
}

func newAdminList(out io.Writer, format string, shown columns) *adminList {
	l := &adminList{columns: shown, out: out}
	if format == "table" {
		l.table = newTable(out)
	}
	return l
}

func newTable(out io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(out, 0, 0, 2, ' ', 0) }

// add writes some more. Whether they line up with those before is not certain.
func (l *adminList) add(some []json.RawMessage) error {
	for _, raw := range some {
		l.count++
		if l.table == nil {
			before := ",\n"
			if l.count == 1 {
				before = "["
			}
			if _, err := fmt.Fprint(l.out, before, string(raw)); err != nil {
				return err
			}
			continue
		}
		row, err := l.row(raw)
		if err != nil {
			return err
		}
		if l.count == 1 {
			fmt.Fprintln(l.table, cells(l.head...))
		}
		fmt.Fprintln(l.table, cells(row...))
	}
	if l.table == nil {
		return nil
	}
	return l.table.Flush()
}

func (l *adminList) end() (err error) {
	switch {
	case l.table != nil && l.count == 0:
		_, err = fmt.Fprintln(l.out, "There are none.")
	case l.count == 0:
		_, err = fmt.Fprintln(l.out, "[]")
	case l.table == nil:
		_, err = fmt.Fprintln(l.out, "]")
	}
	return err
}

// writeFields writes names and values, and leaves out what is empty.
func writeFields(table io.Writer, fields [][2]string) {
	for _, f := range fields {
		if f[1] != "" {
			fmt.Fprintln(table, cells(f[:]...))
		}
	}
}

// cells are a line of a table.
func cells(all ...string) string {
	line := make([]string, len(all))
	for n, cell := range all {
		line[n] = strings.ReplaceAll(printable(cell), "\n", " ")
	}
	return strings.Join(line, "\t")
}

// printable is text as a terminal may show it: what came from elsewhere must not
// move the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// second is a time for people, empty for none.
func second(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime) + "Z"
}

func dash(s string) string { return cmp.Or(s, "–") }
