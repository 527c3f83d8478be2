package selfservice

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/foyer-id/foyer/selfservice/ui"
)

// locale chooses the language for what a person reads.
func (e *Engine) locale(reads string) string {
	if reads == "" {
		return ui.DefaultLocale
	}
	tag, _, confidence := e.Locales.Match(preferred(reads)...)
	if confidence == language.No {
		return ui.DefaultLocale
	}
	return withoutExtensions(tag)
}

// preferred lists the languages of an Accept-Language header, best first. One
// that is not known is left out, and keeps no other from being found.
func preferred(reads string) []language.Tag {
	weights, known := map[language.Tag]float32{}, []language.Tag{}
	for part := range strings.SplitSeq(reads, ",") {
		tags, q, err := language.ParseAcceptLanguage(part)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, twice := weights[tags[0]]; !twice {
			weights[tags[0]], known = q[0], append(known, tags[0])
		}
	}
	slices.SortStableFunc(known, func(a, b language.Tag) int { return cmp.Compare(weights[b], weights[a]) })
	return known
}

// withoutExtensions is the tag of a language as files are named by it.
func withoutExtensions(t language.Tag) string {
	base, script, region := t.Raw()
	plain, err := language.Compose(base, script, region)
	if err != nil {
		return ui.DefaultLocale
	}
	return plain.String()
}
