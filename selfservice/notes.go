package selfservice

import (
	"bytes"
	"encoding/json"

	"github.com/foyer-id/foyer/schema"
)

// notes is a flow's private part. It is sealed for its flow alone, because it
// holds what the client or a method wants kept from whoever reads the database.
type notes struct {
	State     string          `json:"state,omitempty"`
	Transient json.RawMessage `json:"transient_payload,omitempty"`
}

// sealNotes makes n the flow's notes.
func (e *Engine) sealNotes(f *Flow, n notes) {
	f.notes, f.Private = n, nil
	if n.State != "" || n.Transient != nil {
		f.Private = e.Ring.Seal("flow/"+f.ID.String(), mustJSON(n))
	}
}

func (e *Engine) openNotes(f *Flow) (notes, error) {
	var n notes
	if f.Private == nil {
		return n, nil
	}
	plain, err := e.Ring.Open("flow/"+f.ID.String(), f.Private)
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal(plain, &n)
}

// typed is the stored form of Flow.Values.
type typed struct {
	Traits map[string]any `json:"traits,omitempty"`
}

// Traits returns the traits typed so far, numbers as json.Number.
func (f *Flow) Traits() map[string]any {
	if len(f.Values) == 0 {
		return nil
	}
	var t typed
	d := json.NewDecoder(bytes.NewReader(f.Values))
	d.UseNumber()
	if err := d.Decode(&t); err != nil {
		return nil
	}
	return t.Traits
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

// mustJSON encodes what came from a JSON decoder or is our own, and so can be.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("selfservice: " + err.Error())
	}
	return b
}
