package selfservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/foyer-id/foyer/identity"
)

// Changes is what somebody outside wants a person to be who is about to be
// stored. What is nil or empty stays as it is.
type Changes struct {
	Traits         map[string]any
	MetadataPublic json.RawMessage    // null takes it away
	MetadataAdmin  json.RawMessage    // the same
	State          identity.State     // active or inactive
	ExternalID     *string            // empty takes it away
	SchemaID       string             // has to be the one they have
	Proved         []identity.Address // Via and Value of those that count as proved
}

// Amend changes the person whom a registration or a change of settings is about
// to store, and nobody else. It returns why that cannot be, quoting no value; then
// nothing has changed. Addresses and identifiers stay those that the person has
// chosen in settings, or proved.
func (s *Step) Amend(ctx context.Context, c Changes) error {
	var next *identity.Identity
	switch {
	case s.Flow.Kind == Registration && s.Identity != nil:
		next = s.Identity.Clone()
	case s.Flow.Kind == Settings && s.Revised != nil:
		next = s.Revised.Clone()
	case s.Flow.Kind == Settings && s.Identity != nil:
		next = s.engine.Identities.Copy(s.Identity)
	default:
		return nil
	}
	if err := s.amendTraits(next, c.Traits); err != nil {
		return err
	}
	if err := c.amend(next); err != nil {
		return err
	}
	if s.Flow.Kind == Settings {
		s.Revised = next
		return nil
	}
	taken, err := s.engine.Identities.Store.Taken(ctx, next)
	if err == nil && taken {
		err = errors.New("identity: an identifier, an address or the external_id is another's")
	}
	if err == nil {
		s.Identity = next
	}
	return err
}

func (s *Step) amendTraits(i *identity.Identity, traits map[string]any) error {
	if traits == nil {
		return nil
	}
	if len(mustJSON(traits)) > identity.MaxTraits {
		return errors.New("identity.traits: more than 64 KiB")
	}
	moved, violations := s.engine.Identities.Amend(i, s.Schema, traits)
	switch {
	case len(violations) > 0:
		return fmt.Errorf("identity.traits: %s does not fit the identity schema (%s)", strings.TrimPrefix(violations[0].Path, "traits."), violations[0].Keyword)
	case moved && (s.Flow.Kind == Settings || s.Proven != nil):
		return errors.New("identity.traits: addresses and identifiers stay those that the person has chosen in settings, or proved")
	case len(i.Identifiers()) == 0:
		return errors.New("identity.traits: nothing is left to sign in with")
	}
	return nil
}

func (c Changes) amend(i *identity.Identity) error {
	for _, change := range []struct {
		wanted json.RawMessage
		is     *json.RawMessage
	}{{c.MetadataPublic, &i.MetadataPublic}, {c.MetadataAdmin, &i.MetadataAdmin}} {
		switch {
		case string(change.wanted) == "null":
			*change.is = nil
		case change.wanted != nil:
			*change.is = change.wanted
		}
	}
	if c.State != "" && c.State != i.State {
		i.State, i.StateChangedAt = c.State, i.UpdatedAt
	}
	if c.ExternalID != nil {
		i.ExternalID = *c.ExternalID
	}
	if c.SchemaID != "" && c.SchemaID != i.SchemaID {
		return errors.New("identity.schema_id: the person registers by another schema, which a form was drawn from")
	}
	for n, a := range c.Proved {
		canonical, err := identity.Canonical(a.Via, a.Value)
		if err != nil || i.Address(identity.ForVerification, a.Via, canonical) == nil {
			return fmt.Errorf("identity.verifiable_addresses[%d]: no such address comes of the traits", n)
		}
		i.Prove(a.Via, canonical)
	}
	return nil
}
