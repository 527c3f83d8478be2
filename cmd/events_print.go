package cmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// eventRow is of an event what people are shown.
type eventRow struct {
	ID            string     `json:"id"`
	Kind          string     `json:"kind"`
	Type          string     `json:"type"`
	Receiver      string     `json:"receiver"`
	Subject       string     `json:"subject"`
	Status        string     `json:"status"`
	AttemptCount  int        `json:"attempt_count"`
	LastError     string     `json:"last_error"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
	CreatedAt     time.Time  `json:"created_at"`
	ExpiresAt     *time.Time `json:"expires_at"`
	Attempts      []struct {
		Error      string    `json:"error"`
		StartedAt  time.Time `json:"started_at"`
		FinishedAt time.Time `json:"finished_at"`
	} `json:"attempts"`
	Payload      json.RawMessage `json:"payload"`
	PayloadError string          `json:"payload_error"`
}

// eventList writes events as they come: lines of a table, or one JSON array.
type eventList struct {
	out   io.Writer
	table *tabwriter.Writer // nil for JSON
	count int
}

func newEventList(out io.Writer, format string) *eventList {
	l := &eventList{out: out}
	if format == "table" {
		l.table = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	}
	return l
}

// add writes some more. Whether they line up with those before is not certain.
func (l *eventList) add(events []json.RawMessage) error {
	for _, raw := range events {
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
		var e eventRow
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		if l.count == 1 {
			fmt.Fprintln(l.table, cells("ID", "TYPE", "RECEIVER", "SUBJECT", "STATUS", "ATTEMPTS", "CREATED", "LAST ERROR"))
		}
		fmt.Fprintln(l.table, cells(e.ID, e.Type, e.Receiver, dash(e.Subject), e.Status, strconv.Itoa(e.AttemptCount), second(&e.CreatedAt), dash(e.LastError)))
	}
	if l.table == nil {
		return nil
	}
	return l.table.Flush()
}

func (l *eventList) end() (err error) {
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

// showEvent writes one event with all there is.
func showEvent(out io.Writer, format string, raw json.RawMessage) error {
	if format == "json" {
		_, err := fmt.Fprintln(out, string(raw))
		return err
	}
	var e eventRow
	if err := json.Unmarshal(raw, &e); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"id", e.ID}, {"kind", e.Kind}, {"type", e.Type}, {"receiver", e.Receiver}, {"subject", e.Subject}, {"status", e.Status},
		{"created", second(&e.CreatedAt)}, {"next attempt", second(e.NextAttemptAt)}, {"removed", second(e.ExpiresAt)}, {"last error", e.LastError},
	} {
		if line[1] != "" {
			fmt.Fprintln(table, cells(line[:]...))
		}
	}
	if len(e.Attempts) > 0 {
		fmt.Fprintln(table, "\nATTEMPT\tTOOK\tCAME OF IT")
	}
	for _, a := range e.Attempts {
		took := a.FinishedAt.Sub(a.StartedAt).Round(time.Millisecond)
		fmt.Fprintln(table, cells(second(&a.StartedAt), took.String(), cmp.Or(a.Error, "delivered")))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	says := bytes.NewBufferString(e.PayloadError)
	if e.Payload != nil {
		if err := json.Indent(says, e.Payload, "", "  "); err != nil {
			return err
		}
	}
	if says.Len() == 0 {
		says.WriteString("What it said was discarded.")
	}
	_, err := fmt.Fprintf(out, "\n%s\n", printable(says.String()))
	return err
}

// cells are a line of a table.
func cells(all ...string) string {
	line := make([]string, len(all))
	for n, cell := range all {
		line[n] = strings.ReplaceAll(printable(cell), "\n", " ")
	}
	return strings.Join(line, "\t")
}

// second is a time for people, empty for none.
func second(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime) + "Z"
}

func dash(s string) string { return cmp.Or(s, "–") }
