package selfservice

import (
	"bytes"
	"encoding/json"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
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
	Subject   uuid.UUID         `json:"subject,omitzero"`      // whose flow it is, where it is somebody's from the start
	Refresh   bool              `json:"refresh,omitempty"`     // login: Subject proves again to be themselves
	SignsInBy map[string]string `json:"signs_in_by,omitempty"` // login: what Subject signs in with, canonical, by method
	AAL       session.AAL       `json:"aal,omitempty"`         // login: how sure it is to be
	Skip      bool              `json:"skip,omitempty"`        // recovery: no settings afterwards
	Recovered *recovered        `json:"recovered,omitempty"`   // settings: what led here
	Saved     *saved            `json:"saved,omitempty"`       // settings: how the last save ended
	Move      *move             `json:"move,omitempty"`        // verification: the change of address that waits for the proof
	Trip      *trip             `json:"trip,omitempty"`        // where the client has gone, to come back with an answer
	Asserted  *Assertion        `json:"asserted,omitempty"`    // registration: who the client is as a provider says
	Linking   *linking          `json:"linking,omitempty"`     // login: what is linked to whom it is of
	Linked    []string          `json:"linked,omitempty"`      // login: the providers that Subject is linked to
	Exchange  *exchange         `json:"exchange,omitempty"`    // native: how the app gets what a browser brings home
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
	return notes{
		State: n.State, Subject: n.Subject, Refresh: n.Refresh, SignsInBy: n.SignsInBy, Linked: n.Linked, AAL: n.AAL, Skip: n.Skip,
		Recovered: n.Recovered, Exchange: n.Exchange, Linking: n.Linking,
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

// maxTransient bounds what a client may have carried to hooks, as JSON.
const maxTransient = 64 << 10

// keepTransient notes the transient_payload, sealed, until the flow completes.
func (e *Engine) keepTransient(s *Step) error {
	if _, sent := s.Input.Body.Fields["transient_payload"]; !sent {
		return nil
	}
	payload, ok := s.Input.Body.Object("transient_payload")
	if !ok {
		return fail.New(fail.BadRequest, "transient_payload_invalid", "transient_payload has to be an object.")
	}
	raw := mustJSON(web.Plain(payload))
	if len(raw) > maxTransient {
		return fail.New(fail.TooLarge, "transient_payload_too_large", "The transient_payload has more than 64 KiB.")
	}
	n := s.Flow.notes
	n.Transient = raw
	e.sealNotes(s.Next, n)
	return nil
}

// decode reads JSON of our own with numbers as they were.
func decode(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

// mustJSON encodes what came from a JSON decoder or is our own, and so can be.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("selfservice: " + err.Error())
	}
	return b
}
