package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/gofrs/uuid"
)

// Create stores a drafted identity, or returns ErrTaken. It joins the
// transaction in ctx, as do all that change people.
func (m *Manager) Create(ctx context.Context, i *Identity) error {
	var events []Event
	if m.Events != nil {
		events = append([]Event{{Type: EventIdentityCreated, Subject: i.ID, Identity: i}}, verified(nil, i)...)
	}
	return m.recordAll(ctx, i.ID, func(ctx context.Context) error { return m.Store.InsertIdentity(ctx, i) }, events)
}

// Update saves after, a changed copy of before, which is as it was read. It
// returns what Store.UpdateIdentity does. What is saved unchanged is no event.
func (m *Manager) Update(ctx context.Context, before, after *Identity) error {
	var events []Event
	if m.Events != nil {
		if changed := changes(before, after); len(changed) > 0 {
			events = append(events, Event{Type: EventIdentityUpdated, Subject: after.ID, Identity: after, Facts: map[string]any{"changed": changed}})
		}
		events = append(events, verified(before, after)...)
	}
	return m.recordAll(ctx, after.ID, func(ctx context.Context) error { return m.Store.UpdateIdentity(ctx, after) }, events)
}

// Verify marks an address of i, as it was read, as verified, on the condition
// that i is still at epoch; else it returns ErrOutdated, as for nobody, nil. It
// reports whether that is the first proof.
func (m *Manager) Verify(ctx context.Context, i *Identity, addressID uuid.UUID, epoch int) (first bool, err error) {
	if i == nil {
		return false, ErrOutdated
	}
	at := m.Now().UTC()
	if m.Events == nil {
		return m.Store.VerifyAddress(ctx, i.ID, addressID, epoch, at)
	}
	err = m.Store.Tx(ctx, func(ctx context.Context) error {
		var err error
		first, err = m.Store.VerifyAddress(ctx, i.ID, addressID, epoch, at)
		if err != nil || !first {
			return err
		}
		after := i.Clone()
		after.Rev++
		after.UpdatedAt = at
		if n := slices.IndexFunc(after.Verifiable, func(a Address) bool { return a.ID == addressID }); n >= 0 {
			after.Prove(after.Verifiable[n].Via, after.Verifiable[n].Canonical)
		}
		return m.record(ctx, verified(i, after))
	})
	return first && err == nil, err
}

// Delete removes an identity, or returns ErrNotFound. The event has nothing of
// the person but the id: they are to be forgotten.
func (m *Manager) Delete(ctx context.Context, id uuid.UUID) error {
	var events []Event
	if m.Events != nil {
		events = []Event{{Type: EventIdentityDeleted, Subject: id}}
	}
	return m.recordAll(ctx, id, func(ctx context.Context) error { return m.Store.DeleteIdentity(ctx, id) }, events)
}

// verified is an event for each address that after has proved and before, nil
// for nobody yet, had not.
func verified(before, after *Identity) (events []Event) {
	for _, a := range after.Verifiable {
		if !a.Verified {
			continue
		}
		if before != nil {
			if old := find(before.Verifiable, a.Via, a.Canonical); old != nil && old.Verified {
				continue
			}
		}
		events = append(events, Event{
			Type: EventAddressVerified, Subject: after.ID, Identity: after,
			Facts: map[string]any{"address": a.Value, "via": a.Via},
		})
	}
	return events
}

// changes names what differs, by its name on the wire. A proof is none of it.
func changes(before, after *Identity) (changed []string) {
	note := func(name string, same bool) {
		if !same {
			changed = append(changed, name)
		}
	}
	note("schema_id", before.SchemaID == after.SchemaID)
	note("external_id", before.ExternalID == after.ExternalID)
	note("state", before.State == after.State)
	note("traits", sameJSON(before.Traits, after.Traits))
	note("metadata_public", sameJSON(before.MetadataPublic, after.MetadataPublic))
	note("metadata_admin", sameJSON(before.MetadataAdmin, after.MetadataAdmin))
	note("addresses", slices.EqualFunc(before.Verifiable, after.Verifiable, sameAddress) && slices.EqualFunc(before.Recovery, after.Recovery, sameAddress))
	if after.Credentials == nil {
		return changed // they stay
	}
	var types []string
	for _, c := range slices.Concat(before.Credentials, after.Credentials) {
		types = appendNew(types, string(c.Type))
	}
	slices.Sort(types)
	for _, t := range types {
		of := func(c Credential) bool { return string(c.Type) != t }
		note("credentials."+t, slices.EqualFunc(
			slices.DeleteFunc(slices.Clone(before.Credentials), of), slices.DeleteFunc(slices.Clone(after.Credentials), of), sameCredential))
	}
	return changed
}

func sameAddress(a, b Address) bool { return a.Via == b.Via && a.Value == b.Value }

func sameCredential(a, b Credential) bool {
	return a.ID == b.ID && a.Version == b.Version && slices.Equal(a.Identifiers, b.Identifiers) && sameJSON(a.Config, b.Config)
}

// sameJSON looks past how values are spaced and ordered: engines keep them in
// their own way.
func sameJSON(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || reflect.DeepEqual(decoded(a), decoded(b))
}

// decoded is a value, nil for none, numbers as they are written.
func decoded(raw json.RawMessage) (value any) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	_ = d.Decode(&value)
	return value
}
