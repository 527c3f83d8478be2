package web_test

import (
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
)

func TestPageToken(t *testing.T) {
	ring, err := seal.NewRing("private", "a secret of sixteen bytes")
	require.NoError(t, err)
	other, err := seal.NewRing("private", "another secret of sixteen")
	require.NoError(t, err)
	now := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	place := web.Place{Created: now, ID: uuid.Must(uuid.NewV4())}
	token, err := web.PageToken(ring, "things?a=1", place, now)
	require.NoError(t, err)

	read := func(r *seal.Ring, list, token string, at time.Time) string {
		got, err := web.ReadPageToken(r, list, token, at)
		if err != nil {
			require.Zero(t, got)
			return fail.As(err).ID
		}
		if token != "" {
			require.Equal(t, place, got)
		}
		return ""
	}
	require.Empty(t, read(ring, "things?a=1", token, now))
	require.Empty(t, read(ring, "things?a=1", token, now.Add(time.Hour-1)))
	require.Empty(t, read(ring, "things?a=1", "", now))
	require.Equal(t, "page_token_expired", read(ring, "things?a=1", token, now.Add(time.Hour)))
	for _, bad := range []string{token + "A", token[1:], "x", place.ID.String()} {
		require.Equal(t, "page_token_invalid", read(ring, "things?a=1", bad, now))
	}
	require.Equal(t, "page_token_invalid", read(ring, "things?a=2", token, now))
	require.Equal(t, "page_token_invalid", read(other, "things?a=1", token, now))
}
