package oidc

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

const (
	microsoftHost     = "https://login.microsoftonline.com/"
	microsoftConsumer = "9188040d-6c67-4c5b-b112-36a304b66dad" // the tenant of personal accounts
	microsoftMe       = "https://graph.microsoft.com/v1.0/me"
)

var guid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// microsoftTenant finds the issuer. Those for several tenants have one document,
// whose issuer has a place for the tenant that an id_token names.
func microsoftTenant(k *kind, s *Settings, refuse func(key, why string)) {
	tenant := strings.ToLower(s.MicrosoftTenant)
	switch {
	case tenant == "consumers":
		k.issuer = microsoftHost + microsoftConsumer + "/v2.0"
	case tenant == "common", tenant == "organizations":
		k.issuer = microsoftHost + "{tenantid}/v2.0"
		k.issued = func(issuer string, claims map[string]any) string {
			tid, _ := claims["tid"].(string)
			if !guid.MatchString(tid) || tenant == "organizations" && tid == microsoftConsumer {
				return ""
			}
			return strings.Replace(issuer, "{tenantid}", tid, 1)
		}
	case guid.MatchString(tenant):
		k.issuer = microsoftHost + tenant + "/v2.0"
	default: // the name of a domain can go over to another tenant
		k.issuer = microsoftHost
		refuse("microsoft_tenant", "expected common, organizations, consumers, or the id of a tenant such as "+microsoftConsumer)
	}
	k.document = microsoftHost + tenant + "/v2.0"
	switch s.SubjectSource {
	case "", "userinfo", "oid":
	case "me":
		k.scopes = append([]string{"User.Read"}, k.scopes...)
	default:
		refuse("subject_source", "expected one of userinfo, me, oid")
	}
}

// microsoftPerson takes the subject from where Settings want it. An address is
// whatever an administrator of any tenant writes; xms_edov, an optional claim,
// says whether its domain is that tenant's.
func microsoftPerson(ctx context.Context, p *Provider, g *grant, claims map[string]any) error {
	delete(claims, "email_verified")
	if owned, told := claims["xms_edov"]; told {
		claims["email_verified"] = owned == true
	}
	switch p.settings.SubjectSource {
	case "oid":
		claims["sub"] = claims["oid"]
	case "me":
		if g.Access == "" {
			return untrusted("there is no access token to ask for the subject with")
		}
		me, err := p.ask(ctx, microsoftMe, g.Access)
		if err != nil {
			return fmt.Errorf("me: %w", err)
		}
		claims["sub"] = me["id"]
	}
	return nil
}
