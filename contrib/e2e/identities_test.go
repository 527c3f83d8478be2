package e2e_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	client "github.com/ory/client-go"
)

// An operator's program in a typed client goes through all there is to do with
// identities.
func TestAdminChangesIdentities(t *testing.T) {
	p := start(t)
	api := sdk(p.Admin, nil).IdentityAPI
	body := client.NewCreateIdentityBody("person", traits("ada@example.org"))
	body.ExternalId = client.PtrString("crm/7")
	body.MetadataAdmin = map[string]any{"risk": "low"}
	body.VerifiableAddresses = []client.VerifiableIdentityAddress{*client.NewVerifiableIdentityAddress("pending", "ada@example.org", true, "email")}
	body.RecoveryAddresses = []client.RecoveryIdentityAddress{*client.NewRecoveryIdentityAddress("ada@example.org", "email")}
	body.Credentials = &client.IdentityWithCredentials{
		Password: &client.IdentityWithCredentialsPassword{Config: &client.IdentityWithCredentialsPasswordConfig{Password: client.PtrString(goodPassword)}},
		Oidc: &client.IdentityWithCredentialsOidc{Config: &client.IdentityWithCredentialsOidcConfig{
			Providers: []client.IdentityWithCredentialsOidcConfigProvider{{Provider: "google", Subject: "1"}, {Provider: "google", Subject: "2"}}}},
	}
	made, res, err := api.CreateIdentity(background).CreateIdentityBody(*body).Execute()
	require.NoError(t, err)
	require.True(t, made.VerifiableAddresses[0].Verified)
	require.Equal(t, "completed", made.VerifiableAddresses[0].Status)
	require.NotEmpty(t, res.Header.Get("ETag"))

	found, _, err := api.GetIdentityByExternalID(background, "crm/7").IncludeCredential([]string{"oidc", "password"}).Execute()
	require.NoError(t, err)
	require.Equal(t, made.Id, found.Id)
	require.Contains(t, found.GetCredentials()["password"].Config["hashed_password"], "$argon2id$")
	require.Len(t, found.GetCredentials()["oidc"].Config["providers"], 2)
	list, _, err := api.ListIdentities(background).Ids([]string{made.Id, nobody}).IncludeCredential([]string{"password"}).Consistency("strong").Execute()
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NotEmpty(t, list[0].GetCredentials()["password"].Config)

	patched, _, err := api.PatchIdentity(background, made.Id).JsonPatch([]client.JsonPatch{
		{Op: "replace", Path: "/metadata_public", Value: map[string]any{"plan": "pro"}}, {Op: "remove", Path: "/external_id"},
	}).Execute()
	require.NoError(t, err)
	require.Equal(t, map[string]any{"plan": "pro"}, patched.MetadataPublic)
	require.Empty(t, patched.GetExternalId())
	_, _, err = api.PatchIdentity(background, made.Id).JsonPatch([]client.JsonPatch{{Op: "replace", Path: "/id", Value: nobody}}).Execute()
	require.Equal(t, "patch_path_protected", refusal(t, err, http.StatusBadRequest).GetId())

	updated, _, err := api.UpdateIdentity(background, made.Id).UpdateIdentityBody(*client.NewUpdateIdentityBody("person", "inactive", traits("ada@example.org"))).Execute()
	require.NoError(t, err)
	require.Equal(t, "inactive", updated.GetState())
	require.Nil(t, updated.MetadataPublic)

	_, err = api.DeleteIdentityCredentials(background, made.Id, "oidc").Identifier("google:2").Execute()
	require.NoError(t, err)
	_, err = api.DeleteIdentityCredentials(background, made.Id, "password").Execute()
	require.NoError(t, err)
	_, err = api.DeleteIdentityCredentials(background, made.Id, "oidc").Identifier("google:1").Execute()
	require.Equal(t, "credential_last", refusal(t, err, http.StatusBadRequest).GetId())
}

// A typed client creates many, and learns of each what became of it.
func TestAdminCreatesMany(t *testing.T) {
	p := start(t)
	api := sdk(p.Admin, nil).IdentityAPI
	entry := func(email string) client.IdentityPatch {
		return client.IdentityPatch{Create: client.NewCreateIdentityBody("person", traits(email)), PatchId: client.PtrString(nobody)}
	}
	done, _, err := api.BatchPatchIdentities(background).PatchIdentitiesBody(client.PatchIdentitiesBody{
		Identities: []client.IdentityPatch{entry("a@example.org"), entry("nobody"), entry("b@example.org"), {}},
	}).Execute()
	require.NoError(t, err)
	require.Len(t, done.Identities, 4)
	for n, action := range []string{"create", "error", "create"} {
		require.Equal(t, action, done.Identities[n].GetAction())
		require.Equal(t, nobody, done.Identities[n].GetPatchId())
		require.Equal(t, action == "create", done.Identities[n].Identity != nil)
	}
	require.Equal(t, "traits_invalid", done.Identities[1].Error.(map[string]any)["id"])
	list, res, err := api.ListIdentities(background).Page(0).PerPage(1).Execute()
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "2", res.Header.Get("X-Total-Count"))
}
