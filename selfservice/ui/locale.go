package ui

import (
	"maps"
	"slices"
	"strings"
)

// Locales lists the languages the catalogue has texts in, sorted. The slice is
// the caller's.
func (c Catalogue) Locales() []string {
	return slices.Sorted(maps.Keys(c))
}

// text finds the text of id along the chain of a canonical BCP 47 tag: "de-AT",
// then "de", then DefaultLocale; empty where none of them has it.
func (c Catalogue) text(locale string, id int) string {
	for locale != "" {
		if text, ok := c[locale][id]; ok {
			return text
		}
		locale = locale[:max(strings.LastIndexByte(locale, '-'), 0)]
	}
	return c[DefaultLocale][id]
}
