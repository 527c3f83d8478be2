package cmd

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
)

// admin looks at who may call the admin API.
func (c *checker) admin() {
	a := c.cfg.Serve.Admin
	_, section := c.given.at(authKey).(map[string]any)
	wide := !narrow(a.Host)
	switch {
	case section && !a.Auth.Asks():
		c.refuse(authKey, "asks for nothing: set tokens, jwt or mtls below it, or write none in its place")
	case a.Auth.None && wide:
		c.warn("%s: none: nobody is asked who they are, and whoever reaches %q may do anything, take over every account too", authKey, a.Host)
	case !a.Auth.Asks() && wide:
		c.floor("serve.admin.host", "beyond loopback and a unix socket, here on %q, callers have to prove who they are: set %s.tokens, .jwt or .mtls, or %s: none", a.Host, authKey, authKey)
	case a.Auth.Asks() && wide && !a.TLS.Enabled() && len(a.Auth.Certs) == 0:
		c.warn("serve.admin.tls: missing, so tokens of callers can be read on the wire, unless a proxy encrypts")
	}
	if a.Auth.Asks() && c.cfg.Log.Level > slog.LevelInfo {
		c.warn("log.level: above info the log has no record of what callers of the admin API change")
	}
	c.adminTokens(a.Auth.Tokens)
	c.adminJWT()
	c.adminCerts(a)
}

func (c *checker) adminTokens(list []AdminToken) {
	names, hashes := map[string]bool{}, map[[32]byte]bool{}
	for i, t := range list {
		at := fmt.Sprintf("%s.tokens.%d", authKey, i)
		sum, ok := t.sum()
		switch {
		case !ok:
			c.refuse(at+".hash", "expected the SHA-256 of a token, in hex or base64; foyer secrets token makes both")
		case hashes[sum]:
			c.refuse(at+".hash", "an earlier caller has the same token, so who calls could not be told")
		}
		if names[t.Name] {
			c.refuse(at+".name", "the name %q is taken by an earlier caller", t.Name)
		}
		names[t.Name], hashes[sum] = true, true
		c.scopes(at+".scopes", t.Scopes)
	}
}

// maxSkew is more than clocks differ that anybody looks after.
const maxSkew = 5 * time.Minute

func (c *checker) adminJWT() {
	j := c.cfg.Serve.Admin.Auth.JWT
	if j == nil {
		return
	}
	const at = authKey + ".jwt"
	for key, text := range map[string]string{at + ".issuer": j.Issuer, at + ".jwks_url": j.KeysURL} {
		u, err := url.Parse(text)
		switch {
		case text == "":
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "":
			c.refuse(key, "expected an absolute https URL without user and fragment")
		default:
			c.notPlain(key, text, "what an issuer says over http can be exchanged on its way, and whoever does may call as anybody")
		}
	}
	const skew = at + ".clock_skew"
	if d, err := time.ParseDuration(c.given.str(skew)); err == nil && (d < 0 || d > maxSkew) {
		c.refuse(skew, "must be between 0s and %s", maxSkew)
	}
}

func (c *checker) adminCerts(a Admin) {
	const at = authKey + ".mtls"
	if len(a.Auth.Certs) == 0 {
		return
	}
	if !a.TLS.Enabled() {
		c.refuse(at, "needs serve.admin.tls, for certificates are shown in a TLS handshake")
	}
	if (a.TLS.ClientCAPath != "") == (a.TLS.ClientCABase64 != "") {
		c.refuse(at+".ca", "set path or base64")
	}
	names := map[string]bool{}
	for i, one := range a.Auth.Certs {
		at := fmt.Sprintf("%s.callers.%d", at, i)
		said := slices.DeleteFunc([]string{one.Subject, one.DNS, one.URI}, func(s string) bool { return s == "" })
		if len(said) != 1 {
			c.refuse(at, "expected one of subject, dns and uri")
		}
		if names[one.Name] {
			c.refuse(at+".name", "the name %q is taken by an earlier caller", one.Name)
		}
		names[one.Name] = true
		c.scopes(at+".scopes", one.Scopes)
	}
}

// scopes refuses those that no route asks for.
func (c *checker) scopes(at string, list []string) {
	known := append([]string{"*"}, scopeNames()...)
	for i, name := range list {
		if !slices.Contains(known, name) {
			c.findings = append(c.findings, finding{
				path:   strings.Split(fmt.Sprintf("%s.%d", at, i), "."),
				reason: fmt.Sprintf("%q is no scope; there are %s", name, strings.Join(known, ", ")), suggestion: nearest(name, known),
			})
		}
	}
}
