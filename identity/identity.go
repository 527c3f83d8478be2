// Package identity holds people: their traits, credentials and addresses.
//
// An identity comes to be at one point only, whatever the door (flows, admin
// API, import): Manager.Draft validates and normalises, Manager.Create stores.
// Identifiers are stored in their canonical form alone; a unique index on that
// form is what makes two identities for one person impossible.
package identity

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/gofrs/uuid"
)

// State says whether an identity may sign in.
type State string

// The states of an identity.
const (
	StateActive   State = "active"
	StateInactive State = "inactive"
)

// CredentialType names a way to prove being someone, as on the wire.
type CredentialType string

// The credentials of the strategies.
const (
	CredentialPassword CredentialType = "password"
	CredentialCode     CredentialType = "code"
	CredentialOIDC     CredentialType = "oidc" // accounts with providers
)

// SpaceLogin is the space of identifiers a person types to sign in.
const SpaceLogin = "login"

// Space is the name space an identifier of this type is unique in. Whatever a
// person types to sign in shares one space, so an address belongs to one
// identity whichever method it came by.
func (t CredentialType) Space() string {
	if t == CredentialPassword || t == CredentialCode {
		return SpaceLogin
	}
	return string(t)
}

// Channels an address is reached by, and the states of its verification.
const (
	ViaEmail = "email"
	ViaSMS   = "sms"

	AddressPending   = "pending"
	AddressSent      = "sent"
	AddressCompleted = "completed"
)

var (
	// ErrNotFound is returned where no identity has the id or identifier asked for.
	ErrNotFound = errors.New("identity: not found")
	// ErrTaken is returned by a store for an identifier, address or external id
	// that another identity already has.
	ErrTaken = errors.New("identity: identifier is taken")
	// ErrOutdated is returned by a store for a proof that belongs to an earlier
	// epoch of the identity or to an address it no longer has, and for a save of
	// what is not the present revision.
	ErrOutdated = errors.New("identity: outdated")
)

// Identity is a person. The zero value of a time means "not set".
type Identity struct {
	ID             uuid.UUID
	ExternalID     string // unique where not empty
	SchemaID       string
	State          State
	StateChangedAt time.Time
	Traits         json.RawMessage // an object, exactly as validated
	MetadataPublic json.RawMessage // nil for none
	MetadataAdmin  json.RawMessage // nil for none; never leaves through a public endpoint
	Verifiable     []Address
	Recovery       []Address
	Credentials    []Credential // filled only where a caller asked for them
	Epoch          int          // raised by every proof and change of an address; secrets sent before no longer count
	Rev            int          // raised by every save; a save of what was read earlier is refused
	CreatedAt      time.Time
	UpdatedAt      time.Time

	// Of somebody drafted or revised: what they sign in with, canonical, by
	// whatever credential, by password, and by a code that is sent there.
	identifiers, passwords, codes []string
}

// Clone returns a copy whose addresses, credentials and JSON can be changed
// without touching the original.
func (i *Identity) Clone() *Identity {
	c := *i
	c.Traits, c.MetadataPublic, c.MetadataAdmin = slices.Clone(i.Traits), slices.Clone(i.MetadataPublic), slices.Clone(i.MetadataAdmin)
	c.Verifiable, c.Recovery, c.Credentials = slices.Clone(i.Verifiable), slices.Clone(i.Recovery), slices.Clone(i.Credentials)
	for n := range c.Credentials {
		k := &c.Credentials[n]
		k.Identifiers, k.Config = slices.Clone(k.Identifiers), slices.Clone(k.Config)
	}
	c.identifiers, c.passwords, c.codes = slices.Clone(i.identifiers), slices.Clone(i.passwords), slices.Clone(i.codes)
	return &c
}

// Address is where a person can be reached. Status, Verified and VerifiedAt
// have a meaning for verifiable addresses only.
type Address struct {
	ID         uuid.UUID
	Value      string // as typed, trimmed: mail goes to this spelling; phones in E.164
	Canonical  string // for comparing, budgets and look-up
	Via        string
	Verified   bool
	Status     string
	VerifiedAt time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Address returns the address that i has for a purpose, nil for none. It is i's
// own, not a copy.
func (i *Identity) Address(p Purpose, via, canonical string) *Address {
	if p == ForRecovery {
		return find(i.Recovery, via, canonical)
	}
	return find(i.Verifiable, via, canonical)
}

// Credential is one proof an identity can give. Config is private to its type
// and never leaves the program except where an administrator asks for it.
type Credential struct {
	ID          uuid.UUID
	Type        CredentialType
	Identifiers []string // canonical
	Config      json.RawMessage
	Version     int
	CreatedAt   time.Time
	UpdatedAt   time.Time
}
