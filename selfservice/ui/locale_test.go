package ui

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLocales(t *testing.T) {
	require.Equal(t, []string{"de", "en", "fr-CA"}, Catalogue{"fr-CA": nil, "en": nil, "de": nil}.Locales())
	require.Empty(t, Catalogue{}.Locales())
	c, err := Shipped()
	require.NoError(t, err)
	require.Equal(t, []string{"de", "en", "es", "fr"}, c.Locales())
}

// Every text is looked for by itself: what Austrian lacks is told in German,
// what German lacks in the default language, and never in a sibling.
func TestFallback(t *testing.T) {
	c := Catalogue{
		"en":    {1: "en 1", 2: "en 2", 3: "en 3"},
		"de":    {1: "de 1", 2: "de 2"},
		"de-AT": {1: "de-AT 1"},
		"de-CH": {1: "de-CH 1", 3: "de-CH 3"},
	}
	for locale, want := range map[string][]string{
		"en":                {"en 1", "en 2", "en 3"},
		"en-GB":             {"en 1", "en 2", "en 3"},
		"de":                {"de 1", "de 2", "en 3"},
		"de-AT":             {"de-AT 1", "de 2", "en 3"},
		"de-AT-1996":        {"de-AT 1", "de 2", "en 3"},
		"de-CH":             {"de-CH 1", "de 2", "de-CH 3"},
		"de-Latn-LI":        {"de 1", "de 2", "en 3"},
		"de-AT-u-rg-chzzzz": {"de-AT 1", "de 2", "en 3"},
		"den":               {"en 1", "en 2", "en 3"},
		"fr-FR":             {"en 1", "en 2", "en 3"},
		"-":                 {"en 1", "en 2", "en 3"},
		"-de":               {"en 1", "en 2", "en 3"},
		"de-":               {"de 1", "de 2", "en 3"},
		"":                  {"en 1", "en 2", "en 3"},
	} {
		for id := range 3 {
			require.Equal(t, want[id], c.text(locale, id+1), "%q %d", locale, id+1)
		}
	}
	require.Empty(t, c.text("de-AT", 4))
}

// Labels are filled in at every answer.
func TestFallbackIsCheap(t *testing.T) {
	c, err := Shipped()
	require.NoError(t, err)
	for _, locale := range []string{"de", "de-AT", "pt-BR", ""} {
		require.Zero(t, testing.AllocsPerRun(100, func() { c.text(locale, LabelPassword) }), locale)
	}
}
