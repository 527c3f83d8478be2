package cmd

import (
	"fmt"

	"github.com/foyer-id/foyer/schema"
)

// refuseUnprovable refuses identity schemas under which a registration cannot do
// what the configuration asks for: prove an address, by a channel that reaches
// it, before anybody exists, and tell nobody which addresses are taken.
func refuseUnprovable(c *Config, schemas *schema.Set, reaches func(channel string) bool) error {
	if !c.SelfService.Registration.VerifyBeforeCreate {
		return nil
	}
	for _, s := range schemas.All() {
		if !s.Selectable && s != schemas.Default() {
			continue
		}
		proven := 0
		for _, f := range s.Fields {
			if signsIn(c, f) && f.VerificationVia != "" && reaches(f.VerificationVia) {
				proven++
			}
		}
		if proven == 0 {
			return fmt.Errorf("identity schema %q: selfservice.flows.registration.verify_before_create needs a trait that is both an identifier (credentials.password.identifier, or credentials.code.identifier with passwordless codes) and verifiable (verification.via) by a channel there is", s.ID)
		}
		if !c.Security.MitigateEnumeration {
			continue
		}
		for _, f := range s.Fields {
			address := signsIn(c, f) || f.VerificationVia != "" || f.RecoveryVia != ""
			if address && (proven > 1 || f.Array || !signsIn(c, f) || f.VerificationVia == "") {
				return fmt.Errorf("identity schema %q: under security.account_enumeration.mitigate its only identifier and its only address have to be one and the same verifiable trait, since any other would tell whether it is taken: traits.%s", s.ID, f.Name)
			}
		}
	}
	return nil
}

func signsIn(c *Config, f schema.Field) bool {
	return f.Identifier || c.SelfService.Code.Passwordless && f.CodeIdentifier
}

// refuseUnreachable refuses identity schemas under which codes cannot sign
// anybody in: none has an address that codes go to, or one has such an address
// whose proof, which a code that came back is, has no place to be kept.
func refuseUnreachable(c *Config, schemas *schema.Set, reaches func(channel string) bool) error {
	if !c.SelfService.Code.Passwordless {
		return nil
	}
	const key = "selfservice.methods.code.passwordless_enabled"
	reached := false
	for _, s := range schemas.All() {
		for _, f := range s.Fields {
			switch {
			case !f.CodeIdentifier:
			case f.CodeVia == "":
				return fmt.Errorf("identity schema %q: %s needs credentials.code.via beside credentials.code.identifier, which says where codes go: traits.%s", s.ID, key, f.Name)
			case f.VerificationVia != f.CodeVia:
				return fmt.Errorf("identity schema %q: %s needs verification.via to be %s where codes go by %s, or their proof could not be recorded: traits.%s", s.ID, key, f.CodeVia, f.CodeVia, f.Name)
			default:
				reached = reached || reaches(f.CodeVia)
			}
		}
	}
	if !reached {
		return fmt.Errorf("%s needs an identity schema with a trait that codes go to (credentials.code.identifier) by a channel there is", key)
	}
	return nil
}
