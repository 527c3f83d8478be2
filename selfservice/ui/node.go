package ui

// Groups a node belongs to. Clients pick what to draw by group.
const (
	GroupDefault         = "default"
	GroupProfile         = "profile"
	GroupIdentifierFirst = "identifier_first"
	GroupPassword        = "password"
	GroupCode            = "code"
	GroupLink            = "link"
	GroupOIDC            = "oidc"
)

// Input types of HTML forms that nodes use.
const (
	InputText     = "text"
	InputPassword = "password"
	InputNumber   = "number"
	InputCheckbox = "checkbox"
	InputHidden   = "hidden"
	InputEmail    = "email"
	InputTel      = "tel"
	InputSubmit   = "submit"
	InputDate     = "date"
	InputDateTime = "datetime-local"
	InputURL      = "url"
)

// Names of nodes that the protocol fixes.
const (
	NodeCSRF       = "csrf_token"
	NodeMethod     = "method"
	NodeScreen     = "screen" // the button of a step that asks for another
	NodeIdentifier = "identifier"
	NodePassword   = "password"
	NodeEmail      = "email"
	NodeSMS        = "sms"
	NodeCode       = "code"
	NodeToken      = "token"
	NodeResend     = "resend"
	NodeContinue   = "continue"
	NodeProvider   = "provider" // the button of a provider
	NodeLink       = "link"     // the same, to link it to an account
	NodeUnlink     = "unlink"
	TraitPrefix    = "traits."
)

// Node is one part of a form, as on the wire.
type Node struct {
	Type       string     `json:"type"`
	Group      string     `json:"group"`
	Attributes Attributes `json:"attributes"`
	Messages   []Message  `json:"messages"`
	Meta       Meta       `json:"meta"`
}

// Attributes is what sets one type of node apart: *Input, *Text or *Anchor.
// Nodes share them, so whoever wants others makes a copy.
type Attributes interface {
	name() string // what problems are placed by; empty for none
	// localised returns the attributes with their own texts in locale.
	localised(c Catalogue, locale string) Attributes
}

// Input returns the attributes of an input node, nil for any other.
func (n *Node) Input() *Input {
	in, _ := n.Attributes.(*Input)
	return in
}

// Name is the node's name in a form; empty for a node that is no input.
func (n *Node) Name() string { return n.Attributes.name() }

func (n *Node) hidden() bool {
	in := n.Input()
	return in != nil && in.Type == InputHidden
}

// Meta carries a node's label.
type Meta struct {
	Label *Message `json:"label,omitempty"`
}

// Input is the attributes of an input node. Value is nil for none; it is a
// string, json.Number, bool, or a list of those.
type Input struct {
	Name         string   `json:"name"`
	Type         string   `json:"type"`
	Value        any      `json:"value,omitempty"`
	Required     bool     `json:"required,omitempty"`
	Autocomplete string   `json:"autocomplete,omitempty"`
	Pattern      string   `json:"pattern,omitempty"`
	MaxLength    int      `json:"maxlength,omitempty"`
	Options      []Option `json:"options,omitempty"`
	Disabled     bool     `json:"disabled"`
	NodeType     string   `json:"node_type"`
}

func (in *Input) name() string { return in.Name }

func (in *Input) localised(Catalogue, string) Attributes { return in }

// Text is the attributes of a node that only says something.
type Text struct {
	ID       string  `json:"id"`
	Text     Message `json:"text"`
	NodeType string  `json:"node_type"`
}

func (*Text) name() string { return "" }

func (t *Text) localised(c Catalogue, locale string) Attributes {
	filled := *t
	filled.Text = c.Message(locale, t.Text.ID, t.Text.Context)
	return &filled
}

// Anchor is the attributes of a link.
type Anchor struct {
	ID       string  `json:"id"`
	Href     string  `json:"href"`
	Title    Message `json:"title"`
	NodeType string  `json:"node_type"`
}

func (*Anchor) name() string { return "" }

