// Package oidc signs people up, in and together by other providers: those of
// OpenID Connect, and those of plain OAuth 2.0 that say who somebody is.
//
//	Settings ── New ──▶ Provider
//	Depart   to the provider's page: state, nonce and PKCE challenge; the Trip is kept sealed meanwhile
//	Arrive   back with a code: issuer, exchange, id_token, userinfo ──▶ Claims
//	Present  the id_token of a mobile app ──▶ Claims
//	Person   Claims by a mapper ──▶ traits, metadata, and what of it is proved
//
// Its invariant: nothing a provider, a browser or an app says counts before it
// is checked against what the trip began with and what the provider is known
// for. A provider that lies is Untrusted, one that says no has Denied, and one
// that cannot be asked is a refusal of kind fail.Upstream.
package oidc
