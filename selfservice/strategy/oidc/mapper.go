package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/jsonnet"
)

// mapper is an operator's Jsonnet that makes a person of claims. It reads
// std.extVar('claims') and std.extVar('identity'), which is null at sign-up.
type mapper struct {
	evaluator    Evaluator
	name, source string
}

// person returns what the mapper makes of claims, and the addresses it lists as
// verified, canonical; whether those count is for others to say.
func (m mapper) person(ctx context.Context, claims map[string]any, current *identity.Identity) (*Person, map[Proved]struct{}, error) {
	vars := map[string]any{"claims": claims, "identity": nil}
	if current != nil {
		view := identity.Viewer{}.Admin(current)
		view.Credentials = nil
		vars["identity"] = view
	}
	raw, err := m.evaluator.Evaluate(ctx, jsonnet.Program{Name: m.name, Source: m.source, Vars: vars, Object: true})
	if err != nil {
		return nil, nil, mapperFailed(err)
	}
	person, listed, err := readPerson(raw)
	if err != nil {
		return nil, nil, mapperFailed(fmt.Errorf("%s: the result's %w", m.name, err))
	}
	return person, listed, nil
}

func mapperFailed(err error) error {
	return fail.Wrap(err, fail.Internal, "oidc_mapper_failed", "What the provider says about the person could not be used; the mapper of claims failed.")
}

// readPerson reads a mapper's result. An error begins with a JSON pointer and
// tells no value.
func readPerson(raw json.RawMessage) (*Person, map[Proved]struct{}, error) {
	var result, fields map[string]json.RawMessage
	if err := object(raw, "", &result); err != nil {
		return nil, nil, err
	}
	if err := object(result["identity"], "/identity", &fields); err != nil {
		return nil, nil, err
	}
	p := &Person{MetadataPublic: some(fields["metadata_public"]), MetadataAdmin: some(fields["metadata_admin"])}
	if err := object(fields["traits"], "/identity/traits", &p.Traits); err != nil {
		return nil, nil, err
	}
	listed, err := readVerified(fields["verified_addresses"])
	return p, listed, err
}

// object reads what is to be an object.
func object[V any](raw json.RawMessage, at string, into *map[string]V) error {
	if len(raw) == 0 {
		return fmt.Errorf("%s is missing", at)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(into) != nil || *into == nil {
		return fmt.Errorf("%s is no object", at)
	}
	return nil
}

// readVerified reads /identity/verified_addresses. What is no address at all is
// left out, as what it lists can match none.
func readVerified(raw json.RawMessage) (map[Proved]struct{}, error) {
	const at = "/identity/verified_addresses"
	var entries []json.RawMessage
	if raw = some(raw); raw != nil && json.Unmarshal(raw, &entries) != nil {
		return nil, errors.New(at + " is no list")
	}
	listed := map[Proved]struct{}{}
	for i, entry := range entries {
		var address map[string]any
		if err := object(entry, fmt.Sprintf("%s/%d", at, i), &address); err != nil {
			return nil, err
		}
		via, _ := address["via"].(string)
		if via != identity.ViaEmail && via != identity.ViaSMS {
			return nil, fmt.Errorf("%s/%d/via is neither %q nor %q", at, i, identity.ViaEmail, identity.ViaSMS)
		}
		value, ok := address["value"].(string)
		if !ok {
			return nil, fmt.Errorf("%s/%d/value is no text", at, i)
		}
		if canonical, err := identity.Canonical(via, value); err == nil {
			listed[Proved{Via: via, Value: canonical}] = struct{}{}
		}
	}
	return listed, nil
}

// some is raw, or nil where that is nothing or null.
func some(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return raw
}
