package web_test

import (
	"cmp"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
)

func TestProgramsOnly(t *testing.T) {
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for name, c := range map[string]struct {
		host   string
		head   map[string]string
		socket bool
		want   int
	}{
		"an address":                 {host: "127.0.0.1:4434", want: 204},
		"an address of version 6":    {host: "[::1]:4434", want: 204},
		"an address without a port":  {host: "::1", want: 204},
		"localhost":                  {host: "LocalHost:4434", want: 204},
		"its own name":               {host: "admin.example.org", want: 204},
		"typed into a browser":       {host: "127.0.0.1:4434", head: map[string]string{"Sec-Fetch-Site": "none"}, want: 204},
		"a name bound to loopback":   {host: "rebind.example.net:4434", want: 403},
		"a name that ends alike":     {host: "evil-admin.example.org", want: 403},
		"no host":                    {host: "", want: 403},
		"a socket and any name":      {host: "foyer", socket: true, want: 204},
		"a page":                     {host: "127.0.0.1:4434", head: map[string]string{"Origin": "http://127.0.0.1:4455"}, want: 403},
		"a page without an origin":   {host: "127.0.0.1:4434", head: map[string]string{"Origin": "null"}, want: 403},
		"a page's picture":           {host: "127.0.0.1:4434", head: map[string]string{"Sec-Fetch-Site": "cross-site"}, want: 403},
		"a page of the same machine": {host: "127.0.0.1:4434", head: map[string]string{"Sec-Fetch-Site": "same-site"}, want: 403},
		"a page over a socket":       {host: "foyer", socket: true, head: map[string]string{"Origin": "http://a.example"}, want: 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/admin/identities", nil)
			r.Host = c.host
			for k, v := range c.head {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			web.ProgramsOnly("http://admin.example.org", c.socket)(reached).ServeHTTP(w, r)
			require.Equal(t, c.want, w.Code, w.Body)
		})
	}
}

// Pages under a listed path may be read by people, and still by no foreign page.
func TestProgramsOnlyPages(t *testing.T) {
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	link := map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
	own := map[string]string{"Sec-Fetch-Site": "same-origin"}
	with := func(head map[string]string, name, value string) map[string]string {
		out := maps.Clone(head)
		out[name] = value
		return out
	}
	for name, c := range map[string]struct {
		method, path, host string
		head               map[string]string
		want               int
	}{
		"a program":                       {path: "/admin/inbox", want: 204},
		"typed":                           {path: "/admin/inbox", head: map[string]string{"Sec-Fetch-Site": "none"}, want: 204},
		"its own page":                    {path: "/admin/inbox/messages", head: own, want: 204},
		"its own page asks for a head":    {method: "HEAD", path: "/admin/inbox", head: own, want: 204},
		"a link from another port":        {path: "/admin/inbox", head: link, want: 204},
		"its own page elsewhere":          {path: "/admin/identities", head: own, want: 403},
		"a link to elsewhere":             {path: "/admin/identities", head: link, want: 403},
		"a name that begins alike":        {path: "/admin/inboxes", head: own, want: 403},
		"its own page writes":             {method: "POST", path: "/admin/inbox", head: own, want: 403},
		"a link that writes":              {method: "POST", path: "/admin/inbox", head: link, want: 403},
		"a frame on another port":         {path: "/admin/inbox", head: with(link, "Sec-Fetch-Dest", "iframe"), want: 403},
		"a script on another port":        {path: "/admin/inbox/messages", head: with(link, "Sec-Fetch-Mode", "no-cors"), want: 403},
		"a link from elsewhere":           {path: "/admin/inbox", head: with(link, "Sec-Fetch-Site", "cross-site"), want: 403},
		"a page with an origin":           {path: "/admin/inbox", head: with(own, "Origin", "http://127.0.0.1:4434"), want: 403},
		"a mail in its frame":             {path: "/admin/inbox/messages", head: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, want: 403},
		"a name bound to loopback":        {path: "/admin/inbox", host: "rebind.example.net:4434", head: own, want: 403},
		"a name bound to loopback, typed": {path: "/admin/inbox", host: "rebind.example.net:4434", want: 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(cmp.Or(c.method, http.MethodGet), c.path, nil)
			r.Host = cmp.Or(c.host, "127.0.0.1:4434")
			for k, v := range c.head {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			web.ProgramsOnly("http://admin.example.org", false, "/admin/inbox")(reached).ServeHTTP(w, r)
			require.Equal(t, c.want, w.Code, w.Body)
		})
	}
}
