package selfservice

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/schema"
)

// typed is the stored form of Flow.Values.
type typed struct {
	Traits     map[string]any `json:"traits,omitempty"`
	Address    string         `json:"address,omitempty"`
	Identifier string         `json:"identifier,omitempty"`
}

// typed reads Values. What cannot be read was not typed.
func (f *Flow) typed() (t typed) {
	if len(f.Values) > 0 {
		_ = decode(f.Values, &t)
	}
	return t
}

// Traits returns the traits typed so far, in a settings flow else those there
// are, numbers as json.Number.
func (f *Flow) Traits() map[string]any {
	if d := f.notes.Draft; d != nil {
		var traits map[string]any
		_ = decode(d.Traits, &traits)
		return traits
	}
	typed := f.typed().Traits
	switch a := f.notes.Asserted; {
	case a != nil:
		return overlaid(a.Traits, typed)
	case typed == nil && f.owner != nil:
		return f.owner.DecodedTraits()
	}
	return typed
}

// Identifier returns what was typed to sign in with so far.
func (f *Flow) Identifier() string { return f.typed().Identifier }

// Address returns the address typed so far.
func (f *Flow) Address() string { return f.typed().Address }

// keep keeps what was typed into a field, if it can be an identifier.
func (s *Step) keep(node string, as func(string) typed) {
	if v := s.Input.Body.String(node); v != "" && utf8.RuneCountInString(v) <= identity.MaxIdentifier {
		s.Next.Values, s.refills = mustJSON(as(v)), true
	}
}

// readTraits brings what was typed into the schema's types.
func (s *Step) readTraits() error {
	if _, sent := s.Input.Body.Fields["traits"]; !sent {
		if s.Flow.Stage() == StageHow && !s.Flow.Drafted() {
			s.Traits = s.Schema.Coerce(s.Flow.Traits())
		}
		return nil
	}
	raw, ok := s.Input.Body.Object("traits")
	if !ok {
		return fail.New(fail.BadRequest, "traits_invalid", "traits has to be an object.")
	}
	s.Traits = s.Schema.Coerce(raw)
	if !s.Flow.Drafted() { // a draft is sealed, and so are its traits
		s.Next.Values, s.refills = encodeTraits(known(s.Schema, s.Traits)), true
	}
	if len(mustJSON(s.Traits)) > identity.MaxTraits {
		return identity.ErrTraitsTooLarge
	}
	return nil
}

// known returns the part of traits that the form has fields for. Nothing else
// is kept: what a client sends under another name may be a secret.
func known(s *schema.Schema, traits map[string]any) map[string]any {
	out := map[string]any{}
	for _, f := range s.Fields {
		from, to := traits, out
		for n, key := range f.Path {
			v, ok := from[key]
			if !ok {
				break
			}
			if n == len(f.Path)-1 {
				to[key] = v
				break
			}
			if from, ok = v.(map[string]any); !ok {
				break
			}
			inner, ok := to[key].(map[string]any)
			if !ok {
				inner = map[string]any{}
				to[key] = inner
			}
			to = inner
		}
	}
	return out
}

func encodeTraits(traits map[string]any) json.RawMessage {
	if len(traits) == 0 {
		return nil
	}
	return mustJSON(typed{Traits: traits})
}

// typedTraits are those of the submit, else those typed before.
func (s *Step) typedTraits() map[string]any {
	if s.Traits != nil {
		return s.Traits
	}
	return s.Flow.typed().Traits
}

// overlaid is what over says, and beneath it an object of JSON. An empty text
// says nothing: a form sends one for each field that was left alone.
func overlaid(beneath json.RawMessage, over map[string]any) map[string]any {
	return overlay(decoded(beneath), over)
}

func overlay(beneath, over map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range beneath {
		out[name] = value
	}
	for name, value := range over {
		inner, ok := value.(map[string]any)
		below, also := out[name].(map[string]any)
		switch {
		case value == "":
		case ok && (also || out[name] == nil):
			if inner = overlay(below, inner); len(inner) > 0 {
				out[name] = inner
			}
		case out[name] == nil || value != nil:
			out[name] = value
		}
	}
	return out
}

// decoded reads an object, numbers as json.Number; nil for none.
func decoded(raw json.RawMessage) (object map[string]any) {
	if len(raw) > 0 {
		_ = decode(raw, &object) // what is no object is none
	}
	return object
}
