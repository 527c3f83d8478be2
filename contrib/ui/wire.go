package main

import "strings"

// The wire: what of a flow the pages need.

type flow struct {
	ID       string `json:"id"`
	ReturnTo string `json:"return_to"`
	State    string `json:"state"`
	Refresh  bool   `json:"refresh"`       // somebody who is signed in proves it once more
	Level    string `json:"requested_aal"` // what the proof is to reach
	Foyer    struct {
		Wait string `json:"wait"` // where the API answers once the flow has moved on
	} `json:"foyer"`
	UI struct {
		Action   string    `json:"action"`
		Method   string    `json:"method"`
		Nodes    []node    `json:"nodes"`
		Messages []message `json:"messages"`
	} `json:"ui"`
}

type node struct {
	Type       string     `json:"type"`
	Group      string     `json:"group"`
	Attributes attributes `json:"attributes"`
	Messages   []message  `json:"messages"`
	Meta       struct {
		Label *message `json:"label"`
	} `json:"meta"`
}

type message struct {
	ID      int    `json:"id"`
	Text    string `json:"text"`
	Type    string `json:"type"`
	Context any    `json:"context"`
}

// Secrets are the texts of a message that stands for a list of them.
func (m message) Secrets() []string {
	context, _ := m.Context.(map[string]any)
	list, _ := context["secrets"].([]any)
	var texts []string
	for _, item := range list {
		if inner, ok := item.(map[string]any); ok {
			item = inner["text"]
		}
		texts = append(texts, text(item))
	}
	return texts
}

// Split cuts a message around the code it tells; nil where it tells none.
func (m message) Split() *split {
	context, _ := m.Context.(map[string]any)
	code := text(context["code"])
	before, after, found := strings.Cut(m.Text, code)
	if code == "" || !found {
		return nil
	}
	return &split{before, code, after}
}

type split struct{ Before, Code, After string }

type attributes struct {
	Name         string   `json:"name"`
	Type         string   `json:"type"`
	Value        any      `json:"value"`
	Required     bool     `json:"required"`
	Disabled     bool     `json:"disabled"`
	Autocomplete string   `json:"autocomplete"`
	Pattern      string   `json:"pattern"`
	MaxLength    int      `json:"maxlength"`
	Label        *message `json:"label"`
	Options      []struct {
		Value any      `json:"value"`
		Label *message `json:"label"`
	} `json:"options"`
	OnClick string `json:"onclickTrigger"`
	OnLoad  string `json:"onloadTrigger"`

	ID          string         `json:"id"`
	Text        *message       `json:"text"`
	Title       *message       `json:"title"`
	Href        string         `json:"href"`
	Src         string         `json:"src"`
	Width       int            `json:"width"`
	Height      int            `json:"height"`
	Integrity   string         `json:"integrity"`
	CrossOrigin string         `json:"crossorigin"`
	Class       string         `json:"class"`
	Data        map[string]any `json:"data"`
}
