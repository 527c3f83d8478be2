package opsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// Way is how an id_token reaches a client.
type Way int

// The ways there are.
const (
	Code   Way = 1 << iota // by the authorization code flow
	Native                 // by an app that holds one
	Both   = Code | Native
)

// Outcome is what a client has to make of a lie.
type Outcome string

// The outcomes there are.
const (
	Refused  Outcome = "refused"  // nobody comes in, nothing is created or linked
	Down     Outcome = "down"     // the same, and the provider may be called out of order
	Unproved Outcome = "unproved" // the person comes, and their address counts as unproved
	Accepted Outcome = "accepted" // a good variant: the person comes, and their address counts as proved
)

// Answer answers a request instead of the endpoint.
type Answer func(*Provider, http.ResponseWriter, *http.Request)

// Lie is one precise thing that a provider does differently. Of its functions
// exactly one is set, and none in the zero Lie, the truth. They are called by many at
// once.
type Lie struct {
	Name    string
	What    string // one line
	Ways    Way
	Outcome Outcome
	Claims  bool // it shows only where claims are read from userinfo

	JWT      func(*Provider, *JWT)           // an id_token before it is signed
	Payload  func([]byte) []byte             // its claims as they are signed
	Signed   func(*Provider, string) string  // the token as it leaves
	Redirect func(*Provider, url.Values)     // what the browser brings back
	Document func(*Provider, map[string]any) // the JSON of an honest answer of the endpoint At
	Answer   Answer                          // the whole answer of the endpoint At
	At       Endpoint
}

// Lies are all there are, good variants last.
var Lies = slices.Concat(signatureLies, claimLies, addressLies, redirectLies, answerLies, documentLies, goodVariants)

// Named is the lie of that name. It panics where there is none.
func Named(name string) Lie {
	for _, l := range Lies {
		if l.Name == name {
			return l
		}
	}
	panic(fmt.Sprintf("opsim has no lie %q", name))
}
