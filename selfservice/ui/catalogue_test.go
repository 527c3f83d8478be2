package ui_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/ui"
)

var hole = regexp.MustCompile(`\{([a-z_]+)\}`)

// contexts are the keys that the protocol gives to messages whose flow is still
// to come; the others stand in messages.
var contexts = map[int][]string{
	1010023: {"address", "channel"},
	1060004: {"masked_address"},
	4000028: {"available_credential_types", "available_oidc_providers", "credential_identifier_hint"},
	4000034: {"breaches"},
	1040101: {"code"},
	1040102: {"at", "device", "ip"},
	1040104: {"at", "ip"},
	1080102: {"address"},
}

// Every language says everything, out of the same values: what one of them
// left out would be missing from somebody's screen.
func TestLanguages(t *testing.T) {
	c, err := ui.Shipped()
	require.NoError(t, err)
	english := c[ui.DefaultLocale]
	ids := slices.Sorted(maps.Keys(english))
	for _, locale := range c.Locales() {
		require.Equal(t, ids, slices.Sorted(maps.Keys(c[locale])), locale)
		for _, id := range ids {
			text := c[locale][id]
			require.Equal(t, holes(english[id]), holes(text), "%s %d: %s", locale, id, text)
			require.NotEmpty(t, strings.TrimSpace(text), "%s %d", locale, id)
			require.Equal(t, strings.TrimSpace(text), text, "%s %d", locale, id)
			require.NotContains(t, text, "  ", "%s %d", locale, id)
			require.NotRegexp(t, `[<>&\\\n\t]|https?:`, text, "%s %d: texts are plain", locale, id)
			require.NotRegexp(t, `[{}]`, hole.ReplaceAllString(text, ""), "%s %d: a key misspelt", locale, id)
		}
	}
}

// No text asks for what the context of its message does not have.
func TestHoles(t *testing.T) {
	c, err := ui.Shipped()
	require.NoError(t, err)
	for id, text := range c[ui.DefaultLocale] {
		keys, inUse := messages[id]
		if !inUse {
			keys = contexts[id]
		}
		require.Subset(t, keys, holes(text), "%d: %s", id, text)
	}
	for id := range contexts {
		require.Contains(t, c[ui.DefaultLocale], id)
	}
}

// A text copied from English is no translation. Single words may be the same.
func TestTranslated(t *testing.T) {
	c, err := ui.Shipped()
	require.NoError(t, err)
	for _, locale := range c.Locales() {
		for id, text := range c[locale] {
			if locale != ui.DefaultLocale && strings.Contains(hole.ReplaceAllString(text, ""), " ") {
				require.NotEqual(t, c[ui.DefaultLocale][id], text, "%s %d", locale, id)
			}
		}
	}
}

// holes lists the {keys} of a text, sorted.
func holes(text string) []string {
	keys := []string{}
	for _, m := range hole.FindAllStringSubmatch(text, -1) {
		keys = append(keys, m[1])
	}
	slices.Sort(keys)
	return keys
}
