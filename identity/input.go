package identity

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// maxExternalID and maxLinkName bound what other systems and providers call a
// person, in bytes.
const (
	maxExternalID = 255
	maxLinkName   = 1024
)

// input is what an operator says an identity is to be.
type input struct {
	schemaID, externalID string
	state                State // "" for none said
	traits               map[string]any
	public, admin        json.RawMessage
	proofs               proofs
	claims               []claim
}

// proofs are the credentials an operator brings along.
type proofs struct {
	password, hashed string // one of both at most
	links            []Link
}

// claim is what an operator says about an address that the traits make.
type claim struct {
	purpose        Purpose
	via, canonical string
	verified       bool
	status         string
	verifiedAt     time.Time // zero for now
	from           web.Object
}

var (
	inputFields = []string{
		"schema_id", "external_id", "state", "traits", "metadata_public", "metadata_admin", "credentials", "organization_id", "region",
	}
	createFields = append(slices.Clone(inputFields), "verifiable_addresses", "recovery_addresses")
)

// readCreate takes the body of a create apart. Only what is listed is read, and
// anything else is refused by name.
func readCreate(o web.Object) (*input, error) {
	o.Only(createFields...)
	in := readInput(o)
	in.claims = append(readClaims(o, "verifiable_addresses", ForVerification), readClaims(o, "recovery_addresses", ForRecovery)...)
	return in, o.Err()
}

func readInput(o web.Object) *input {
	in := &input{
		schemaID: o.Text("schema_id"), externalID: o.Text("external_id"), state: State(o.Text("state")), traits: o.Object("traits").Fields,
		public: o.Raw("metadata_public"), admin: o.Raw("metadata_admin"), proofs: readProofs(o.Object("credentials")),
	}
	o.Empty("organization_id")
	o.Empty("region")
	switch {
	case in.traits == nil:
		o.Refuse("traits", fail.New(fail.BadRequest, "traits_missing", "The field traits is required and has to be an object."))
	case len(in.externalID) > maxExternalID:
		o.Refuse("external_id", fail.New(fail.BadRequest, "external_id_too_long", "external_id may have 255 bytes at most."))
	case in.state != "" && in.state != StateActive && in.state != StateInactive:
		o.Refuse("state", fail.New(fail.BadRequest, "state_invalid", "state has to be active or inactive."))
	}
	return in
}

// readProofs reads credentials. Those that no strategy here could use are refused:
// somebody would rely on them.
func readProofs(o web.Object) (p proofs) {
	for _, t := range credentialTypes {
		if t != CredentialPassword && t != CredentialOIDC && o.Has(string(t)) {
			refuseUnsupported(o, string(t))
		}
	}
	known := make([]string, len(credentialTypes))
	for n, t := range credentialTypes {
		known[n] = string(t)
	}
	o.Only(known...)
	password := o.Object(string(CredentialPassword))
	password.Only("config")
	config := password.Object("config")
	config.Only("password", "hashed_password", "use_password_migration_hook")
	p.password, p.hashed = config.Text("password"), config.Text("hashed_password")
	if config.Yes("use_password_migration_hook") {
		refuseUnsupported(config, "use_password_migration_hook")
	}
	if password.Fields != nil && (p.password == "") == (p.hashed == "") {
		password.Refuse("config", fail.New(fail.BadRequest, "credential_invalid", "credentials.password.config needs either password or hashed_password."))
	}
	accounts := o.Object(string(CredentialOIDC))
	accounts.Only("config")
	config = accounts.Object("config")
	config.Only("providers")
	for _, one := range config.Objects("providers") {
		p.links = append(p.links, readLink(one))
	}
	if accounts.Fields != nil && len(p.links) == 0 {
		accounts.Refuse("config", fail.New(fail.BadRequest, "credential_invalid", "credentials.oidc.config.providers needs an account."))
	}
	return p
}

func readLink(o web.Object) Link {
	o.Only("provider", "subject", "use_auto_link", "organization")
	o.Empty("organization")
	l := Link{Provider: o.Text("provider"), Subject: o.Text("subject")}
	if o.Yes("use_auto_link") {
		refuseUnsupported(o, "use_auto_link")
	}
	if l.Provider == "" || l.Subject == "" || strings.Contains(l.Provider, ":") || asLinkName(l.name()) == "" || len(l.name()) > maxLinkName {
		o.Refuse("", fail.New(fail.BadRequest, "credential_invalid", "An account needs provider, an id without a colon, and subject, with 1,023 bytes at most together and no control characters."))
	}
	return l
}

func readClaims(o web.Object, name string, purpose Purpose) (all []claim) {
	for _, one := range o.Objects(name) {
		one.Only("id", "value", "via", "verified", "status", "verified_at", "created_at", "updated_at")
		c := claim{
			purpose: purpose, via: one.Text("via"), verified: one.Yes("verified"), status: one.Text("status"),
			verifiedAt: one.Time("verified_at"), from: one,
		}
		value := one.Text("value")
		switch {
		case c.via != ViaEmail && c.via != ViaSMS:
			one.Refuse("via", fail.New(fail.BadRequest, "address_invalid", "via has to be email or sms."))
		case purpose == ForVerification && !slices.Contains([]string{"", AddressPending, AddressSent, AddressCompleted}, c.status):
			one.Refuse("status", fail.New(fail.BadRequest, "address_invalid", "status has to be pending, sent or completed."))
		case !c.verified && (c.status == AddressCompleted || !c.verifiedAt.IsZero()):
			one.Refuse("verified", fail.New(fail.BadRequest, "address_invalid", "An address that is not verified has no verified_at, and is not completed."))
		}
		var err error
		if c.canonical, err = Canonical(c.via, value); err != nil {
			one.Refuse("value", fail.New(fail.BadRequest, "address_invalid", "value "+err.Error()+"."))
		}
		all = append(all, c)
	}
	return all
}

func refuseUnsupported(o web.Object, name string) {
	o.Refuse(name, fail.New(fail.BadRequest, "credential_unsupported", name+" is not built in this version, and what it asks for would not happen."))
}
