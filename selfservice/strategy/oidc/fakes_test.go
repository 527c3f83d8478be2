package oidc_test

import "github.com/foyer-id/foyer/selfservice/strategy/oidc"

// fake is a provider of a kind as its documentation shows it.
type fake struct {
	kind     string
	settings oidc.Settings // beyond those that all have

	ask    string            // the page people are sent to
	scope  string            // that is asked for
	params map[string]string // more of the authorization request
	again  map[string]string // those of one that asks for a fresh sign-in; nil is prompt=login
	back   map[string]string // more that comes back with the code

	noPKCE bool              // it refuses exchanges with a verifier
	client string            // how it proves itself to token: "basic", "form", "" where body says it
	body   map[string]string // what token is sent, if it is not what OAuth 2.0 has
	bearer string            // the header that userinfo is asked with, if it is not Authorization: Bearer

	// Of OpenID Connect: where the metadata is, and what is in it beyond ask and
	// token; the claims of an id_token beyond aud, exp, iat and nonce.
	document, metadata, idToken string

	token   string            // the token endpoint
	answer  string            // of it, if it is not what OAuth 2.0 has; {id_token} is the id_token
	answers map[string]string // of every other address that is asked, by method and URL
	person  string            // the one of answers that says who it is; empty where only the id_token does

	subject, issuer string
	want            string // the claims but iss, sub, nonce and raw_claims
	phone           bool   // the provider proves a phone number, too
}

const (
	bearer   = "Authorization: Bearer the-access-token"
	standard = "openid email profile"
)

// hosted is a provider of OpenID Connect that many run, under its usual paths.
func hosted(kind, issuer, at, auth, token, userinfo string) fake {
	return fake{
		kind: kind, settings: oidc.Settings{IssuerURL: issuer}, ask: at + auth, token: at + token, scope: standard, client: "basic",
		document: at + "/.well-known/openid-configuration",
		metadata: `"userinfo_endpoint": "` + at + userinfo + `", "jwks_uri": "` + at + `/jwks", "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"]`,
		idToken:  `{"iss": "` + issuer + `", "sub": "f7c3", "email": "jo@acme.example", "email_verified": true, "name": "Jo Doe", "azp": "foyer", "groups": ["a"]}`,
		subject:  "f7c3", issuer: issuer, want: `{"email": "jo@acme.example", "email_verified": true, "name": "Jo Doe"}`,
	}
}

