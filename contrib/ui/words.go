package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

func caption(n node) string {
	for _, m := range []*message{n.Meta.Label, n.Attributes.Label, n.Attributes.Title} {
		if m != nil && m.Text != "" {
			return m.Text
		}
	}
	if n.Attributes.Type == "submit" || n.Attributes.Type == "button" {
		return human(text(n.Attributes.Value))
	}
	name := n.Attributes.Name
	return human(name[strings.LastIndexByte(name, '.')+1:])
}

// title names a group of nodes for a heading. Groups are the API's ways to
// prove something, a fixed list; a new one gets its name in plain letters.
func title(group string) string {
	if name, ok := map[string]string{
		"oidc": "Connected accounts", "saml": "Company sign-in", "totp": "Authenticator app", "code": "One-time code",
		"lookup_secret": "Backup codes", "webauthn": "Security keys", "passkey": "Passkeys", "link": "Sign-in link",
	}[group]; ok {
		return name
	}
	return human(group)
}

// unique drops what is empty or there before, and keeps the order.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// human makes words of an identifier: "first_name" and "firstName" become
// "First name".
func human(name string) string {
	var b strings.Builder
	previous := ' '
	for _, r := range name {
		switch {
		case r == '_' || r == '-':
			r = ' '
		case unicode.IsUpper(r) && unicode.IsLower(previous):
			b.WriteRune(' ')
			r = unicode.ToLower(r)
		}
		if b.Len() == 0 {
			r = unicode.ToUpper(r)
		}
		b.WriteRune(r)
		previous = r
	}
	return strings.TrimSpace(b.String())
}

// text writes a JSON value as a form carries it.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool, json.Number:
		return fmt.Sprint(v)
	}
	raw, _ := json.Marshal(v)
	return string(raw)
}
