package oidc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

const (
	acmeTenant    = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	otherTenant   = "11111111-2b34-4da1-9baa-8bc8c9d6a490"
	personal      = "9188040d-6c67-4c5b-b112-36a304b66dad"
	microsoftMe   = "GET https://graph.microsoft.com/v1.0/me"
	microsoftHost = "https://login.microsoftonline.com/"
)

// azure is the fake of kind microsoft with the documents of a tenant.
func azure(tenant, issuer string) fake {
	for _, f := range fakes {
		if f.kind == "microsoft" {
			for _, text := range []*string{&f.ask, &f.token, &f.document, &f.metadata} {
				*text = strings.ReplaceAll(*text, "/common/", "/"+tenant+"/")
			}
			f.metadata = strings.ReplaceAll(f.metadata, "{tenantid}", issuer)
			return f
		}
	}
	panic("there is no kind microsoft")
}

func TestMicrosoftTenants(t *testing.T) {
	for _, c := range []struct {
		tenant, issuer, tid, iss string
		believed                 bool
	}{
		{"common", "{tenantid}", acmeTenant, acmeTenant, true},
		{"common", "{tenantid}", personal, personal, true},
		{"organizations", "{tenantid}", acmeTenant, acmeTenant, true},
		{"organizations", "{tenantid}", personal, personal, false},
		{"consumers", personal, personal, personal, true},
		{"consumers", personal, acmeTenant, acmeTenant, false},
		{acmeTenant, acmeTenant, acmeTenant, acmeTenant, true},
		{acmeTenant, acmeTenant, otherTenant, otherTenant, false},
		{"common", "{tenantid}", acmeTenant, otherTenant, false},
		{"common", "{tenantid}", "", acmeTenant, false},
		{"common", "{tenantid}", "", "", false},
		{"common", "{tenantid}", "{tenantid}", "{tenantid}", false},
		{"common", "{tenantid}", "common", "common", false},
		{"common", "{tenantid}", acmeTenant + "/../" + otherTenant, acmeTenant + "/../" + otherTenant, false},
		{"common", "{tenantid}", strings.ToUpper(acmeTenant), strings.ToUpper(acmeTenant), false},
		{"common", acmeTenant, acmeTenant, acmeTenant, false}, // another document
		{acmeTenant, "{tenantid}", acmeTenant, acmeTenant, false},
	} {
		f := azure(c.tenant, c.issuer)
		f.idToken = `{"iss": "` + microsoftHost + c.iss + `/v2.0", "sub": "A", "tid": "` + c.tid + `", "email": "jo@acme.example"}`
		p, w := f.provider(t, func(s *oidc.Settings) { s.MicrosoftTenant = c.tenant })
		claims, err := w.signIn(p)
		if !c.believed {
			refused(t, claims, err, "%v", c)
			continue
		}
		require.NoError(t, err, "%v", c)
		require.Equal(t, microsoftHost+c.iss+"/v2.0", claims.Issuer)
	}
}

func TestMicrosoftSettings(t *testing.T) {
	made := func(tenant, source string) error {
		_, err := oidc.New(oidc.Settings{ID: "acme", Kind: "microsoft", ClientID: "foyer", MicrosoftTenant: tenant, SubjectSource: source}, oidc.Deps{})
		return err
	}
	for _, tenant := range []string{"", "acme.onmicrosoft.com", "common/", acmeTenant + "/..", "{tenantid}"} {
		require.ErrorContains(t, made(tenant, ""), "microsoft_tenant: expected common, organizations, consumers, or the id of a tenant", tenant)
	}
	for _, tenant := range []string{"common", "organizations", "consumers", acmeTenant, strings.ToUpper(acmeTenant)} {
		require.NoError(t, made(tenant, "me"), tenant)
	}
	require.EqualError(t, made("common", "sub"), "subject_source: expected one of userinfo, me, oid")
}

func TestMicrosoftSubjects(t *testing.T) {
	me := `{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity", "displayName": "Jo Doe", "mail": "jo@acme.example", "id": "87d349ed-44d7-43e1-9a83-5f2406dee5bd"}`
	for source, subject := range map[string]string{
		"": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "userinfo": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
		"oid": "00000000-0000-0000-66f3-3332eca7ea81", "me": "87d349ed-44d7-43e1-9a83-5f2406dee5bd",
	} {
		f := azure("common", "{tenantid}")
		if source == "me" {
			f.answers, f.scope = map[string]string{microsoftMe: me}, "User.Read openid email profile"
		}
		p, w := f.provider(t, func(s *oidc.Settings) { s.SubjectSource = source })
		claims, err := w.signIn(p)
		require.NoError(t, err)
		w.checkQuery(nil)
		require.Equal(t, subject, claims.Subject, source)
		require.Equal(t, subject, claims.Values["sub"], source)
	}
	for _, answer := range []string{`{}`, `{"id": null}`, `{"id": ""}`, `[]`, ``, `{"error": {"code": "InvalidAuthenticationToken"}}`} {
		f := azure("common", "{tenantid}")
		f.answers = map[string]string{microsoftMe: answer}
		p, w := f.provider(t, func(s *oidc.Settings) { s.SubjectSource = "me" })
		claims, err := w.signIn(p)
		refused(t, claims, err, answer)
	}
	f := azure("common", "{tenantid}")
	f.idToken = strings.Replace(f.idToken, `"oid"`, `"other"`, 1)
	p, w := f.provider(t, func(s *oidc.Settings) { s.SubjectSource = "oid" })
	claims, err := w.signIn(p)
	refused(t, claims, err, "there is no oid")
}

// An app has no access token to ask for its subject with.
func TestMicrosoftSubjectOfAnApp(t *testing.T) {
	for source, subject := range map[string]string{"me": "", "oid": "00000000-0000-0000-66f3-3332eca7ea81"} {
		p, w := azure("common", "{tenantid}").provider(t, func(s *oidc.Settings) { s.SubjectSource = source })
		w.query = map[string][]string{"nonce": {"the-nonce"}}
		claims, err := p.Present(t.Context(), w.idToken(), "the-nonce", time.Time{})
		if subject == "" {
			refused(t, claims, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, subject, claims.Subject)
	}
}

// An address is what an administrator of some tenant wrote, unless the domain is
// that tenant's.
func TestMicrosoftAddresses(t *testing.T) {
	for claim, proved := range map[string]bool{
		`"email_verified": true`: false, `"email_verified": "true"`: false, `"xms_edov": true`: true, `"xms_edov": "1"`: false, `"xms_edov": 1`: false,
		`"xms_edov": false, "email_verified": true`: false, `"xms_edov": null, "email_verified": true`: false, `"verified_primary_email": ["jo@acme.example"]`: false,
	} {
		f := azure("common", "{tenantid}")
		f.idToken = strings.Replace(f.idToken, `"email_verified": true`, claim, 1)
		p, w := f.provider(t, nil)
		claims, err := w.signIn(p)
		require.NoError(t, err)
		made, err := p.Person(t.Context(), claims, nil)
		require.NoError(t, err)
		require.Equal(t, "jo@acme.example", made.Traits["email"])
		require.Equal(t, proved, len(made.Proved) == 1, claim)
	}
}