var fakes = []fake{
	hosted("generic", "https://op.example/tenant", "https://op.example/tenant", "/authorize", "/token", "/userinfo"),
	hosted("keycloak", "https://sso.example/realms/acme", "https://sso.example/realms/acme", "/protocol/openid-connect/auth", "/protocol/openid-connect/token", "/protocol/openid-connect/userinfo"),
	hosted("hydra", "https://hydra.example/", "https://hydra.example", "/oauth2/auth", "/oauth2/token", "/userinfo"),
	hosted("ory", "https://acme.projects.oryapis.com", "https://acme.projects.oryapis.com", "/oauth2/auth", "/oauth2/token", "/userinfo"),
	{
		kind: "auth0", settings: oidc.Settings{IssuerURL: "https://acme.eu.auth0.com"}, // the slash at the end is the kind's
		ask: "https://acme.eu.auth0.com/authorize", scope: standard, token: "https://acme.eu.auth0.com/oauth/token", client: "basic",
		document: "https://acme.eu.auth0.com/.well-known/openid-configuration",
		metadata: `"userinfo_endpoint": "https://acme.eu.auth0.com/userinfo", "jwks_uri": "https://acme.eu.auth0.com/.well-known/jwks.json", "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"]`,
		idToken:  `{"iss": "https://acme.eu.auth0.com/", "sub": "auth0|5e9f1c", "nickname": "jo", "name": "Jo Doe", "picture": "https://s.gravatar.com/avatar/1.png", "updated_at": "2023-03-01T10:00:00.000Z", "email": "jo@acme.example", "email_verified": true}`,
		subject:  "auth0|5e9f1c", issuer: "https://acme.eu.auth0.com/",
		want: `{"email": "jo@acme.example", "email_verified": true, "name": "Jo Doe", "nickname": "jo", "picture": "https://s.gravatar.com/avatar/1.png", "updated_at": 1677664800}`,
	},
	{
		kind: "google",
		ask:  "https://accounts.google.com/o/oauth2/v2/auth", scope: standard, again: map[string]string{"prompt": "select_account"},
		token: "https://oauth2.googleapis.com/token", client: "form", document: "https://accounts.google.com/.well-known/openid-configuration",
		metadata: `"userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo", "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs", "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"]`,
		idToken:  `{"iss": "https://accounts.google.com", "azp": "foyer", "sub": "10769150350006150715113082367", "hd": "acme.example", "email": "jo@acme.example", "email_verified": true, "name": "Jo Doe", "picture": "https://lh3.googleusercontent.com/a/1", "given_name": "Jo", "family_name": "Doe"}`,
		subject:  "10769150350006150715113082367", issuer: "https://accounts.google.com",
		want: `{"hd": "acme.example", "email": "jo@acme.example", "email_verified": true, "name": "Jo Doe", "picture": "https://lh3.googleusercontent.com/a/1", "given_name": "Jo", "family_name": "Doe"}`,
	},
	{
		kind: "apple", settings: oidc.Settings{AppleTeamID: "TEAM", AppleKeyID: "KEY"},
		ask: "https://appleid.apple.com/auth/authorize", scope: "openid email name", params: map[string]string{"response_mode": "form_post"},
		back:  map[string]string{"user": `{"name":{"firstName":"Jo","lastName":"Doe"},"email":"eve@acme.example"}`},
		token: "https://appleid.apple.com/auth/token", client: "form", document: "https://appleid.apple.com/.well-known/openid-configuration",
		metadata: `"jwks_uri": "https://appleid.apple.com/auth/keys", "token_endpoint_auth_methods_supported": ["client_secret_post"]`,
		idToken:  `{"iss": "https://appleid.apple.com", "sub": "001234.abcd.0123", "email": "jo@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true", "auth_time": 1700000000, "nonce_supported": true}`,
		subject:  "001234.abcd.0123", issuer: "https://appleid.apple.com",
		want: `{"email": "jo@privaterelay.appleid.com", "email_verified": "true", "given_name": "Jo", "family_name": "Doe", "name": "Jo Doe", "nonce_supported": true}`,
	},
	{
		kind: "microsoft", settings: oidc.Settings{MicrosoftTenant: "common"},
		ask: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize", scope: standard,
		token: "https://login.microsoftonline.com/common/oauth2/v2.0/token", client: "form",
		document: "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
		metadata: `"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo", "jwks_uri": "https://login.microsoftonline.com/common/discovery/v2.0/keys", "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"]`,
		idToken:  `{"ver": "2.0", "iss": "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0", "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "tid": "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "oid": "00000000-0000-0000-66f3-3332eca7ea81", "name": "Jo Doe", "preferred_username": "jo@acme.example", "email": "jo@acme.example", "email_verified": true}`,
		subject:  "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", issuer: "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0",
		want: `{"oid": "00000000-0000-0000-66f3-3332eca7ea81", "name": "Jo Doe", "preferred_username": "jo@acme.example", "email": "jo@acme.example"}`,
	},
	{
		kind: "gitlab",
		ask:  "https://gitlab.com/oauth/authorize", scope: standard, token: "https://gitlab.com/oauth/token", client: "basic",
		document: "https://gitlab.com/.well-known/openid-configuration",
		metadata: `"userinfo_endpoint": "https://gitlab.com/oauth/userinfo", "jwks_uri": "https://gitlab.com/oauth/discovery/keys", "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"]`,
		idToken:  `{"iss": "https://gitlab.com", "sub": "1234", "auth_time": 1700000000, "sub_legacy": "abc"}`, // as of older installations
		answers: map[string]string{
			"GET https://gitlab.com/oauth/userinfo": `{"sub": "1234", "name": "Jo Doe", "nickname": "jo", "preferred_username": "jo", "email": "jo@acme.example", "email_verified": true, "profile": "https://gitlab.com/jo", "picture": "https://gitlab.com/jo.png", "groups": ["acme"]}`,
		},
		person: "GET https://gitlab.com/oauth/userinfo", subject: "1234", issuer: "https://gitlab.com",
		want: `{"name": "Jo Doe", "nickname": "jo", "preferred_username": "jo", "email": "jo@acme.example", "email_verified": true, "profile": "https://gitlab.com/jo", "picture": "https://gitlab.com/jo.png"}`,
	},
	{
		kind: "slack", noPKCE: true,
		ask: "https://slack.com/openid/connect/authorize", scope: standard, token: "https://slack.com/api/openid.connect.token", client: "form",
		document: "https://slack.com/.well-known/openid-configuration",
		metadata: `"userinfo_endpoint": "https://slack.com/api/openid.connect.userInfo", "jwks_uri": "https://slack.com/openid/connect/keys", "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"]`,
		answer:   `{"ok": true, "access_token": "the-access-token", "token_type": "Bearer", "id_token": "{id_token}"}`,
		idToken:  `{"iss": "https://slack.com", "sub": "U0R7MFMJM", "auth_time": 1700000000, "https://slack.com/team_id": "T0R7GR", "https://slack.com/user_id": "U0R7MFMJM", "email": "jo@acme.example", "email_verified": true, "date_email_verified": 1622128723, "locale": "en-US", "name": "Jo Doe", "given_name": "Jo", "family_name": "Doe"}`,
		subject:  "U0R7MFMJM", issuer: "https://slack.com",
		want: `{"team": "T0R7GR", "email": "jo@acme.example", "email_verified": true, "locale": "en-US", "name": "Jo Doe", "given_name": "Jo", "family_name": "Doe"}`,
	},
	{
		kind: "salesforce", settings: oidc.Settings{IssuerURL: "https://acme.my.salesforce.com"},
		ask: "https://acme.my.salesforce.com/services/oauth2/authorize", scope: standard, token: "https://acme.my.salesforce.com/services/oauth2/token", client: "form",
		document: "https://acme.my.salesforce.com/.well-known/openid-configuration",
		metadata: `"userinfo_endpoint": "https://acme.my.salesforce.com/services/oauth2/userinfo", "jwks_uri": "https://acme.my.salesforce.com/id/keys"`,
		idToken:  `{"iss": "https://acme.my.salesforce.com", "sub": "https://login.salesforce.com/id/00DRM/005RM"}`,
		answers: map[string]string{
			"GET https://acme.my.salesforce.com/services/oauth2/userinfo": `{"sub": "https://login.salesforce.com/id/00DRM/005RM", "user_id": "005RM", "organization_id": "00DRM", "preferred_username": "jo@acme.force", "nickname": "jo", "name": "Jo Doe", "email": "jo@acme.example", "email_verified": true, "given_name": "Jo", "family_name": "Doe", "zoneinfo": "America/Los_Angeles", "updated_at": "2013-12-02T18:46:42.000+0000", "is_app_installed": true}`,
		},
		person: "GET https://acme.my.salesforce.com/services/oauth2/userinfo", subject: "https://login.salesforce.com/id/00DRM/005RM", issuer: "https://acme.my.salesforce.com",
		want: `{"preferred_username": "jo@acme.force", "nickname": "jo", "name": "Jo Doe", "email": "jo@acme.example", "email_verified": true, "given_name": "Jo", "family_name": "Doe", "zoneinfo": "America/Los_Angeles", "updated_at": 1386010002}`,
	},
	{
		kind: "netid",
		ask:  "https://broker.netid.de/authorize", scope: "openid",
		params: map[string]string{"claims": `{"userinfo":{"email":{"essential":true},"email_verified":{"essential":true},"given_name":{"essential":true},"family_name":{"essential":true}}}`},
		token:  "https://broker.netid.de/token", client: "basic", document: "https://broker.netid.de/.well-known/openid-configuration",
		metadata: `"issuer": "https://broker.netid.de/", "userinfo_endpoint": "https://broker.netid.de/userinfo", "jwks_uri": "https://broker.netid.de/keys"`,
		idToken:  `{"iss": "https://broker.netid.de/", "sub": "0lme_TXmA_TQ", "auth_time": 1598277720}`,
		answers: map[string]string{
			"GET https://broker.netid.de/userinfo": `{"sub": "0lme_TXmA_TQ", "email": "jo@acme.example", "email_verified": true, "given_name": "Jo", "family_name": "Doe"}`,
		},
		person: "GET https://broker.netid.de/userinfo", subject: "0lme_TXmA_TQ", issuer: "https://broker.netid.de/",
		want: `{"email": "jo@acme.example", "email_verified": true, "given_name": "Jo", "family_name": "Doe", "name": "Jo Doe"}`,
	},
	{
		kind: "twitch",
		ask:  "https://id.twitch.tv/oauth2/authorize", scope: "openid user:read:email", again: map[string]string{"force_verify": "true"},
		params: map[string]string{"claims": `{"id_token":{"email":null,"email_verified":null,"picture":null,"preferred_username":null,"updated_at":null}}`},
		token:  "https://id.twitch.tv/oauth2/token", client: "form", document: "https://id.twitch.tv/oauth2/.well-known/openid-configuration",
		metadata: `"issuer": "https://id.twitch.tv/oauth2", "userinfo_endpoint": "https://id.twitch.tv/oauth2/userinfo", "jwks_uri": "https://id.twitch.tv/oauth2/keys"`,
		answer:   `{"access_token": "the-access-token", "expires_in": 14124, "id_token": "{id_token}", "refresh_token": "r", "scope": ["openid", "user:read:email"], "token_type": "bearer"}`,
		idToken:  `{"iss": "https://id.twitch.tv/oauth2", "azp": "foyer", "sub": "713936733", "preferred_username": "jo", "picture": "https://static-cdn.jtvnw.net/1.png", "email": "jo@acme.example", "email_verified": true, "updated_at": "2022-07-18T19:29:43.123456Z"}`,
		subject:  "713936733", issuer: "https://id.twitch.tv/oauth2",
		want: `{"preferred_username": "jo", "picture": "https://static-cdn.jtvnw.net/1.png", "email": "jo@acme.example", "email_verified": true, "updated_at": 1658172583}`,
	},
	githubFake("github", "user:email"), githubFake("github-app", ""),
	{
		kind: "facebook",
		ask:  "https://www.facebook.com/dialog/oauth", scope: "email public_profile", again: map[string]string{"auth_type": "reauthenticate"},
		token: "https://graph.facebook.com/oauth/access_token", client: "form",
		answers: map[string]string{facebookMe: `{"id": "10158163", "name": "Jo Q Doe", "first_name": "Jo", "middle_name": "Q", "last_name": "Doe", "email": "jo@acme.example", "gender": "female", "birthday": "01/31/1990", "picture": {"data": {"height": 200, "is_silhouette": false, "url": "https://platform-lookaside.fbsbx.com/1", "width": 200}}}`},
		person:  facebookMe, subject: "10158163", issuer: "https://www.facebook.com",
		want: `{"name": "Jo Q Doe", "given_name": "Jo", "middle_name": "Q", "family_name": "Doe", "last_name": "Doe", "email": "jo@acme.example", "gender": "female", "birthdate": "01/31/1990", "picture": "https://platform-lookaside.fbsbx.com/1"}`,
	},
	{
		kind: "discord",
		ask:  "https://discord.com/oauth2/authorize", scope: "identify email", again: map[string]string{"prompt": "consent"},
		token: "https://discord.com/api/oauth2/token", client: "form",
		answers: map[string]string{"GET https://discord.com/api/users/@me": `{"id": "80351110224678912", "username": "nelly", "discriminator": "0", "global_name": "Nelly", "avatar": "8342729096ea3675442027381ff50dfe", "verified": true, "email": "jo@acme.example", "flags": 64, "premium_type": 1, "locale": "en-US", "mfa_enabled": false}`},
		person:  "GET https://discord.com/api/users/@me", subject: "80351110224678912", issuer: "https://discord.com",
		want: `{"name": "Nelly", "nickname": "nelly", "preferred_username": "nelly", "picture": "https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png", "email": "jo@acme.example", "email_verified": true, "locale": "en-US"}`,
	},
	{
		kind: "spotify",
		ask:  "https://accounts.spotify.com/authorize", scope: "user-read-email user-read-private", again: map[string]string{"show_dialog": "true"},
		token: "https://accounts.spotify.com/api/token", client: "basic",
		answers: map[string]string{"GET https://api.spotify.com/v1/me": `{"country": "SE", "display_name": "Jo", "email": "jo@acme.example", "external_urls": {"spotify": "https://open.spotify.com/user/jo"}, "id": "jo", "images": [{"url": "https://i.scdn.co/image/1", "height": null}], "product": "premium", "type": "user", "uri": "spotify:user:jo"}`},
		person:  "GET https://api.spotify.com/v1/me", subject: "jo", issuer: "https://accounts.spotify.com",
		want: `{"name": "Jo", "nickname": "Jo", "email": "jo@acme.example", "profile": "https://open.spotify.com/user/jo", "picture": "https://i.scdn.co/image/1"}`,
	},
	{
		kind: "linkedin", noPKCE: true,
		ask: "https://www.linkedin.com/oauth/v2/authorization", scope: "r_liteprofile r_emailaddress",
		token: "https://www.linkedin.com/oauth/v2/accessToken", client: "form",
		answers: map[string]string{
			linkedinMe:   `{"id": "yrZCpj2Z12", "localizedFirstName": "Jo", "localizedLastName": "Doe", "profilePicture": {"displayImage": "urn:li:digitalmediaAsset:1", "displayImage~": {"elements": [{"identifiers": [{"identifier": "https://media.licdn.com/1"}]}]}}}`,
			linkedinMail: `{"elements": [{"handle": "urn:li:emailAddress:1", "handle~": {"emailAddress": "jo@acme.example"}}]}`,
		},
		person: linkedinMe, subject: "yrZCpj2Z12", issuer: "https://www.linkedin.com",
		want: `{"given_name": "Jo", "family_name": "Doe", "last_name": "Doe", "name": "Jo Doe", "picture": "https://media.licdn.com/1", "email": "jo@acme.example"}`,
	},
	{
		kind: "linkedin_v2", noPKCE: true,
		ask: "https://www.linkedin.com/oauth/v2/authorization", scope: standard, token: "https://www.linkedin.com/oauth/v2/accessToken", client: "form",
		answer:  `{"access_token": "the-access-token", "expires_in": 5183999, "scope": "email,openid,profile", "token_type": "Bearer", "id_token": "a.token.without-nonce"}`,
		answers: map[string]string{"GET https://api.linkedin.com/v2/userinfo": `{"sub": "782bbtaQ", "name": "Jo Doe", "given_name": "Jo", "family_name": "Doe", "picture": "https://media.licdn.com/1", "locale": {"country": "US", "language": "en"}, "email": "jo@acme.example", "email_verified": true}`},
		person:  "GET https://api.linkedin.com/v2/userinfo", subject: "782bbtaQ", issuer: "https://www.linkedin.com/oauth",
		want: `{"name": "Jo Doe", "given_name": "Jo", "family_name": "Doe", "picture": "https://media.licdn.com/1", "locale": {"country": "US", "language": "en"}, "email": "jo@acme.example", "email_verified": true}`,
	},
	{
		kind: "patreon",
		ask:  "https://www.patreon.com/oauth2/authorize", scope: "identity identity[email]", token: "https://www.patreon.com/api/oauth2/token", client: "form",
		answers: map[string]string{patreonMe: `{"data": {"attributes": {"email": "jo@acme.example", "first_name": "Jo", "full_name": "Jo Doe", "image_url": "https://c8.patreon.com/1", "is_email_verified": true, "last_name": "Doe", "url": "https://www.patreon.com/jo"}, "id": "12345689", "type": "user"}, "links": {"self": "https://www.patreon.com/api/oauth2/v2/user/12345689"}}`},
		person:  patreonMe, subject: "12345689", issuer: "https://www.patreon.com",
		want: `{"name": "Jo Doe", "given_name": "Jo", "family_name": "Doe", "last_name": "Doe", "email": "jo@acme.example", "email_verified": true, "picture": "https://c8.patreon.com/1", "profile": "https://www.patreon.com/jo"}`,
	},
	{
		kind: "x",
		ask:  "https://x.com/i/oauth2/authorize", scope: "users.read tweet.read users.email", token: "https://api.x.com/2/oauth2/token", client: "basic",
		answers: map[string]string{xMe: `{"data": {"id": "2244994945", "name": "Jo Doe", "username": "jo", "url": "https://t.co/1", "profile_image_url": "https://pbs.twimg.com/1.jpg", "confirmed_email": "jo@acme.example"}}`},
		person:  xMe, subject: "2244994945", issuer: "https://x.com",
		want: `{"name": "Jo Doe", "nickname": "jo", "preferred_username": "jo", "website": "https://t.co/1", "picture": "https://pbs.twimg.com/1.jpg", "email": "jo@acme.example", "email_verified": true}`,
	},
	{
		kind: "yandex",
		ask:  "https://oauth.yandex.com/authorize", scope: "login:email login:info login:avatar", again: map[string]string{"force_confirm": "yes"},
		token: "https://oauth.yandex.com/token", client: "form", bearer: "Authorization: OAuth the-access-token",
		answers: map[string]string{"GET https://login.yandex.ru/info?format=json": `{"id": "1000034426", "login": "jo", "client_id": "foyer", "display_name": "jo", "real_name": "Jo Doe", "first_name": "Jo", "last_name": "Doe", "sex": "female", "default_email": "jo@acme.example", "emails": ["jo@acme.example", "other@yandex.ru"], "birthday": "1987-03-12", "default_avatar_id": "131652443", "is_avatar_empty": false, "default_phone": {"id": 12345678, "number": "+79037659418"}, "psuid": "1.AAceCw.tbHgw5DtJ9_zeqPrk-Ba2w"}`},
		person:  "GET https://login.yandex.ru/info?format=json", subject: "1000034426", issuer: "https://oauth.yandex.com",
		want: `{"name": "Jo Doe", "given_name": "Jo", "family_name": "Doe", "last_name": "Doe", "nickname": "jo", "preferred_username": "jo", "gender": "female", "birthdate": "1987-03-12", "email": "jo@acme.example", "phone_number": "+79037659418", "picture": "https://avatars.yandex.net/get-yapic/131652443/islands-200"}`,
	},
	{
		kind: "vk",
		ask:  "https://id.vk.com/authorize", scope: "email", back: map[string]string{"device_id": "the-device", "type": "code_v2", "expires_in": "600"},
		token:   "https://id.vk.com/oauth2/auth",
		body:    map[string]string{"grant_type": "authorization_code", "code": "the-code", "code_verifier": "{verifier}", "redirect_uri": "{redirect_uri}", "client_id": "foyer", "device_id": "the-device", "state": "the-state"},
		answer:  `{"refresh_token": "r", "access_token": "the-access-token", "id_token": "i", "token_type": "Bearer", "expires_in": 3600, "user_id": 1234567890, "state": "the-state", "scope": "email"}`,
		answers: map[string]string{"POST https://id.vk.com/oauth2/user_info?client_id=foyer&access_token=the-access-token": `{"user": {"user_id": "1234567890", "first_name": "Jo", "last_name": "Doe", "phone": "79037659418", "avatar": "https://pp.userapi.com/1", "email": "jo@acme.example", "sex": 1, "verified": true, "birthday": "01.01.2000"}}`},
		person:  "POST https://id.vk.com/oauth2/user_info?client_id=foyer&access_token=the-access-token", subject: "1234567890", issuer: "https://id.vk.com",
		want: `{"given_name": "Jo", "family_name": "Doe", "last_name": "Doe", "name": "Jo Doe", "gender": "female", "birthdate": "01.01.2000", "email": "jo@acme.example", "phone_number": "+79037659418", "picture": "https://pp.userapi.com/1"}`,
	},
	{
		kind: "dingtalk",
		ask:  "https://login.dingtalk.com/oauth2/auth", scope: "openid", params: map[string]string{"prompt": "consent"}, again: map[string]string{}, back: map[string]string{"authCode": "the-code"},
		token:  "https://api.dingtalk.com/v1.0/oauth2/userAccessToken",
		body:   map[string]string{"clientId": "foyer", "clientSecret": "the-client-secret", "code": "the-code", "grantType": "authorization_code"},
		answer: `{"accessToken": "the-access-token", "refreshToken": "r", "expireIn": 7200, "corpId": "corpxxxx"}`, bearer: "x-acs-dingtalk-access-token: the-access-token",
		answers: map[string]string{"GET https://api.dingtalk.com/v1.0/contact/users/me": `{"nick": "Jo", "avatarUrl": "https://static.dingtalk.com/1", "mobile": "150xxxx9144", "openId": "123", "unionId": "z21HjQliSzpw0Yxxxx", "email": "jo@acme.example", "stateCode": "86"}`},
		person:  "GET https://api.dingtalk.com/v1.0/contact/users/me", subject: "123", issuer: "https://login.dingtalk.com",
		want: `{"name": "Jo", "nickname": "Jo", "picture": "https://static.dingtalk.com/1", "email": "jo@acme.example"}`,
	},
	{
		kind: "lark",
		ask:  "https://passport.feishu.cn/suite/passport/oauth/authorize", token: "https://passport.feishu.cn/suite/passport/oauth/token", client: "form",
		answers: map[string]string{"GET https://passport.feishu.cn/suite/passport/oauth/userinfo": `{"sub": "ou_caecc734c2e3328a62489fe0648c4b98779515d3", "name": "Jo Doe", "picture": "https://www.feishu.cn/avatar", "open_id": "ou_caecc734c2e3328a62489fe0648c4b98779515d3", "union_id": "on_d89jhsdhjsajkda7828enjdj328ydhhw3u43yjhdj", "en_name": "Jo", "tenant_key": "736588c92lxf175d", "user_id": "5d9bdxxx", "email": "jo@acme.example", "mobile": "+8613000000000"}`},
		person:  "GET https://passport.feishu.cn/suite/passport/oauth/userinfo", subject: "ou_caecc734c2e3328a62489fe0648c4b98779515d3", issuer: "https://passport.feishu.cn",
		want: `{"name": "Jo Doe", "nickname": "Jo", "picture": "https://www.feishu.cn/avatar", "email": "jo@acme.example", "phone_number": "+8613000000000"}`,
	},
	{
		kind: "line",
		ask:  "https://access.line.me/oauth2/v2.1/authorize", scope: standard, again: map[string]string{"disable_auto_login": "true"},
		token: "https://api.line.me/oauth2/v2.1/token", client: "form",
		answer:  `{"access_token": "the-access-token", "expires_in": 2592000, "id_token": "signed.by-the.channel", "refresh_token": "r", "scope": "openid email profile", "token_type": "Bearer"}`,
		answers: map[string]string{lineVerify: `{"iss": "https://access.line.me", "sub": "U1234567890abcdef1234567890abcdef", "aud": "foyer", "exp": 1504169092, "iat": 1504263657, "amr": ["pwd"], "name": "Jo Doe", "picture": "https://profile.line-scdn.net/1", "email": "jo@acme.example"}`},
		person:  lineVerify, subject: "U1234567890abcdef1234567890abcdef", issuer: "https://access.line.me",
		want: `{"amr": ["pwd"], "name": "Jo Doe", "picture": "https://profile.line-scdn.net/1", "email": "jo@acme.example"}`,
	},
	{
		kind: "jackson", settings: oidc.Settings{IssuerURL: "https://jackson.example/"},
		ask: "https://jackson.example/api/oauth/authorize", token: "https://jackson.example/api/oauth/token", client: "form",
		answer:  `{"access_token": "the-access-token", "token_type": "bearer", "expires_in": 300}`,
		answers: map[string]string{"GET https://jackson.example/api/oauth/userinfo": `{"id": "32b5af58fdf", "email": "jo@acme.example", "firstName": "Jo", "lastName": "Doe", "raw": {}, "requested": {"tenant": "acme", "product": "demo"}}`},
		person:  "GET https://jackson.example/api/oauth/userinfo", subject: "32b5af58fdf", issuer: "https://jackson.example/",
		want: `{"given_name": "Jo", "family_name": "Doe", "last_name": "Doe", "name": "Jo Doe", "email": "jo@acme.example"}`,
	},
	{
		kind: "amazon",
		ask:  "https://www.amazon.com/ap/oa", scope: "profile", token: "https://api.amazon.com/auth/o2/token", client: "form",
		answers: map[string]string{"GET https://api.amazon.com/user/profile": `{"user_id": "amzn1.account.K2LI23KL2LK2", "email": "jo@acme.example", "name": "Jo Doe", "postal_code": "98052"}`},
		person:  "GET https://api.amazon.com/user/profile", subject: "amzn1.account.K2LI23KL2LK2", issuer: "https://www.amazon.com",
		want: `{"name": "Jo Doe", "email": "jo@acme.example"}`,
	},
	{
		kind: "uaepass",
		ask:  "https://id.uaepass.ae/idshub/authorize", scope: "urn:uae:digitalid:profile:general",
		params: map[string]string{"acr_values": "urn:safelayer:tws:policies:authentication:level:low"}, token: "https://id.uaepass.ae/idshub/token", client: "basic",
		answers: map[string]string{"GET https://id.uaepass.ae/idshub/userinfo": `{"sub": "UAEPASS/7a05992e-3244-49d3-bcbc-7894c8fca25e", "gender": "Male", "mobile": "971501234567", "lastnameEN": "Doe", "fullnameEN": "Jo,,,,Doe,,", "uuid": "7a05992e-3244-49d3-bcbc-7894c8fca25e", "idn": "784189014978983", "nationalityEN": "IND", "userType": "SOP3", "firstnameEN": "Jo", "email": "jo@acme.example"}`},
		person:  "GET https://id.uaepass.ae/idshub/userinfo", subject: "UAEPASS/7a05992e-3244-49d3-bcbc-7894c8fca25e", issuer: "https://id.uaepass.ae", phone: true,
		want: `{"name": "Jo Doe", "given_name": "Jo", "family_name": "Doe", "last_name": "Doe", "gender": "Male", "email": "jo@acme.example", "email_verified": true, "phone_number": "+971501234567", "phone_number_verified": true}`,
	},
}

