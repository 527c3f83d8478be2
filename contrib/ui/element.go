package main

import (
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The view: what templates/flow.html and templates/node.html draw.

// element is one node ready to be drawn. Draw names the way: hidden, input,
// list, checkbox, checks, select, button, text, image, link, box or script.
type element struct {
	attributes
	Anchor   string // id in the page, unique whatever the API calls the node
	Draw     string
	Group    string
	Caption  string
	Current  string   // value as text
	Values   []string // values of a list or a repeated hidden input
	Choices  []choice
	Messages []message
	Image    template.URL
	Optional bool
	Submits  bool
	Leaves   bool // pressing e leads to another site, and back
	Primary  bool
	Focus    bool   // the page begins here
	Told     string // id of what the page says about e besides its own messages
	Seconds  int    // until pressing e does what it says
}

type choice struct {
	Value, Text string
	Selected    bool
}

// Described lists the ids of what is said about e.
func (e element) Described() string {
	var ids []string
	if e.Told != "" {
		ids = append(ids, e.Told)
	}
	if e.Seconds > 0 {
		ids = append(ids, e.Anchor+"-wait")
	}
	for i := range e.Messages {
		ids = append(ids, fmt.Sprintf("%s-m%d", e.Anchor, i))
	}
	return strings.Join(ids, " ")
}

// OneTime reports whether e is for a code that was sent.
func (e element) OneTime() bool { return e.Draw == "input" && e.Autocomplete == "one-time-code" }

// Place is the id of the i-th of several inputs. The first has the anchor, so
// that what leads to e leads into it.
func (e element) Place(i int) string {
	if i == 0 {
		return e.Anchor
	}
	return fmt.Sprintf("%s-%d", e.Anchor, i)
}

// Entry names the i-th input of a list, counted from 0, as people count.
func (e element) Entry(i int) string { return fmt.Sprintf("%s, entry %d", e.Caption, i+1) }

// Invalid reports whether something about e must be corrected.
func (e element) Invalid() bool {
	return slices.ContainsFunc(e.Messages, func(m message) bool { return m.Type == "error" })
}

func (e element) field() bool {
	return slices.Contains([]string{"input", "list", "checkbox", "checks", "select"}, e.Draw)
}

// Dataset holds the data attributes of a box whose names HTML allows.
func (e element) Dataset() map[string]string {
	safe := map[string]string{}
	for name, value := range e.Data {
		if dataName.MatchString(name) {
			safe[name] = text(value)
		}
	}
	return safe
}

var (
	dataName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	// Only pictures without scripts of their own come in by data URI; SVG in an
	// img runs none.
	dataImage  = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]+$`)
	inputTypes = []string{"text", "password", "number", "email", "tel", "datetime-local", "date", "url"}
)

// elements turns nodes into view models, one for one and in the same order.
// Nodes that must not be drawn (a script of another origin) are left out.
func elements(nodes []node, public string) []element {
	var all []element
	for i, n := range nodes {
		e := element{attributes: n.Attributes, Anchor: fmt.Sprintf("n%d", i), Group: n.Group, Messages: n.Messages, Caption: caption(n)}
		e.Current, e.Seconds, e.Leaves = text(e.Value), secondsUntil(n.Meta.Label), n.leaves()
		switch n.Type {
		case "input":
			e.input()
		case "img":
			e.Draw = "image"
			if dataImage.MatchString(e.Src) || origin(e.Src) == public {
				e.Image = template.URL(e.Src)
			}
		case "a":
			e.Draw = "link"
		case "div":
			e.Draw = "box"
		case "script":
			e.Draw = "script"
			if e.Integrity == "" || origin(e.Src) != public {
				continue
			}
		default:
			e.Draw = "text"
		}
		all = append(all, e)
	}
	// Where everything is optional, saying so beside each field is noise.
	if slices.ContainsFunc(all, func(e element) bool { return e.field() && e.Required }) {
		for i := range all {
			all[i].Optional = all[i].field() && !all[i].Required && !all[i].Disabled && all[i].Draw != "checkbox"
		}
	}
	return all
}

// secondsUntil is how long it takes until what a label names is available, 0
// where it is already, or where the label does not say.
func secondsUntil(label *message) int {
	if label == nil {
		return 0
	}
	context, _ := label.Context.(map[string]any)
	at, err := time.Parse(time.RFC3339, text(context["available_at"]))
	if err != nil {
		return 0
	}
	return max(0, int(math.Ceil(time.Until(at).Seconds())))
}

// input decides how a node of type input is drawn.
func (e *element) input() {
	values, isList := e.Value.([]any)
	for _, v := range values {
		e.Values = append(e.Values, text(v))
	}
	switch {
	case e.Type == "hidden":
		e.Draw = "hidden"
		if !isList {
			e.Values = []string{e.Current}
		}
		return
	case e.Type == "submit" || e.Type == "button":
		e.Draw, e.Submits = "button", e.Type == "submit"
		return
	case isList && len(e.Options) > 0:
		e.Draw = "checks"
		e.Choices = e.choices(e.Values)
		return
	case e.Type == "checkbox":
		e.Draw = "checkbox"
		return
	case len(e.Options) > 0:
		e.Draw = "select"
		e.Choices = e.oneOf()
		return
	case isList:
		e.Draw = "list"
		e.Values = append(e.Values, "")
		for len(e.Values) < e.least() {
			e.Values = append(e.Values, "")
		}
	default:
		e.Draw = "input"
	}
	if !slices.Contains(inputTypes, e.Type) {
		e.Type = "text"
	}
	if e.OneTime() {
		e.MaxLength = 0 // a browser would cut what is pasted as "123 456"
	}
	e.keepVisible()
}

// keepVisible takes care that a value a browser would blank, because it does
// not fit the input's type, can still be seen and corrected; and that a
// password is never written into a page.
func (e *element) keepVisible() {
	switch e.Type {
	case "password":
		e.Current, e.Values = "", nil
	case "number":
		if _, ok := e.Value.(json.Number); !ok && e.Value != nil {
			e.Type = "text"
		}
	case "date":
		if _, err := time.Parse(time.DateOnly, e.Current); err != nil && e.Current != "" {
			e.Type = "text"
		}
	case "datetime-local":
		if t, err := time.Parse(time.RFC3339, e.Current); err == nil {
			e.Current = t.UTC().Format("2006-01-02T15:04:05")
		} else if _, err := time.Parse("2006-01-02T15:04", e.Current); err != nil && e.Current != "" {
			e.Type = "text"
		}
	}
}

// least is how many entries a refused list was said to need. A page of more
// empty inputs than maxEmpty helps nobody.
func (e *element) least() int {
	n := 0
	for _, m := range e.Messages {
		if context, ok := m.Context.(map[string]any); ok && m.Type == "error" {
			if needed, err := strconv.Atoi(text(context["min_items"])); err == nil {
				n = max(n, needed)
			}
		}
	}
	return min(n, maxEmpty)
}

const maxEmpty = 50

// choices lists the options, those among answers selected.
func (e element) choices(answers []string) []choice {
	var list []choice
	for _, o := range e.Options {
		c := choice{Value: text(o.Value), Text: text(o.Value)}
		if o.Label != nil {
			c.Text = o.Label.Text
		}
		c.Selected = slices.Contains(answers, c.Value)
		list = append(list, c)
	}
	return list
}

// oneOf starts with an empty choice unless an answer is required and given, so
// that nobody answers by overlooking the question.
func (e element) oneOf() []choice {
	var answers []string
	if e.Value != nil {
		answers = []string{e.Current}
	}
	list := e.choices(answers)
	selected := slices.ContainsFunc(list, func(c choice) bool { return c.Selected })
	if !e.Required || !selected {
		list = slices.Insert(list, 0, choice{Selected: !selected})
	}
	return list
}

// Search makes an HTML pattern of a JSON schema's: the first must match the
// whole value, the second any part of it.
func (e element) Search() string {
	if e.Pattern == "" {
		return ""
	}
	return ".*(?:" + e.Pattern + ").*"
}
