package selfservice

import (
	"bytes"
	"encoding/json"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/schema"
)

// notes is a flow's private part. It is sealed for its flow alone, because it
// holds what the client or a method wants kept from whoever reads the database.
type notes struct {
	State     string            `json:"state,omitempty"`
	Transient json.RawMessage   `json:"transient_payload,omitempty"`
	Challenge *Challenge        `json:"challenge,omitempty"` // the secret awaited
	Draft     *draft            `json:"draft,omitempty"`     // who comes to be once it is answered
	Followed  *followed         `json:"followed,omitempty"`  // the mailed link that led here
	Spare     uuid.UUID         `json:"spare,omitzero"`      // the session that a proof in this flow leaves alive
	Stage     Stage             `json:"stage,omitempty"`
	Subject   uuid.UUID         `json:"subject,omitzero"`    // whose flow it is, where it is somebody's from the start
	Refresh   bool              `json:"refresh,omitempty"`   // login: Subject proves again to be themselves
	Own       map[string]string `json:"own,omitempty"`       // login: what Subject signs in with, canonical, by method
	AAL       session.AAL       `json:"aal,omitempty"`       // login: how sure it is to be
	Skip      bool              `json:"skip,omitempty"`      // recovery: no settings afterwards
	Recovered *recovered        `json:"recovered,omitempty"` // settings: what led here
	Saved     *saved            `json:"saved,omitempty"`     // settings: how the last save ended
	Move      *move             `json:"move,omitempty"`      // verification: the change of address that waits for the proof
}

// sealNotes makes n the flow's notes.
func (e *Engine) sealNotes(f *Flow, n notes) {
	f.notes, f.Private = n, nil
	if raw := mustJSON(n); string(raw) != "{}" {
		f.Private = e.Ring.Seal("flow/"+f.ID.String(), raw)
	}
}

// carried is the part of the notes that goes along to the end and to successors.
func (n notes) carried() notes {
	return notes{State: n.State, Subject: n.Subject, Refresh: n.Refresh, Own: n.Own, AAL: n.AAL, Skip: n.Skip, Recovered: n.Recovered}
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
	if typed := f.typed().Traits; typed != nil || f.owner == nil {
		return typed
	}
	return f.owner.DecodedTraits()
}

// Identifier returns what was typed to sign in with so far.
func (f *Flow) Identifier() string { return f.typed().Identifier }

// Address returns the address typed so far.
func (f *Flow) Address() string { return f.typed().Address }

// decode reads JSON of our own with numbers as they were.
func decode(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
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
