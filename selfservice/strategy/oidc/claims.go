package oidc

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Claims is what a provider says about a person, and was believed to have said.
// It can be kept as JSON, which holds tokens: only sealed.
type Claims struct {
	Issuer  string // of the provider, exactly; for plain OAuth 2.0 the one it calls itself or its origin
	Subject string // never empty; means something only together with Issuer and the provider's id

	// Values are the claims by the names mappers know, and under raw_claims all
	// there were. Numbers are json.Number; none has been judged but for its being
	// JSON that a database can hold: email_verified may be any value.
	Values map[string]any

	Tokens Tokens
	AAL2   bool // the id_token says so, by what Settings take for it
}

// Tokens are those of one sign-in. Present has an ID only.
type Tokens struct {
	ID, Access, Refresh string
}

// known are the claims that mappers know, in the order of the documentation.
var known = []string{
	"iss", "sub", "oid", "name", "given_name", "family_name", "last_name", "middle_name", "nickname", "preferred_username",
	"profile", "picture", "website", "email", "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number",
	"phone_number_verified", "updated_at", "hd", "team", "nonce", "nonce_supported", "acr", "amr",
}

// named picks what mappers know from all there is, which goes under raw_claims.
// A null is no claim.
func named(all, raw map[string]any) map[string]any {
	values := map[string]any{"raw_claims": raw}
	for _, name := range known {
		if v := all[name]; v != nil {
			values[name] = v
		}
	}
	return values
}

// at is the value at a dotted path of members and indices, nil if there is none.
func at(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// subject is v as the id of a person: text, or a whole number as it was sent.
// It is printable ASCII, 1 to 255 characters, none at its ends a space.
func subject(v any) (string, error) {
	s, ok := v.(string)
	if n, isNumber := v.(json.Number); isNumber {
		s, ok = n.String(), !strings.ContainsAny(n.String(), ".eE-")
	}
	if !ok || s == "" || len(s) > 255 || s != strings.TrimSpace(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", errors.New("the subject is no text of 1 to 255 printable ASCII characters")
	}
	return s, nil
}
