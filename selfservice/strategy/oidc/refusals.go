package oidc

import (
	"context"
	"strings"
	"unicode"

	"github.com/foyer-id/foyer/internal/fail"
)

// Denied is a sign-in that ended without a person, for a reason to be told on
// the form.
type Denied struct {
	Reason string // plain text; a part of it may be the provider's, bounded
}

func (d *Denied) Error() string { return "oidc: denied: " + d.Reason }

// Untrusted is an answer that must not be believed. Why is for the log, and
// quotes nothing of the answer; a client is told only that it was refused.
type Untrusted struct {
	Why string
}

func (u *Untrusted) Error() string { return "oidc: untrusted: " + u.Why }

const noIDToken = `Authentication failed because no id_token was returned. Please accept the "openid" permission and try again.`

func untrusted(why string) error { return &Untrusted{Why: why} }

// unavailable is the refusal for a provider that could not be asked. Where it is
// the caller who gave up, that is the error.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fail.Wrap(err, fail.Upstream, "oidc_provider_unavailable",
		"The provider could not be reached or did not answer properly. Please try again, or choose another way.")
}

// plain is foreign text on one line, at most limit characters long.
func plain(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }), " ")
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit]) + "…"
	}
	return s
}
