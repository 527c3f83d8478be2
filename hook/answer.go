package hook

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Limits of an answer beside its size, which the client bounds.
const (
	maxMessages      = 64      // in all
	maxMessageText   = 2 << 10 // bytes
	maxPointer       = 512     // bytes
	maxIDs           = 255     // bytes of an external id, or a schema's
	maxAnswerAddress = 64
	maxAddressValue  = 320 // bytes
)

// Answer is what a hook that may interrupt answered.
type Answer struct {
	Messages []NodeMessage        // in the order given; foreign text
	Identity *selfservice.Changes // nil if the answer has none
}

// NodeMessage is a message for a node of the form, by its name: "traits.email" for
// the pointer "#/traits/email". Node is "" for one about the whole form.
//
// Its Type is "error" or "info", its ID whatever the hook chose, its Text at
// most 2 KiB. Context has json.Number for numbers and is nil where none is given.
type NodeMessage struct {
	Node string
	ui.Message
}

// ParseAnswer reads the body of an answer. Fields it does not know mean nothing.
// An error says what is wrong and where, as a JSON pointer; of what the answer
// holds it quotes names only. It is for the log.
func ParseAnswer(raw []byte) (Answer, error) {
	body, err := web.ParseJSON(raw)
	if err != nil {
		return Answer{}, err
	}
	root := given{fields: body.Fields, err: &err}
	a := Answer{Messages: root.messages()}
	if who := root.object("identity"); who.fields != nil {
		a.Identity = who.changes()
	}
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

func (g given) messages() (all []NodeMessage) {
	for _, about := range g.objects("messages", maxMessages) {
		node := about.node("instance_ptr")
		for _, m := range about.objects("messages", maxMessages) {
			one := NodeMessage{Node: node, Message: ui.Message{ID: m.whole("id"), Text: m.text("text", maxMessageText), Type: "info", Context: m.object("context").fields}}
			if m.text("type", maxMessageText) == "error" {
				one.Type = "error"
			}
			all = append(all, one)
		}
	}
	if len(all) > maxMessages {
		g.refuse(g.at("messages"), "there are more than %d messages", maxMessages)
	}
	return all
}

// node is the name of the node that a pointer into the submitted form means.
func (g given) node(name string) string {
	pointer := g.text(name, maxPointer)
	if pointer == "" || pointer == "#" || pointer == "#/" {
		return ""
	}
	path, ok := strings.CutPrefix(pointer, "#/")
	if !ok {
		g.refuse(g.at(name), "a pointer begins with #/")
		return ""
	}
	steps := strings.Split(path, "/")
	for i, step := range steps {
		step, err := url.PathUnescape(step)
		tildes := strings.Count(step, "~") - strings.Count(step, "~0") - strings.Count(step, "~1")
		if err != nil || step == "" || tildes != 0 || !utf8.ValidString(step) || strings.IndexByte(step, 0) >= 0 {
			g.refuse(g.at(name), "it is no JSON pointer to a field")
			return ""
		}
		steps[i] = strings.NewReplacer("~0", "~", "~1", "/").Replace(step)
	}
	return strings.Join(steps, ".")
}

// changes are what a hook wants to be different about the person. An address
// counts where it is said to be proved: a receiver that sends back what it was told
// changes nothing by the others.
func (g given) changes() *selfservice.Changes {
	c := &selfservice.Changes{
		SchemaID:       g.text("schema_id", maxIDs),
		State:          identity.State(g.text("state", maxIDs)),
		Traits:         g.object("traits").fields,
		MetadataPublic: g.raw("metadata_public"),
		MetadataAdmin:  g.raw("metadata_admin"),
	}
	if g.fields["external_id"] != nil {
		id := g.text("external_id", maxIDs)
		c.ExternalID = &id
	}
	if c.State != "" && c.State != identity.StateActive && c.State != identity.StateInactive {
		g.refuse(g.at("state"), "it has to be active or inactive")
	}
	for _, a := range g.objects("verifiable_addresses", maxAnswerAddress) {
		claimed := identity.Address{Value: a.text("value", maxAddressValue), Via: a.text("via", maxIDs)}
		if claimed.Via != identity.ViaEmail && claimed.Via != identity.ViaSMS {
			a.refuse(a.at("via"), "it has to be email or sms")
		}
		if a.yes("verified") {
			c.Proved = append(c.Proved, claimed)
		}
	}
	return c
}

// raw is any JSON value, nil where there is none; null is one.
func (g given) raw(name string) json.RawMessage {
	v, ok := g.fields[name]
	if !ok {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		g.refuse(g.at(name), "it cannot be kept")
	}
	return raw
}
