package cmd_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// The hot paths without the network: what the program itself spends on a request.
func BenchmarkHotPaths(b *testing.B) {
	env := enginetest.New(b, enginetest.With("log.level", "error"))
	call := func(method, path, body string, head ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, io.NopCloser(strings.NewReader(body)))
		r.Header.Set("Accept", "application/json")
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for n := 0; n < len(head); n += 2 {
			r.Header.Set(head[n], head[n+1])
		}
		w := httptest.NewRecorder()
		env.App.Public.ServeHTTP(w, r)
		return w
	}
	open := func() string {
		var f struct{ ID string }
		require.NoError(b, json.Unmarshal(call("GET", "/self-service/registration/api", "").Body.Bytes(), &f))
		return f.ID
	}
	run := func(name string, status int, op func() *httptest.ResponseRecorder) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if w := op(); w.Code != status {
						b.Errorf("%d %s", w.Code, w.Body)
					}
				}
			})
		})
	}
	id := open()
	valid := `{"method":"password","password":"a good long Passphrase 9","traits":{"email":"bench@example.org"}}`
	registered := call("POST", "/self-service/registration?flow="+open(), valid)
	require.Equal(b, http.StatusOK, registered.Code, registered.Body)
	var success struct {
		Token string `json:"session_token"`
	}
	require.NoError(b, json.Unmarshal(registered.Body.Bytes(), &success))

	run("open", http.StatusOK, func() *httptest.ResponseRecorder { return call("GET", "/self-service/registration/api", "") })
	run("read", http.StatusOK, func() *httptest.ResponseRecorder {
		return call("GET", "/self-service/registration/flows?id="+id, "")
	})
	run("whoami", http.StatusOK, func() *httptest.ResponseRecorder {
		return call("GET", "/sessions/whoami", "", "X-Session-Token", success.Token)
	})
	run("refused", http.StatusBadRequest, func() *httptest.ResponseRecorder {
		return call("POST", "/self-service/registration?flow="+open(), `{"method":"password","password":"x","traits":{"email":"nobody"}}`)
	})
}