func (a *Anchor) localised(c Catalogue, locale string) Attributes {
	filled := *a
	filled.Title = c.Message(locale, a.Title.ID, a.Title.Context)
	return &filled
}

// Option is one choice of an input that offers several.
type Option struct {
	Value any `json:"value"`
}

// none is the empty list that every node starts with: on the wire it is [],
// never null. Appending to it makes a new one.
var none = []Message{}

// NewInput returns an input node without label and messages.
func NewInput(group string, in Input) Node {
	in.NodeType = "input"
	return Node{Type: "input", Group: group, Attributes: &in, Messages: none}
}

// NewAddress returns where an e-mail address is typed, or with phones a phone
// number as well.
func NewAddress(group, typed string, phones bool) Node {
	in, label := Input{Name: NodeEmail, Type: InputEmail, Required: true, Autocomplete: "email"}, LabelEmail
	if phones {
		in.Type, in.Autocomplete, label = InputText, "", LabelEmailOrPhone
	}
	if typed != "" {
		in.Value = typed
	}
	return NewInput(group, in).Labelled(label, nil)
}

// Confirm is the labels of the button on a page that a mailed link leads to:
// with the address that pressing it proves, and where that is not known.
type Confirm struct{ Known, Unknown int }

// What is confirmed.
var (
	ConfirmAddress  = Confirm{LabelConfirmAddress, LabelConfirm}
	ConfirmRecovery = Confirm{LabelConfirmRecovery, LabelConfirmRecoveryAny}
)

// Node returns the button. An empty address is one that is not known.
func (c Confirm) Node(group, method, address string) Node {
	n := NewInput(group, Input{Name: NodeMethod, Type: InputSubmit, Value: method})
	if address == "" {
		return n.Labelled(c.Unknown, nil)
	}
	return n.Labelled(c.Known, map[string]any{"address": address})
}

// NewText returns a node that says the message with this id.
func NewText(group, id string, message int, context map[string]any) Node {
	text := &Text{ID: id, Text: Message{ID: message, Context: context}, NodeType: "text"}
	return Node{Type: "text", Group: group, Attributes: text, Messages: none}
}

// NewAnchor returns a link whose title, and label, is the message with this id.
func NewAnchor(group, id, href string, message int) Node {
	a := &Anchor{ID: id, Href: href, Title: Message{ID: message}, NodeType: "a"}
	return Node{Type: "a", Group: group, Attributes: a, Messages: none}.Labelled(message, nil)
}

// Labelled returns n with a label whose text is filled in when the form is
// written in the reader's language.
func (n Node) Labelled(id int, context map[string]any) Node {
	n.Meta.Label = &Message{ID: id, Context: context}
	return n
}

// Form is what a client draws: where to send it, and what it holds.
type Form struct {
	Action   string    `json:"action"`
	Method   string    `json:"method"`
	Nodes    []Node    `json:"nodes"`
	Messages []Message `json:"messages,omitempty"`
}

// Localise fills every text, in place.
func (f *Form) Localise(c Catalogue, locale string) {
	for i := range f.Nodes {
		f.Nodes[i].Attributes = f.Nodes[i].Attributes.localised(c, locale)
		if l := f.Nodes[i].Meta.Label; l != nil && l.Text == "" {
			filled := c.Message(locale, l.ID, l.Context)
			f.Nodes[i].Meta.Label = &filled
		}
	}
}

// Place puts each problem on the node it names, and on the form where it names
// none or one the form does not have. What is foreign is said nowhere else, so
// it does not go to a node that nobody sees.
func (f *Form) Place(problems []Problem, c Catalogue, locale string) {
	for _, p := range problems {
		m := p.message(c, locale)
		if n := f.node(p.Node); n != nil && !(p.Foreign && n.hidden()) {
			n.Messages = append(n.Messages, m)
			continue
		}
		f.Messages = append(f.Messages, m)
	}
}

func (f *Form) node(name string) *Node {
	if name == "" {
		return nil
	}
	for i := range f.Nodes {
		if f.Nodes[i].Name() == name {
			return &f.Nodes[i]
		}
	}
	return nil
}