const (
	facebookMe = "GET https://graph.facebook.com/me?fields=id,name,first_name,middle_name,last_name,email,picture.type(large),gender,birthday" +
		"&appsecret_proof={proof}"
	linkedinMe   = "GET https://api.linkedin.com/v2/me?projection=(id,localizedFirstName,localizedLastName,profilePicture(displayImage~:playableStreams))"
	linkedinMail = "GET https://api.linkedin.com/v2/emailAddress?q=members&projection=(elements*(handle~))"
	lineVerify   = "POST https://api.line.me/oauth2/v2.1/verify?client_id=foyer&id_token=signed.by-the.channel"
	patreonMe    = "GET https://www.patreon.com/api/oauth2/v2/identity?fields[user]=email,first_name,full_name,image_url,is_email_verified,last_name,url"
	xMe          = "GET https://api.x.com/2/users/me?user.fields=confirmed_email,id,name,profile_image_url,url,username"
	githubMe     = "GET https://api.github.com/user"
	githubMails  = "GET https://api.github.com/user/emails"
)

func githubFake(kind, scope string) fake {
	return fake{
		kind: kind, ask: "https://github.com/login/oauth/authorize", scope: scope, again: map[string]string{"prompt": "select_account"},
		token: "https://github.com/login/oauth/access_token", client: "form",
		answer: `{"access_token": "the-access-token", "scope": "user:email", "token_type": "bearer"}`,
		answers: map[string]string{
			githubMe:    `{"login": "jo", "id": 583231, "node_id": "MDQ6VXNlcjE=", "avatar_url": "https://avatars.githubusercontent.com/u/583231", "html_url": "https://github.com/jo", "type": "User", "name": "Jo Doe", "company": "@acme", "blog": "https://acme.example/blog", "location": null, "email": "shown@acme.example", "hireable": null, "created_at": "2011-01-25T18:44:36Z"}`,
			githubMails: `[{"email": "old@acme.example", "verified": true, "primary": false, "visibility": "public"}, {"email": "jo@acme.example", "verified": true, "primary": true, "visibility": "private"}]`,
		},
		person: githubMe, subject: "583231", issuer: "https://github.com/login/oauth",
		want: `{"name": "Jo Doe", "nickname": "jo", "preferred_username": "jo", "profile": "https://github.com/jo", "picture": "https://avatars.githubusercontent.com/u/583231", "website": "https://acme.example/blog", "email": "jo@acme.example", "email_verified": true}`,
	}
}
