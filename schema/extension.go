package schema

import (
	"cmp"
	"slices"
	"strings"
)

const extensionKey = "ory.sh/kratos"

// extension is what one "ory.sh/kratos" says, and where it stands.
type extension struct {
	ptr    string
	values map[string]string // dotted path to "true", "email", "sms" or "email_domain"
}

var vias = []string{"email", "sms"}

// extensionLeaves lists every path the keyword knows; nil means a boolean.
var extensionLeaves = map[string][]string{
	"credentials.password.identifier":  nil,
	"credentials.webauthn.identifier":  nil,
	"credentials.passkey.display_name": nil,
	"credentials.totp.account_name":    nil,
	"credentials.code.identifier":      nil,
	"credentials.code.via":             vias,
	"verification.via":                 vias,
	"recovery.via":                     vias,
	"organizations.matcher":            {"email_domain"},
}

func readExtension(n *node, ptr string) (extension, []problemAt) {
	e := extension{ptr: ptr, values: map[string]string{}}
	return e, e.read(n, ptr, "")
}

func (e extension) read(n *node, ptr, prefix string) (problems []problemAt) {
	if n.kind != object {
		return []problemAt{{ptr, "is a " + kindNames[n.kind] + ", not an object"}}
	}
	for i, key := range n.keys {
		path, at, v := prefix+key, child(ptr, key), n.vals[i]
		allowed, leaf := extensionLeaves[path]
		switch {
		case !leaf && knownPrefix(path+"."):
			problems = append(problems, e.read(v, at, path+".")...)
		case !leaf:
			problems = append(problems, problemAt{at, "is not known here"})
		case allowed == nil && v.kind != boolean:
			problems = append(problems, problemAt{at, "is a " + kindNames[v.kind] + ", not a boolean"})
		case allowed == nil:
			if v.flag {
				e.values[path] = "true"
			}
		case v.kind != text || !slices.Contains(allowed, v.text):
			problems = append(problems, problemAt{at, "is not one of: " + strings.Join(allowed, ", ")})
		default:
			e.values[path] = v.text
		}
	}
	return problems
}

func knownPrefix(prefix string) bool {
	for path := range extensionLeaves {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// addTo gives the field its uses. It names a use that the field already has
// with another value, because one value cannot be two kinds of address.
func (e extension) addTo(f *Field) (conflict string) {
	f.Identifier = f.Identifier || e.values["credentials.password.identifier"] != ""
	f.CodeIdentifier = f.CodeIdentifier || e.values["credentials.code.identifier"] != ""
	for path, via := range map[string]*string{
		"credentials.code.via": &f.CodeVia,
		"verification.via":     &f.VerificationVia,
		"recovery.via":         &f.RecoveryVia,
	} {
		value := e.values[path]
		if *via != "" && value != "" && *via != value {
			conflict = path
		}
		*via = cmp.Or(value, *via)
	}
	return conflict
}

// address says why the field cannot be verified as it is declared, or "".
func (f *Field) address() string {
	switch {
	case f.VerificationVia == "email" && !slices.Contains([]string{"", "email", "no-validate"}, f.Format):
		return `is verified by email, so its format has to be "email" or "no-validate"`
	case f.VerificationVia == "sms" && !slices.Contains([]string{"tel", "no-validate"}, f.Format):
		return `is verified by sms, so its format has to be "tel" or "no-validate"`
	}
	return ""
}
