// Package ui describes forms: nodes, messages and the catalogue of texts.
//
// A message travels through the program as an id and its context; text is
// looked up in the reader's language when an answer is written, never stored.
package ui

// Problem is something a person can mend: which node, what is wrong with it,
// and the limits that say so. It is what a flow stores instead of a message.
type Problem struct {
	Node    string         `json:"node,omitempty"` // node name; empty for the whole form
	ID      int            `json:"id"`
	Context map[string]any `json:"context,omitempty"`
}
