package identity

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/schema"
)

// MaxTraits bounds the traits of one identity, as JSON.
const MaxTraits = 64 << 10

// ErrTraitsTooLarge tells a client that traits go beyond MaxTraits.
var ErrTraitsTooLarge = fail.New(fail.TooLarge, "traits_too_large", "The traits have more than 64 KiB.")

// Manager makes identities and changes them. It is the single point at which
// they come to be, and at which what happens to them is known.
type Manager struct {
	Schemas *schema.Set
	Store   Store
	Events  Events // nil where nobody listens
	Now     func() time.Time
}

// Draft builds an identity from traits, which it validates once, and derives
// identifiers and addresses. Nothing is stored. With violations the identity
// is nil.
func (m *Manager) Draft(s *schema.Schema, traits map[string]any) (*Identity, []schema.Violation) {
	violations := s.Validate(traits)
	i := &Identity{SchemaID: s.ID, State: StateActive, identifiers: []string{}}
	for _, f := range s.Fields {
		for _, typed := range s.Read(traits, f) {
			if typed == "" {
				continue // whether it may be empty is for the schema to say
			}
			if reason := i.derive(f, typed); reason != nil && !refused(violations, f) {
				violations = append(violations, schema.Violation{
					Path: "traits." + f.Name, Keyword: "identifier",
					Context: map[string]any{"reason": reason.Error()},
				})
			}
		}
	}
	if len(violations) > 0 {
		return nil, violations
	}
	i.ID = uuid.Must(uuid.NewV4())
	i.CreatedAt = m.Now().UTC()
	i.UpdatedAt, i.StateChangedAt = i.CreatedAt, i.CreatedAt
	if traits == nil {
		traits = map[string]any{}
	}
	i.Traits = encode(traits)
	for _, list := range [][]Address{i.Verifiable, i.Recovery} {
		for n := range list {
			list[n].ID = uuid.Must(uuid.NewV4())
			list[n].CreatedAt, list[n].UpdatedAt = i.CreatedAt, i.CreatedAt
		}
	}
	i.setCodes()
	return i, nil
}

// Identifiers returns what somebody who was drafted or revised signs in with,
// canonical; nil for anybody else.
func (i *Identity) Identifiers() []string { return i.identifiers }

// PasswordIdentifiers are those of Identifiers that go with a password.
func (i *Identity) PasswordIdentifiers() []string { return i.passwords }

// TypedIdentifiers lists what traits would sign in with, canonical where that is
// possible and as typed where not.
func TypedIdentifiers(s *schema.Schema, traits map[string]any) []string {
	var out []string
	for _, f := range s.Fields {
		if !f.Identifier && !f.CodeIdentifier {
			continue
		}
		for _, typed := range s.Read(traits, f) {
			if canonical, err := Canonical(channel(f), typed); err == nil {
				typed = canonical
			}
			out = append(out, typed)
		}
	}
	return out
}

// derive adds to i what one value of one field stands for. The error is the
// reason the value cannot be used so.
func (i *Identity) derive(f schema.Field, typed string) error {
	if !f.Identifier && !f.CodeIdentifier && f.VerificationVia == "" && f.RecoveryVia == "" {
		return nil
	}
	canonical, err := Canonical(channel(f), typed)
	if err != nil {
		return err
	}
	if f.Identifier {
		i.passwords, i.identifiers = appendNew(i.passwords, canonical), appendNew(i.identifiers, canonical)
	}
	if f.CodeIdentifier {
		i.codes, i.identifiers = appendNew(i.codes, canonical), appendNew(i.identifiers, canonical)
	}
	address := Address{Value: strings.TrimSpace(typed), Canonical: canonical}
	if channel(f) == ViaSMS {
		address.Value = canonical
	}
	if f.VerificationVia != "" {
		address.Via, address.Status = f.VerificationVia, AddressPending
		i.Verifiable = appendAddress(i.Verifiable, address)
	}
	if f.RecoveryVia != "" {
		address.Via, address.Status = f.RecoveryVia, ""
		i.Recovery = appendAddress(i.Recovery, address)
	}
	return nil
}

// channel tells how a field's values are compared: as phone numbers or as text.
func channel(f schema.Field) string {
	if f.Format == "tel" || f.VerificationVia == ViaSMS || f.RecoveryVia == ViaSMS || f.CodeVia == ViaSMS {
		return ViaSMS
	}
	return ViaEmail
}

func appendAddress(list []Address, a Address) []Address {
	if find(list, a.Via, a.Canonical) != nil {
		return list
	}
	return append(list, a)
}

// find returns the address in list, nil for none.
func find(list []Address, via, canonical string) *Address {
	for n := range list {
		if list[n].Via == via && list[n].Canonical == canonical {
			return &list[n]
		}
	}
	return nil
}

func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// refused reports whether the schema already said what is wrong with f, so
// that one mistake is told once.
func refused(violations []schema.Violation, f schema.Field) bool {
	return slices.ContainsFunc(violations, func(v schema.Violation) bool { return v.Path == "traits."+f.Name })
}

// encode writes a value as it is kept. It came from a JSON decoder, so it can
// be encoded.
func encode(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic("identity: a value that is no JSON: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}
