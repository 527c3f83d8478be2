package web_test

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

func TestPageSize(t *testing.T) {
	for query, want := range map[string]int{
		"": 25, "page_size=": 25, "page_size=1": 1, "page_size=50": 50, "per_page=7": 7, "per_page=7&page_size=8": 8,
		"page_size=0": 0, "page_size=51": 0, "page_size=-1": 0, "page_size=x": 0, "page_size=1e1": 0, "page_size=99999999999999999999": 0, "per_page=51": 0,
	} {
		v, err := url.ParseQuery(query)
		require.NoError(t, err)
		n, err := web.PageSize(v, 25, 50)
		require.Equal(t, want, n, query)
		if want == 0 {
			require.Equal(t, "page_size_invalid", fail.As(err).ID, query)
			require.Contains(t, fail.As(err).Reason, "from 1 to 50")
		} else {
			require.NoError(t, err, query)
		}
	}
}

func TestPageLink(t *testing.T) {
	at, err := url.Parse("/admin/things?status=a%26b&per_page=3&page_token=old")
	require.NoError(t, err)
	require.Equal(t, `</admin/things?page_size=3&status=a%26b>; rel="first"`, web.PageLink(at, 3, "", "first"))
	require.Equal(t, `</admin/things?page_size=3&page_token=n%3Ew&status=a%26b>; rel="next"`, web.PageLink(at, 3, "n>w", "next"))
}

// Beyond the last page there is nothing, however full that is.
func TestNumberedEnds(t *testing.T) {
	for _, total := range []int{0, 4, 5, 6} {
		for _, asked := range []string{"3", "4", "1000000", "9223372036854775807"} {
			page, size := web.Numbered(url.Values{"page": {asked}, "per_page": {"2"}}, total)
			require.GreaterOrEqual(t, page*size, total, "page %s of %d", asked, total)
			require.LessOrEqual(t, page*size, total+1, "page %s of %d", asked, total)
		}
		for page := range (total + 1) / 2 {
			got, _ := web.Numbered(url.Values{"page": {strconv.Itoa(page)}, "per_page": {"2"}}, total)
			require.Equal(t, page, got)
		}
	}
}

// The list of identity schemas tests the rest of it.
func TestNumberedLinksKeepFilters(t *testing.T) {
	at, err := url.Parse("/admin/things?active=true&page=7&per_page=2")
	require.NoError(t, err)
	page, size := web.Numbered(at.Query(), 5)
	require.Equal(t, []int{3, 2}, []int{page, size})
	require.Equal(t, `</admin/things?active=true&page=0&page_size=2&page_token=0&per_page=2>; rel="first",`+
		`</admin/things?active=true&page=2&page_size=2&page_token=2&per_page=2>; rel="prev",`+
		`</admin/things?active=true&page=2&page_size=2&page_token=2&per_page=2>; rel="last"`, web.NumberedLinks(at, page, size, 5))
	require.Equal(t, `</admin/things?active=true&page=0&per_page=2>; rel="first",</admin/things?active=true&page=2&per_page=2>; rel="prev",`+
		`</admin/things?active=true&page=2&per_page=2>; rel="last"`, web.PerPageLinks(at, page, size, 5))
}
