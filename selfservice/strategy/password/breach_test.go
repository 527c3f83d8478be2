package password_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/txn"
	"github.com/foyer-id/foyer/selfservice/strategy/password"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// The two parts of the SHA-1 of "correct horse".
const (
	prefix = "2F9E5"
	suffix = "3523B62ABC141A2B4D6019D23CBA835DBD0"
	other  = "0000000000000000000000000000000000A"
)

var breached = []ui.Problem{{Node: "password", ID: 4000005, Context: map[string]any{
	"reason": "the password has been found in data breaches and must no longer be used.",
}}}

func asking(t *testing.T, answer http.HandlerFunc) *password.Policy {
	t.Helper()
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	return &password.Policy{Pwned: &password.Pwned{
		Host: strings.TrimPrefix(server.URL, "https://"), Do: server.Client().Do, Timeout: time.Minute,
	}}
}

func TestBreachedAnswers(t *testing.T) {
	padding := strings.Repeat(other+":0\r\n", 900)
	for name, tc := range map[string]struct {
		body     string
		max      int
		breached bool
	}{
		"found":                 {body: other + ":7\r\n" + suffix + ":12\r\n", breached: true},
		"found in lower case":   {body: strings.ToLower(suffix) + ":1", breached: true},
		"found among padding":   {body: padding + suffix + ":3\n" + padding, breached: true},
		"found more than often": {body: suffix + ":11", max: 10, breached: true},
		"found but tolerated":   {body: suffix + ":10", max: 10},
		"padding of that name":  {body: suffix + ":0\r\n"},
		"not found":             {body: other + ":7\r\n"},
		"nothing":               {body: ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := asking(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, tc.body) })
			p.MaxBreaches = tc.max
			got, err := p.Breached(t.Context(), "correct horse")
			require.NoError(t, err)
			if tc.breached {
				require.Equal(t, breached, got)
			} else {
				require.Nil(t, got)
			}
		})
	}
}

func TestBreachedTellsOnlyAPrefix(t *testing.T) {
	requests := 0
	p := asking(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		if r.Method != http.MethodGet || r.RequestURI != "/range/"+prefix || r.Header.Get("Add-Padding") != "true" || r.ContentLength > 0 {
			t.Errorf("asked %s %s %v", r.Method, r.RequestURI, r.Header)
		}
		for name, values := range r.Header {
			if strings.Contains(strings.ToUpper(strings.Join(values, " ")), suffix[:8]) {
				t.Errorf("header %s tells more than the prefix", name)
			}
		}
	})
	_, err := p.Breached(t.Context(), "correct horse")
	require.NoError(t, err)
	require.Equal(t, 1, requests)
}

func TestBreachedWithoutAnAnswer(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"500":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); fmt.Fprint(w, suffix+":9") },
		"429":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) },
		"204":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"page":         func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>\n<p>Welcome: sign in</p>") },
		"no count":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, suffix+"\n") },
		"bad count":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, suffix+":many\n") },
		"minus":        func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, suffix+":-1\n") },
		"other digest": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, suffix[:27]+":1\n") },
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, suffix+":9\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := asking(t, answer)
			got, err := p.Breached(t.Context(), "correct horse")
			require.Nil(t, got)
			refusal := fail.As(err)
			require.NotNil(t, refusal, "%v", err)
			require.Equal(t, "breach_check_unavailable", refusal.ID)
			require.Equal(t, fail.Unavailable, refusal.Kind)

			p.IgnoreNetworkErrors = true
			got, err = p.Breached(t.Context(), "correct horse")
			require.NoError(t, err)
			require.Nil(t, got)
		})
	}
}

func TestBreachedHasABudgetOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &password.Policy{Pwned: &password.Pwned{Host: "pwned.example", Do: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}}
		begun := time.Now()
		_, err := p.Breached(t.Context(), "correct horse")
		require.Equal(t, 300*time.Millisecond, time.Since(begun))
		require.Equal(t, "breach_check_unavailable", fail.As(err).ID)

		p.IgnoreNetworkErrors = true
		_, err = p.Breached(t.Context(), "correct horse")
		require.NoError(t, err)

		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begun = time.Now()
		_, err = p.Breached(ctx, "correct horse")
		require.ErrorIs(t, err, context.DeadlineExceeded, "a caller who left is not told that all is well")
		require.Equal(t, 100*time.Millisecond, time.Since(begun))
	})
}

func TestBreachedCallsNobodyWhenItMustNot(t *testing.T) {
	got, err := new(password.Policy).Breached(t.Context(), "correct horse")
	require.NoError(t, err)
	require.Nil(t, got)

	called := errors.New("called")
	p := &password.Policy{IgnoreNetworkErrors: true, Pwned: &password.Pwned{Do: func(*http.Request) (*http.Response, error) {
		t.Error("called out inside a transaction")
		return nil, called
	}}}
	_, err = p.Breached(txn.With(t.Context(), struct{}{}), "correct horse")
	require.ErrorContains(t, err, "transaction")
	require.Nil(t, fail.As(err))
}
