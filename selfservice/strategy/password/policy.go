package password

import (
	"unicode/utf8"

	"github.com/foyer-id/foyer/selfservice/ui"
)

// MaxCharacters is the most characters of a password. Four bytes at most make a
// character, so it also bounds a password to 1,024 bytes.
const MaxCharacters = 256

const breachedReason = "the password has been found in data breaches and must no longer be used."

// Policy decides which passwords may be chosen. Characters are Unicode code
// points of the text as it was sent, not bytes and not what is drawn as one
// sign: a letter with a combining accent counts two, a family emoji up to
// seven. No composition of the password is asked for.
type Policy struct {
	MinLength           int // characters
	MaxBytes            int // of what hashes the password, 72 with bcrypt; zero: none
	SimilarityCheck     bool
	Pwned               *Pwned // nil: no call leaves this machine
	MaxBreaches         int    // sightings up to which Pwned's answer is tolerated
	IgnoreNetworkErrors bool   // take a password that Pwned could not be asked about
}

// Judge returns everything that is wrong with password in itself, or nil.
// Whether others have used it before is for Breached to say. identifiers are
// what the person is known by; the order tells which are looked at if there are
// very many. The work is bounded whatever the input: a password that is too
// long is not looked at further.
func (p *Policy) Judge(password string, identifiers []string) []ui.Problem {
	length := utf8.RuneCountInString(password)
	if length > MaxCharacters {
		return []ui.Problem{limit(ui.ErrPasswordTooLong, "max_length", MaxCharacters, length)}
	}
	var problems []ui.Problem
	if length < p.MinLength {
		problems = append(problems, limit(ui.ErrPasswordTooShort, "min_length", p.MinLength, length))
	}
	if p.MaxBytes > 0 && len(password) > p.MaxBytes {
		problems = append(problems, limit(ui.ErrPasswordTooLong, "max_length", p.MaxBytes, len(password)))
	}
	if p.SimilarityCheck && similar(password, identifiers) {
		problems = append(problems, ui.Problem{Node: ui.NodePassword, ID: ui.ErrPasswordSimilar})
	}
	return problems
}

func limit(id int, name string, bound, actual int) ui.Problem {
	return ui.Problem{Node: ui.NodePassword, ID: id, Context: map[string]any{name: bound, "actual_length": actual}}
}

func breached() ui.Problem {
	return ui.Problem{Node: ui.NodePassword, ID: ui.ErrPasswordPolicy, Context: map[string]any{"reason": breachedReason}}
}
