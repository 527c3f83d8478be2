// Package opsim is an OpenID provider for tests, honest by default, that tells
// one of the named Lies on demand. It notes every request, and counts as a Fault
// what a careful provider would refuse in a client: a request without PKCE or
// nonce, a code of somebody else, a code that comes twice.
//
//	p, err := opsim.Start(opsim.Config{})
//	defer p.Close()
//	p.Issuer()                            // what a client is configured with
//	p.SetPerson(opsim.Person{"sub": "ada", "email": "ada@example.com", "email_verified": true})
//	back, err := p.Approve(authorizeURL)  // what the browser brings back
//	p.SetLie(opsim.Named("aud_other"))
//	p.Mint("client", nonce)               // an id_token for an app
//
// It asks nobody anything: whoever comes to its authorization endpoint is the
// person that was set last. It listens on loopback only, on a port of its own,
// and nothing of it is left after Close, however long a lie would hang.
package opsim
