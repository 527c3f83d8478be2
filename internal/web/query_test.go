package web_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

func TestOnlyQuery(t *testing.T) {
	require.NoError(t, web.OnlyQuery(url.Values{}, "a"))
	require.NoError(t, web.OnlyQuery(url.Values{"a": {"1", "2"}, "b": nil}, "a", "b"))
	err := web.OnlyQuery(url.Values{"a": nil, "z": nil, "A": nil}, "a", "b")
	requireRefused(t, err, fail.BadRequest, "parameter_unknown")
	require.Contains(t, err.Error(), `"A"`, "the first, so that it is always the same")
}
