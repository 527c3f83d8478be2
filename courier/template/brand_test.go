package template

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBrandsThatCannotBeShownAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		brand Brand
		says  string
	}{
		"colour name":      {Brand{Color: "red"}, "color"},
		"short colour":     {Brand{BackgroundColor: "#fff"}, "background_color"},
		"more than colour": {Brand{TextColor: "#000000;background:url(//x)"}, "text_color"},
		"colour and line":  {Brand{Color: "#000000\n"}, "color"},
		"script":           {Brand{LogoURL: "javascript:alert(1)"}, "logo_url"},
		"data":             {Brand{LogoURL: "data:image/png;base64,AAAA"}, "logo_url"},
		"relative":         {Brand{SupportURL: "/help"}, "support_url"},
		"no host":          {Brand{SignInURL: "https:///x"}, "sign_in_url"},
		"user":             {Brand{SignInURL: "https://acme.example@evil.example/"}, "sign_in_url"},
		"space":            {Brand{SignInURL: "https://acme.example/a b"}, "sign_in_url"},
		"grey on grey":     {Brand{TextColor: "#cccccc", BackgroundColor: "#eeeeee"}, "text_color"},
	} {
		_, err := c.brand.checked()
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestZeroBrandIsPresentable(t *testing.T) {
	b, err := Brand{}.checked()
	require.NoError(t, err)
	require.Equal(t, "Foyer", b.Name)
	b, err = Brand{Name: " A\u202ecme\r\nBcc: x ", TextColor: "#eeeeee"}.checked()
	require.NoError(t, err, "a light text asks for a dark ground")
	require.Equal(t, "Acme Bcc: x", b.Name)
}

func TestEverythingCanBeReadInWhateverColour(t *testing.T) {
	for i := range 6 * 6 * 6 {
		colour := fmt.Sprintf("#%02x%02x%02x", i/36*51, i/6%6*51, i%6*51)
		for _, back := range []string{"", "#ffffff", "#101014", "#fff4d6", "#3a1d5c"} {
			b, err := Brand{Color: colour, BackgroundColor: back}.checked()
			require.NoError(t, err)
			for _, p := range []palette{b.palette(), b.darkPalette()} {
				for _, ground := range []string{p.Back, p.Card} {
					require.GreaterOrEqual(t, contrast(p.Ink, ground), readable)
					require.GreaterOrEqual(t, contrast(p.Soft, ground), readable)
					require.GreaterOrEqual(t, contrast(p.Link, ground), readable, "%s on %s", p.Link, ground)
				}
				require.GreaterOrEqual(t, contrast(p.Label, p.Button), readable, "%s on %s", p.Label, p.Button)
				require.GreaterOrEqual(t, contrast(p.Button, p.Card), 1.5)
				require.GreaterOrEqual(t, contrast(p.Ink, p.Well), readable)
			}
		}
	}
}
