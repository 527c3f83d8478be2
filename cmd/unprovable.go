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
			if f.Identifier && f.VerificationVia != "" && reaches(f.VerificationVia) {
				proven++
			}
		}
		if proven == 0 {
			return fmt.Errorf("identity schema %q: selfservice.flows.registration.verify_before_create needs a trait that is both an identifier (credentials.password.identifier) and verifiable (verification.via) by a channel there is", s.ID)
		}
		if !c.Security.MitigateEnumeration {
			continue
		}
		for _, f := range s.Fields {
			address := f.Identifier || f.VerificationVia != "" || f.RecoveryVia != ""
			if address && (proven > 1 || f.Array || !f.Identifier || f.VerificationVia == "") {
				return fmt.Errorf("identity schema %q: under security.account_enumeration.mitigate its only identifier and its only address have to be one and the same verifiable trait, since any other would tell whether it is taken: traits.%s", s.ID, f.Name)
			}
		}
	}
	return nil
}
