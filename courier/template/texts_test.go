package template

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryLanguageSaysEverythingAndNothingElse(t *testing.T) {
	all, err := shipped()
	require.NoError(t, err)
	require.Equal(t, []string{"de", "en", "es", "fr"}, slices.Sorted(maps.Keys(all)))
	for lang, of := range all {
		for key, text := range of.Common {
			require.ElementsMatch(t, placeholdersOf(all[fallback].Common[key]), placeholdersOf(text), "%s: %s", lang, key)
		}
		for name, own := range of.Messages {
			for key, text := range own {
				require.ElementsMatch(t, placeholdersOf(all[fallback].Messages[name][key]), placeholdersOf(text), "%s: %s of %s", lang, key, name)
				require.NotContains(t, text, "<", "%s: %s of %s holds no markup", lang, key, name)
				require.Equal(t, strings.TrimSpace(text), text)
			}
		}
	}
}

// A text that nothing shows would be translated in vain.
func TestEveryTextIsShown(t *testing.T) {
	brand, err := Brand{SignInURL: "https://a.example/", SupportURL: "https://a.example/help"}.checked()
	require.NoError(t, err)
	m, err := newMails(brand)
	require.NoError(t, err)
	shown := map[string]bool{}
	for _, of := range messages {
		for _, minutes := range []float64{1, 10, 60, 120, 1440, 2880} {
			for _, linked := range []bool{true, false} {
				d, err := plain(bare(of.name))
				require.NoError(t, err)
				d["expires_in_minutes"] = plainValue(minutes)
				if of.code != "" && !linked {
					delete(d, of.url)
				}
				for key := range m.texts[fallback].Common {
					marked := m.texts[fallback]
					marked.Common = maps.Clone(marked.Common)
					marked.Common[key] = "SHOWN"
					v, err := (&mails{texts: map[string]texts{fallback: marked}, brand: brand}).view(of, d, fallback)
					require.NoError(t, err)
					html, err := m.render(HTML, v)
					require.NoError(t, err)
					shown[key] = shown[key] || strings.Contains(html, "SHOWN")
				}
			}
		}
		for _, key := range of.keys() {
			marked := m.texts[fallback]
			marked.Messages = map[string]map[string]string{of.name: maps.Clone(marked.Messages[of.name])}
			marked.Messages[of.name][key] = "SHOWN"
			d, err := plain(bare(of.name))
			require.NoError(t, err)
			v, err := (&mails{texts: map[string]texts{fallback: marked}, brand: brand}).view(of, d, fallback)
			require.NoError(t, err)
			part := HTML
			if key == "sms" {
				part = SMS
			}
			out, err := m.render(part, v)
			require.NoError(t, err)
			require.Contains(t, out, "SHOWN", "%s of %s", key, of.name)
		}
	}
	for _, key := range commonKeys {
		require.True(t, shown[key], key)
	}
}

func TestLanguageThatLacksOrAddsATextIsRefused(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("texts", "de.json"))
	require.NoError(t, err)
	_, err = parseTexts(raw)
	require.NoError(t, err)
	change := func(f func(texts)) error {
		var of texts
		require.NoError(t, json.Unmarshal(raw, &of))
		f(of)
		changed, err := json.Marshal(of)
		require.NoError(t, err)
		_, err = parseTexts(changed)
		return err
	}
	for _, key := range commonKeys {
		require.ErrorContains(t, change(func(of texts) { delete(of.Common, key) }), "common has no "+key)
	}
	for _, m := range messages {
		for _, key := range m.keys() {
			require.ErrorContains(t, change(func(of texts) { delete(of.Messages[m.name], key) }), m.name+" has no "+key)
		}
		require.ErrorContains(t, change(func(of texts) { delete(of.Messages, m.name) }), m.name+" has no")
	}
	require.ErrorContains(t, change(func(of texts) { of.Common["hello"] = "Hallo" }), "nothing uses hello")
	require.ErrorContains(t, change(func(of texts) { of.Messages["test"]["hello"] = "Hallo" }), "nothing uses hello")
	require.Error(t, change(func(of texts) { of.Messages["toast"] = map[string]string{} }))
	require.ErrorContains(t, change(func(of texts) { of.Messages["test"]["intro"] = "von {brnd}" }), "{brnd}")
}

func TestDurationsAreSaidInTheLargestUnit(t *testing.T) {
	all, err := shipped()
	require.NoError(t, err)
	for minutes, want := range map[int]string{1: "1 Minute", 10: "10 Minuten", 60: "1 Stunde", 90: "90 Minuten", 120: "2 Stunden", 1440: "1 Tag", 4320: "3 Tage"} {
		require.Equal(t, want, strings.ReplaceAll(all["de"].duration(minutes), "\u00a0", " "))
	}
}

// The alphabet that fits 160 characters into one short message.
const gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

func TestShortMessagesFitIntoOne(t *testing.T) {
	brand, err := Brand{Name: strings.Repeat("m", 20)}.checked()
	require.NoError(t, err)
	m, err := newMails(brand)
	require.NoError(t, err)
	for lang := range m.texts {
		for _, of := range messages {
			if !of.sms {
				continue
			}
			d, err := plain(bare(of.name))
			require.NoError(t, err)
			v, err := m.view(of, d, lang)
			require.NoError(t, err)
			sms, err := m.render(SMS, v)
			require.NoError(t, err)
			require.LessOrEqual(t, len([]rune(sms)), 160, "%s: %s", lang, sms)
			for _, r := range sms {
				require.Contains(t, gsm7, string(r), "%s: %s", lang, sms)
			}
		}
	}
}
