package web_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

func TestMatch(t *testing.T) {
	for tags, matches := range map[string]bool{
		`"7"`: true, `*`: true, `"6", "7"`: true, ` "7" `: true,
		`"6"`: false, `7`: false, `W/"7"`: false, ``: false, `"77"`: false, `"*"`: false, `"7`: false,
	} {
		r := httptest.NewRequest("PUT", "/", nil)
		r.Header.Set("If-Match", tags)
		if err := web.Match(r, 7); matches {
			require.NoError(t, err, tags)
		} else {
			requireRefused(t, err, fail.Outdated, "precondition_failed")
		}
	}
	require.NoError(t, web.Match(httptest.NewRequest("PUT", "/", nil), 7), "without the header there is no condition")
	require.Equal(t, `"7"`, web.ETag(7))
}
