package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// identityRow is of an identity what people are shown.
type identityRow struct {
	ID             string     `json:"id"`
	ExternalID     string     `json:"external_id"`
	SchemaID       string     `json:"schema_id"`
	State          string     `json:"state"`
	StateChangedAt *time.Time `json:"state_changed_at"`
	Verifiable     []struct {
		Value    string `json:"value"`
		Verified bool   `json:"verified"`
	} `json:"verifiable_addresses"`
	Recovery []struct {
		Value string `json:"value"`
	} `json:"recovery_addresses"`
	Credentials map[string]struct {
		Identifiers []string `json:"identifiers"`
	} `json:"credentials"`
	Traits         json.RawMessage `json:"traits"`
	MetadataPublic json.RawMessage `json:"metadata_public"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin"`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
}

var identityColumns = columns{
	head: []string{"ID", "STATE", "SCHEMA", "EXTERNAL ID", "WHO", "CREATED"},
	row: func(raw json.RawMessage) ([]string, error) {
		var i identityRow
		err := json.Unmarshal(raw, &i)
		return []string{i.ID, i.State, i.SchemaID, dash(i.ExternalID), i.who(), second(&i.CreatedAt)}, err
	},
}

// maxWho bounds what is shown of traits in a list, in letters.
const maxWho = 60

// who is an identity's addresses, or the beginning of the traits of one without.
func (i *identityRow) who() string {
	var all []string
	for _, a := range i.Verifiable {
		all = append(all, a.Value)
	}
	for _, a := range i.Recovery {
		if !slices.Contains(all, a.Value) {
			all = append(all, a.Value)
		}
	}
	if len(all) > 0 {
		return strings.Join(all, ", ")
	}
	traits := []rune(string(i.Traits))
	if len(traits) > maxWho {
		traits = append(traits[:maxWho-1], '…')
	}
	return string(traits)
}

// printIdentity writes one identity with all there is; etag is which revision.
func printIdentity(out io.Writer, format string, raw json.RawMessage, etag string) error {
	if format == "json" {
		_, err := fmt.Fprintln(out, string(raw))
		return err
	}
	var i identityRow
	if err := json.Unmarshal(raw, &i); err != nil {
		return err
	}
	fields := [][2]string{{"id", i.ID}, {"external id", i.ExternalID}, {"schema", i.SchemaID}, {"state", i.State}, {"state since", second(i.StateChangedAt)}}
	for _, a := range i.Verifiable {
		verified := "not verified"
		if a.Verified {
			verified = "verified"
		}
		fields = append(fields, [2]string{"address", a.Value + ", " + verified})
	}
	for _, a := range i.Recovery {
		fields = append(fields, [2]string{"recovery", a.Value})
	}
	for _, kind := range slices.Sorted(maps.Keys(i.Credentials)) {
		fields = append(fields, [2]string{kind, strings.Join(i.Credentials[kind].Identifiers, ", ")})
	}
	fields = append(fields, [2]string{"created", second(&i.CreatedAt)}, [2]string{"updated", second(&i.UpdatedAt)}, [2]string{"etag", strings.Trim(etag, `"`)})
	table := newTable(out)
	writeFields(table, fields)
	if err := table.Flush(); err != nil {
		return err
	}
	return printData(out, [][2]string{{"traits", string(i.Traits)}, {"metadata_public", string(i.MetadataPublic)}, {"metadata_admin", string(i.MetadataAdmin)}})
}

// printData writes names and what is below them as JSON, and leaves out what is not there.
func printData(out io.Writer, data [][2]string) error {
	for _, d := range data {
		if d[1] == "" || d[1] == "null" {
			continue
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, []byte(d[1]), "", "  "); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s %s\n", d[0], printable(indented.String())); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}
