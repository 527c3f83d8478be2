package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
)

// Callers tells who makes a request, by whatever it proves. What is left empty
// proves nothing; with nothing at all nobody is known.
type Callers struct {
	Open   bool // nobody is asked, and Anyone calls
	Tokens []TokenCaller
	JWT    *JWTCallers
	Certs  []CertCaller
	Now    func() time.Time
}

// TokenCaller is who has a token.
type TokenCaller struct {
	Name   string
	Hash   [sha256.Size]byte // SHA-256 of the token, which nobody can guess
	Scopes []string
}

// CertCaller is who has a certificate that the listener has verified. One of
// Subject, DNS and URI is set, and compared as a whole.
type CertCaller struct {
	Name    string
	Subject string // as RFC 2253 writes it: "CN=crm,O=Example"
	DNS     string // a DNS name among the subject's alternative names
	URI     string // a URI among them, as SPIFFE's
	Scopes  []string
}

// Identify returns who makes a request, or admin_unauthenticated, which tells
// nothing of why. What a header Authorization says counts alone: who sends one is
// not believed by their certificate.
func (c *Callers) Identify(r *http.Request) (Caller, error) {
	if c.Open {
		return Anyone, nil
	}
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		return c.byCert(r)
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	if token = strings.TrimSpace(token); len(given) > 1 || !strings.EqualFold(scheme, "bearer") || token == "" {
		return Caller{}, unknownCaller("the header Authorization is no bearer token")
	}
	if found, ok := c.byToken(token); ok {
		return found, nil
	}
	if c.JWT == nil {
		return Caller{}, unknownCaller("nobody has this token")
	}
	return c.JWT.identify(r.Context(), token)
}

// byToken compares with every token there is, in a time that tells nothing of
// which one it is.
func (c *Callers) byToken(token string) (Caller, bool) {
	sum := sha256.Sum256([]byte(token))
	found := -1
	for n := range c.Tokens {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], c.Tokens[n].Hash[:]), n, found)
	}
	if found < 0 {
		return Caller{}, false
	}
	t := c.Tokens[found]
	return Caller{Name: t.Name, By: "token", Scopes: t.Scopes}, true
}

// byCert is also for connections that outlive the certificate they began with.
func (c *Callers) byCert(r *http.Request) (Caller, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return Caller{}, unknownCaller("nothing was presented")
	}
	leaf := r.TLS.VerifiedChains[0][0]
	if now := c.Now(); now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return Caller{}, unknownCaller("the certificate is not valid now")
	}
	for _, one := range c.Certs {
		fits := one.Subject != "" && leaf.Subject.String() == one.Subject
		for _, name := range leaf.DNSNames {
			fits = fits || one.DNS != "" && strings.EqualFold(name, one.DNS)
		}
		for _, uri := range leaf.URIs {
			fits = fits || one.URI != "" && uri.String() == one.URI
		}
		if fits {
			return Caller{Name: one.Name, By: "mtls", Scopes: one.Scopes}, nil
		}
	}
	return Caller{}, unknownCaller("nobody has a certificate of this subject")
}

// unknownCaller refuses a caller; why is for the log alone.
func unknownCaller(why string) error {
	return fail.Wrap(errors.New(why), fail.Unauthenticated, "admin_unauthenticated",
		"The admin API asks who calls, and what this request brings does not prove it.")
}
