package selfservice_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// The person's language is the first of those asked for that there is: by
// ui_locales, else locale, else as the browser says. Forms and mails speak it.
func TestLocale(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	subjects, texts := map[string]string{}, map[string]string{}
	for _, one := range []struct{ accept, uiLocales, locale, want string }{
		{"", "", "", "en"},
		{"de", "", "", "de"},
		{"de-AT", "", "", "de"},
		{"es-419,es;q=0.9", "", "", "es"},
		{"fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "", "", "fr"},
		{"xx, tlh;q=0.9, de;q=0.1", "", "", "de"},
		{"en;q=0.1, de;q=0.9", "", "", "de"},
		{"xx", "", "", "en"},
		{"*", "", "", "en"},
		{"de;q=x", "", "", "en"},
		{"\x01,,;;", "", "", "en"},
		{"de", "fr", "", "fr"},
		{"de", "xx es", "", "es"},
		{"de", "", "es", "es"},
		{"de", "fr-CA fr", "es", "fr"},
		{"", "de-u-co-phonebk", "", "de"},
		{"", "../../etc/passwd", "", "en"},
	} {
		for _, c := range env.Clients() {
			if one.accept != "" && one.accept[0] > ' ' {
				c.Head.Set("Accept-Language", one.accept)
			}
			email := address()
			person(t, env, email)
			query := url.Values{}
			if one.uiLocales != "" {
				query.Set("ui_locales", one.uiLocales)
			}
			if one.locale != "" {
				query.Set("locale", one.locale)
			}
			f := c.OpenKind("verification", query.Encode())
			c.Head.Set("Accept-Language", "pt") // the flow keeps the language it was opened in
			f = c.Say(f, values{"method": "code", "email": email})
			mail := env.Inbox(email)[0]
			require.Equal(t, one.want, mail.Locale, "%+v", one)
			if was, ok := subjects[one.want]; ok {
				require.Equal(t, was, mail.Subject)
				require.Equal(t, texts[one.want], f.UI.Messages[0].Text)
			}
			subjects[one.want], texts[one.want] = mail.Subject, f.UI.Messages[0].Text
		}
	}
	require.Len(t, distinct(subjects), 4)
	require.Len(t, distinct(texts), 4)
}

func distinct(m map[string]string) map[string]bool {
	out := map[string]bool{}
	for _, s := range m {
		out[s] = true
	}
	return out
}

// A language stays with a person on all their way: the form, the mail, the
// verification that follows a registration, the page a link opens, a successor.
func TestLocaleIsKept(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for _, c := range env.Clients() {
		email := address()
		f := c.Open("locale=de")
		german := f.Node("password").Meta.Label.Text
		require.Equal(t, "Passwort", german)
		a := c.Submit(f, enginetest.Person(email))
		id := a.Location().Query().Get("flow")
		if c.Kind != enginetest.HTML {
			id = regexpFlow(a)
		}
		next := c.ReadKind("verification", id)
		require.Equal(t, "Weiter", next.UI.Nodes[3].Meta.Label.Text)
		mail := env.Inbox(email)[0]
		require.Equal(t, "de", mail.Locale)
		other := env.Browser()
		other.Head.Set("Accept-Language", "fr")
		shown := other.Follow(mail.Link())
		require.Equal(t, email+" bestätigen", shown.Node("method").Meta.Label.Text, "as the mail that led here")
	}
	huge := env.Native()
	a := huge.Get("/self-service/registration/api?ui_locales=" + url.QueryEscape(string(make([]byte, 1000))))
	require.Equal(t, http.StatusOK, a.Status)
}
