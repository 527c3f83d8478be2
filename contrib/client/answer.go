package client

// Answer is what the API says, as far as Go reads it.
type Answer struct {
	ID    string `json:"id"` // of the flow
	State string `json:"state"`
	UI    struct {
		Nodes    []Node    `json:"nodes"`
		Messages []Message `json:"messages"`
	} `json:"ui"`
	SessionToken string `json:"session_token"`
	ExchangeCode string `json:"session_token_exchange_code"` // an app's half of what it gets a session for
	Foyer        struct {
		Next         Next   `json:"next"`
		SessionToken string `json:"session_token"`
	} `json:"foyer"`
	Error Error `json:"error"`

	Raw []byte `json:"-"` // all of it; nil at a page that draws no flow
}

// Next is what a client is told to do.
type Next struct {
	Do     string `json:"do"` // show_form, go_to, browse, poll, done
	Method string `json:"method"`
	URL    string `json:"url"`
}

// Node is a part of a form.
type Node struct {
	Group      string `json:"group"`
	Attributes struct {
		Name  string `json:"name"`
		Type  string `json:"type"`
		Value any    `json:"value"`
	} `json:"attributes"`
	Messages []Message `json:"messages"`
}

// Message is a text with its id.
type Message struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// Error is what went wrong, by its stable id.
type Error struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

func (e *Error) Error() string { return e.ID + ": " + e.Reason }

// Says lists the ids of all messages, those of the form before those of its fields.
func (a *Answer) Says() []int {
	ids := []int{}
	for _, m := range a.UI.Messages {
		ids = append(ids, m.ID)
	}
	for _, n := range a.UI.Nodes {
		for _, m := range n.Messages {
			ids = append(ids, m.ID)
		}
	}
	return ids
}
