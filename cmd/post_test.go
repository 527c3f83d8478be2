package cmd_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// override writes an override into a folder of templates.
func override(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

// A language that an operator's templates bring can be chosen like those that
// are shipped. What it does not say is said in English.
func TestLanguagesOfTheOperator(t *testing.T) {
	dir := t.TempDir()
	override(t, dir, "verification_code/valid/email.subject.it.gotmpl", "Il tuo codice {{ .VerificationCode }}")
	override(t, dir, "verification_code/valid/email.subject.de-AT.gotmpl", "Servus {{ .VerificationCode }}")
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.With("courier.template_override_path", dir))
	for asked, want := range map[string]struct{ locale, subject, text, label string }{
		"it":    {"it", "Il tuo codice ", "code", "Password"},
		"it-IT": {"it", "Il tuo codice ", "code", "Password"},
		"de-AT": {"de-AT", "Servus ", "Code", "Passwort"},
		"de":    {"de", "", "Code", "Passwort"},
		"nl":    {"en", "", "code", "Password"},
	} {
		t.Run(asked, func(t *testing.T) {
			c := env.Native()
			f := c.Open("ui_locales=" + asked)
			labels := ""
			for _, n := range f.UI.Nodes {
				labels += n.Meta.Label.Text + "\n"
			}
			require.Contains(t, labels, want.label)
			to := strings.ToLower(asked) + "@example.org"
			require.Equal(t, http.StatusOK, c.Submit(f, enginetest.Person(to)).Status)
			mail := env.Inbox(to)[0]
			require.Equal(t, want.locale, mail.Locale)
			require.Contains(t, mail.Text, want.text)
			require.True(t, strings.HasPrefix(mail.Subject, want.subject), mail.Subject)
			require.Equal(t, want.subject == "", !strings.HasPrefix(mail.Subject, "Il ") && !strings.HasPrefix(mail.Subject, "Servus"))
		})
	}
}

// Why mail does not leave is told to whoever watches, and not who it is for.
func TestWhatIsLateNamesNobody(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("cannot reach <ada@example.org> or +4915112345678 or 4915112345678 now"))
	}))
	t.Cleanup(gateway.Close)
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.With("courier.delivery_strategy", "http"),
		enginetest.With("courier.http.request_config.url", gateway.URL))
	c := env.Native()
	require.Equal(t, http.StatusOK, c.Submit(c.Open(""), enginetest.Person("ada@example.org")).Status)
	env.Deliver()
	env.Clock.Advance(6 * time.Minute)
	warned := c.Get(env.AdminURL + "/admin/health/ready").JSON()["warnings"].(map[string]any)["courier"].(string)
	require.Contains(t, warned, "the last failure was: the gateway answered 500: cannot reach <[redacted]> or [redacted] or [redacted] now")
	require.NotContains(t, warned, "ada@")
	require.NotContains(t, warned, "4915112345678")
}
