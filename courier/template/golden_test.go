package template_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/template"
)

var update = flag.Bool("update", false, "write the golden files anew")

func acme() template.Brand {
	return template.Brand{
		Name: "Acme & Söhne", Footer: "Acme & Söhne GmbH\nHauptstraße 1, 10115 Berlin",
		SupportURL: "https://acme.example/help", SignInURL: "https://acme.example/login",
	}
}

func renderer(t testing.TB, c template.Config) *template.Renderer {
	t.Helper()
	r, err := template.New(c)
	require.NoError(t, err)
	return r
}

func message(name, channel, locale string) *courier.Message {
	return &courier.Message{ID: uuid.FromStringOrNil("8b9f64a1-1c1e-4e41-9d5e-0d4b8e0c7a11"), Channel: channel, Template: name, Locale: locale, Recipient: "ada@example.org"}
}

// texting are the messages that go out by SMS.
var texting = []string{"verification_code_valid", "registration_code_valid", "registration_code_invalid", "recovery_code_valid", "login_code_valid", "verifiable_address_changed", "test"}

func TestWhatIsShippedReadsAsItDid(t *testing.T) {
	r := renderer(t, template.Config{Brand: acme()})
	for _, locale := range r.Locales() {
		for _, name := range template.Names() {
			l, err := r.Render(message(name, courier.Email, locale), template.Sample(name))
			require.NoError(t, err)
			golden(t, locale, name+".txt", "Subject: "+l.Subject+"\n\n"+l.Text)
			golden(t, locale, name+".html", l.HTML)
		}
		for _, name := range texting {
			l, err := r.Render(message(name, courier.SMS, locale), template.Sample(name))
			require.NoError(t, err)
			require.Empty(t, l.Subject)
			require.Empty(t, l.HTML)
			golden(t, locale, name+".sms", l.Text+"\n")
		}
	}
}

func golden(t *testing.T, locale, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", locale, file)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./courier/template -update writes it")
	require.Equal(t, string(want), got, path)
}
