package web_test

import (
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
