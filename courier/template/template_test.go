package template_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/template"
)

func TestALetterIsAddressedLikeItsMessage(t *testing.T) {
	m := message("login_code_valid", courier.Email, "de")
	d := template.Sample("login_code_valid")
	l, err := renderer(t, template.Config{}).Render(m, d)
	require.NoError(t, err)
	require.Equal(t, m.ID, l.MessageID)
	require.Equal(t, m.Recipient, l.Recipient)
	require.Equal(t, m.Channel, l.Channel)
	require.Equal(t, m.Template, l.Template)
	require.Equal(t, d, l.Data)
	require.Equal(t, "Anmeldung bei Foyer", l.Subject)
}

// Half a message would only puzzle its reader.
func TestMessagesWithoutWhatTheyAreForAreRefused(t *testing.T) {
	r := renderer(t, template.Config{})
	for _, name := range template.Names() {
		for _, key := range []string{"verification_code", "registration_code", "recovery_code", "login_code", "recovery_url", "expires_in_minutes"} {
			d := template.Sample(name)
			_, has := d[key]
			has = has && (name != "recovery_code_valid" || key != "recovery_url") // beside a code it may be missing
			delete(d, key)
			_, err := r.Render(message(name, courier.Email, "en"), d)
			if has {
				require.ErrorContains(t, err, key, name)
			} else {
				require.NoError(t, err, name)
			}
		}
	}
	d := template.Sample("login_code_valid")
	for _, minutes := range []any{0, -1, 0.5, "soon", 1e300, nil} {
		d["expires_in_minutes"] = minutes
		_, err := r.Render(message("login_code_valid", courier.Email, "en"), d)
		require.ErrorContains(t, err, "expires_in_minutes", "%v", minutes)
	}
	_, err := r.Render(message("login_code_valid", courier.Email, "en"), nil)
	require.ErrorContains(t, err, "login_code", "a message that was wiped")
}

func TestTheLinkOfACodeMayBeMissing(t *testing.T) {
	r := renderer(t, template.Config{Brand: acme()})
	for name, url := range map[string]string{"verification_code_valid": "verification_url", "recovery_code_valid": "recovery_url"} {
		d := template.Sample(name)
		delete(d, url)
		l := render(t, r, name, courier.Email, "en", d)
		require.Contains(t, l.HTML, "482915")
		require.Contains(t, l.HTML, "The code is valid for 10\u00a0minutes.")
		require.NotContains(t, l.HTML, `class="button"`)
		require.NotContains(t, l.Text, "\nOr ", name)
		require.Contains(t, render(t, r, name, courier.Email, "en", template.Sample(name)).Text, "\nOr ", name)
	}
}

// A code to sign in is typed where it was asked for: what opens by a click
// signs in whoever clicks.
func TestTheMailToSignInHasNoLink(t *testing.T) {
	d := template.Sample("login_code_valid")
	d["login_url"] = "https://accounts.example.org/self-service/login?code=482915"
	r := renderer(t, template.Config{})
	for _, locale := range r.Locales() {
		l := render(t, r, "login_code_valid", courier.Email, locale, d)
		require.Contains(t, l.Text, "482915")
		for _, body := range []string{l.Text, l.HTML} {
			require.NotContains(t, body, "http")
		}
	}
}

func TestTheOwnerOfATakenAddressIsToldNothingSecret(t *testing.T) {
	d := template.Sample("registration_code_invalid")
	d["registration_code"], d["verification_code"], d["registration_url"] = "482915", "482915", "https://a.example/?code=482915"
	for brand, linked := range map[template.Brand]bool{{}: false, acme(): true} {
		l := render(t, renderer(t, template.Config{Brand: brand}), "registration_code_invalid", courier.Email, "en", d)
		for _, s := range []string{l.Subject, l.Text, l.HTML} {
			require.NotContains(t, s, "482915")
		}
		require.Equal(t, linked, strings.Contains(l.HTML, `class="button"`))
	}
}

func TestNothingIsWrittenForOtherChannelsOrTemplates(t *testing.T) {
	r := renderer(t, template.Config{})
	for _, m := range []*courier.Message{
		message("login_code_valid", courier.Nowhere, "en"), message("login_code_valid", "", "en"), message("nothing", courier.Email, "en"), message("recovery_valid", courier.SMS, "en"),
	} {
		_, err := r.Render(m, template.Sample("recovery_valid"))
		require.Error(t, err)
	}
}
