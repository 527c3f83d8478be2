package hook

import (
	"slices"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// Country refuses flows by the country that a proxy names in a header: those of
// Deny, and where Allow is not empty all others than its own. Codes are upper
// case, of ISO 3166-1, or what a proxy writes where there is no country, such as
// XX and T1.
type Country struct {
	Header      string // canonical; for the caller, who looks it up
	Allow, Deny []string
}

// Check returns nil, or the refusal flow_refused_by_country, which does not tell
// the lists. values are the header's: nothing, more than one, and what Allow does
// not name are no country that is allowed, and one that is denied among others
// is denied.
func (c Country) Check(values []string) error {
	var given []string
	for _, line := range values {
		for value := range strings.SplitSeq(line, ",") {
			given = append(given, strings.ToUpper(strings.TrimSpace(value)))
		}
	}
	denied := slices.ContainsFunc(given, func(code string) bool { return slices.Contains(c.Deny, code) })
	if denied || len(c.Allow) > 0 && (len(given) != 1 || !slices.Contains(c.Allow, given[0])) {
		return fail.New(fail.Forbidden, "flow_refused_by_country", "This is not available in your country.")
	}
	return nil
}
