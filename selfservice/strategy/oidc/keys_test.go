package oidc_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

func TestNewKeysAreFollowed(t *testing.T) {
	b := newBench(t, nil)
	_, err := b.signIn(nil)
	require.NoError(t, err)
	require.Equal(t, 1, b.op.count("/keys"))
	_, err = b.signIn(nil)
	require.NoError(t, err)
	require.Equal(t, 1, b.op.count("/keys"), "kept")

	b.op.rotate("second", "two")
	_, err = b.signIn(nil)
	require.NoError(t, err, "the very first sign-in")
	require.Equal(t, 2, b.op.count("/keys"))

	b.now = b.now.Add(6 * time.Second)
	b.op.rotate("first", "two")
	_, err = b.signIn(nil)
	require.NoError(t, err, "another key by the same name")

	b.now = b.now.Add(6 * time.Second)
	b.op.rotate("second", "")
	_, err = b.signIn(nil)
	require.NoError(t, err, "keys without names")

	b.op.rotate("first", "three")
	c, err := b.signIn(nil)
	b.disbelieves(c, err, "twice at once, the second is not seen")
	b.now = b.now.Add(6 * time.Second)
	_, err = b.signIn(nil)
	require.NoError(t, err, "one lost sign-in")
}

func TestOldKeysEnd(t *testing.T) {
	b := newBench(t, nil)
	old := b.op.idToken("n")
	_, err := b.Present(t.Context(), old, "n", time.Time{})
	require.NoError(t, err)
	b.op.rotate("second", "two")
	b.now = b.now.Add(59 * time.Minute)
	_, err = b.Present(t.Context(), old, "n", time.Time{})
	require.NoError(t, err)
	b.now = b.now.Add(time.Minute)
	c, err := b.Present(t.Context(), old, "n", time.Time{})
	b.disbelieves(c, err, "after an hour the keys are new")
}

func TestStrangersCauseFewFetches(t *testing.T) {
	b := newBench(t, nil)
	forged := make([]string, 100)
	for i := range forged {
		b.op.sign = jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key("ec"), KeyID: fmt.Sprint("k", i)}}
		forged[i] = b.op.idToken("n")
	}
	b.op.rotate("first", "one")
	honest := b.op.idToken("n")
	for range 10 {
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				_, err := b.Present(t.Context(), forged[i], "n", time.Time{})
				if err == nil {
					t.Error("forged, and believed")
				}
			})
		}
		all.Go(func() {
			if _, err := b.Present(t.Context(), honest, "n", time.Time{}); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		b.now = b.now.Add(time.Second)
	}
	require.LessOrEqual(t, b.op.count("/keys"), 3, "first of all, and one in five seconds")
	require.Equal(t, 1, b.op.count("/.well-known/openid-configuration"))
}

// An outage stops nobody whose key is known.
func TestOutage(t *testing.T) {
	b := newBench(t, nil)
	token := b.op.idToken("n")
	b.op.rotate("second", "two")
	other := b.op.idToken("n")
	b.op.rotate("first", "one")
	_, err := b.Present(t.Context(), token, "n", time.Time{})
	require.NoError(t, err)

	down := func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	b.op.breaks(down)
	b.now = b.now.Add(time.Hour)
	for range 3 {
		_, err = b.Present(t.Context(), token, "n", time.Time{})
		require.NoError(t, err)
	}
	require.Equal(t, 2, b.op.count("/keys"), "once in a while")
	c, err := b.Present(t.Context(), other, "n", time.Time{})
	b.unavailable(c, err, "whether the key is good cannot be known")

	b.op.breaks(nil)
	b.now = b.now.Add(6 * time.Second)
	b.op.at = b.now
	_, err = b.Present(t.Context(), b.op.idToken("n"), "n", time.Time{})
	require.NoError(t, err)
	require.Equal(t, 3, b.op.count("/keys"))
}

func TestNothingBeginsInAnOutage(t *testing.T) {
	b := newBench(t, nil)
	for name, broken := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"5xx": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "/keys", http.StatusFound)
			return true
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "<html>"); return true },
		"a list":  func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "[]"); return true },
		"null":    func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "null"); return true },
		"no keys": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/keys" {
				fmt.Fprint(w, `{"keys":[]}`)
			}
			return r.URL.Path == "/keys"
		},
		"useless keys": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/keys" {
				fmt.Fprint(w, `{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"new"},7]}`)
			}
			return r.URL.Path == "/keys"
		},
		"a huge answer": func(w http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprint(w, `{"issuer":"`, strings.Repeat("x", 1<<20), `"}`)
			return true
		},
		"a hang-up": func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
	} {
		b.op.breaks(broken)
		c, err := b.Present(t.Context(), b.op.idToken("n"), "n", time.Time{})
		b.unavailable(c, err, name)
		b.now = b.now.Add(6 * time.Second)
		b.log.Reset()
	}
	b.op.breaks(nil)
	b.op.at = b.now
	_, err := b.signIn(nil)
	require.NoError(t, err)
}

// A key of a new type beside the others is no reason to refuse them.
func TestUnknownKeysAreLeftOut(t *testing.T) {
	b := newBench(t, nil)
	b.op.breaks(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/keys" {
			return false
		}
		raw, _ := b.op.keys[0].MarshalJSON()
		fmt.Fprintf(w, `{"keys":[{"kty":"FUTURE","kid":"a"},{"kty":"OKP","crv":"X25519","x":"AAAA"},%s]}`, raw)
		return true
	})
	_, err := b.signIn(nil)
	require.NoError(t, err)
}

func TestSlowProvider(t *testing.T) {
	b := newBench(t, nil)
	gate, reached := make(chan struct{}), make(chan struct{}, 10)
	b.op.breaks(func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		reached <- struct{}{}
		<-gate
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	_, err := b.Present(ctx, b.op.idToken("n"), "n", time.Time{})
	require.ErrorIs(t, err, context.Canceled, "who gave up is not kept waiting")
	require.Empty(t, b.log.String())
	close(gate)
}

// Who asks first and gives up takes nothing from who came after, and while
// a known document is renewed nobody else waits for it.
func TestFetchesAreShared(t *testing.T) {
	b := newBench(t, nil)
	gate, reached := make(chan struct{}), make(chan struct{})
	hold := func(http.ResponseWriter, *http.Request) bool { reached <- struct{}{}; <-gate; return false }
	b.op.breaks(hold)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() { _, _, err := b.Depart(ctx, oidc.Departure{}); first <- err }()
	<-reached
	go func() { _, _, err := b.Depart(t.Context(), oidc.Departure{}); second <- err }()
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	close(gate)
	require.NoError(t, <-second)

	gate = make(chan struct{})
	b.now = b.now.Add(time.Hour)
	go func() { _, _, err := b.Depart(t.Context(), oidc.Departure{}); first <- err }()
	<-reached
	hurry, end := context.WithTimeout(t.Context(), 3*time.Second)
	defer end()
	_, _, err := b.Depart(hurry, oidc.Departure{})
	require.NoError(t, err)
	require.Equal(t, 2, b.op.count(wellKnown))
	close(gate)
	require.NoError(t, <-first)
}
