package cmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
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

var eventColumns = columns{
	head: []string{"ID", "TYPE", "RECEIVER", "SUBJECT", "STATUS", "ATTEMPTS", "CREATED", "LAST ERROR"},
	row: func(raw json.RawMessage) ([]string, error) {
		var e eventRow
		err := json.Unmarshal(raw, &e)
		return []string{e.ID, e.Type, e.Receiver, dash(e.Subject), e.Status, strconv.Itoa(e.AttemptCount), second(&e.CreatedAt), dash(e.LastError)}, err
	},
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
	writeFields(table, [][2]string{
		{"id", e.ID}, {"kind", e.Kind}, {"type", e.Type}, {"receiver", e.Receiver}, {"subject", e.Subject}, {"status", e.Status},
		{"created", second(&e.CreatedAt)}, {"next attempt", second(e.NextAttemptAt)}, {"removed", second(e.ExpiresAt)}, {"last error", e.LastError},
	})
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
