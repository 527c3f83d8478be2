package web_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

func TestScopesHoldWhatTheyRead(t *testing.T) {
	for has, holds := range map[string]map[string]bool{
		"courier":      {"courier": true, "courier.read": true, "courier.write": false, "courierx": false, "identity.read": false},
		"courier.read": {"courier": false, "courier.read": true},
		"*":            {"courier": true, "x": true},
		"":             {"courier": false, "courier.read": false},
	} {
		for scope, may := range holds {
			require.Equal(t, may, web.Caller{Scopes: []string{has}}.May(scope), "%s for %s", has, scope)
		}
	}
	require.False(t, web.Caller{}.May("courier"))
	require.True(t, web.Caller{Scopes: []string{"x", "courier"}}.May("identity", "courier.read"))
}

func TestCallersAreInTheContext(t *testing.T) {
	_, ok := web.CallerOf(t.Context())
	require.False(t, ok)
	id, other := uuid.Must(uuid.NewV4()), uuid.Must(uuid.NewV4())
	web.Concern(t.Context(), id)
	require.Empty(t, web.Concerned(t.Context()))

	ctx := web.WithCaller(t.Context(), web.Caller{Name: "crm", By: "token"})
	got, ok := web.CallerOf(context.WithoutCancel(ctx))
	require.True(t, ok)
	require.Equal(t, web.Caller{Name: "crm", By: "token"}, got)
	for _, one := range []uuid.UUID{other, id, uuid.Nil, other} {
		web.Concern(ctx, one)
	}
	require.Equal(t, []uuid.UUID{other, id}, web.Concerned(ctx))
}

// Whether a token is the first of many, the last or nobody's cannot be told by
// the time: each is compared with all.
func TestTokensAreComparedInConstantTime(t *testing.T) {
	const many = 5_000
	c := &web.Callers{Now: time.Now}
	for n := range many {
		c.Tokens = append(c.Tokens, web.TokenCaller{Name: fmt.Sprint(n), Hash: sha256.Sum256([]byte(fmt.Sprint("token", n)))})
	}
	fastest := func(token string, name string) time.Duration {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		least := time.Hour
		for range 60 {
			start := time.Now()
			caller, err := c.Identify(r)
			least = min(least, time.Since(start))
			require.Equal(t, name, caller.Name)
			require.Equal(t, name == "", fail.As(err) != nil)
		}
		return least
	}
	first, last, nobody := fastest("token0", "0"), fastest(fmt.Sprint("token", many-1), fmt.Sprint(many-1)), fastest("nobody's", "")
	for _, one := range []time.Duration{first, nobody} {
		require.Greater(t, float64(one), 0.5*float64(last), "%s, %s, %s", first, last, nobody)
		require.Less(t, float64(one), 2*float64(last), "%s, %s, %s", first, last, nobody)
	}
}
