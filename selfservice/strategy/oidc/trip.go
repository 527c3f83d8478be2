package oidc

import "time"

// Departure is what a trip to a provider begins with.
type Departure struct {
	State string // comes back with the answer; its meaning is the caller's
	// Parameters are upstream_parameters as a client sent them, unchecked.
	Parameters     map[string]any
	Reauthenticate bool // whoever is signed in there has to prove it again
}

// Trip is what the answer is held against. It is kept secret meanwhile, as JSON
// for example, and used for one Arrive.
type Trip struct {
	Nonce    string `json:",omitempty"` // of the id_token; empty for plain OAuth 2.0
	Verifier string `json:",omitempty"` // of PKCE; empty with PKCENever
	Token    string // where the code will be sent, and nowhere else
	// Since is when the person began to prove again who they are; zero for a trip
	// that does not reauthenticate. A provider that says they did so earlier has not
	// asked them.
	Since time.Time `json:",omitzero"`
}
