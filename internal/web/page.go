package web

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/foyer-id/foyer/internal/fail"
)

// PageSize reads how many entries of a list are asked for, as page_size or a
// lone per_page: from 1 to most, fallback where neither is given.
func PageSize(query url.Values, fallback, most int) (int, error) {
	size := query.Get("page_size")
	if size == "" {
		size = query.Get("per_page")
	}
	if size == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(size)
	if err != nil || n < 1 || n > most {
		return 0, fail.New(fail.BadRequest, "page_size_invalid", fmt.Sprintf("page_size has to be a number from 1 to %d.", most))
	}
	return n, nil
}

// PageLink is an entry of the header Link: the list at the URL of a request,
// with its filters, from token on, or from its beginning where token is empty.
func PageLink(at *url.URL, size int, token, rel string) string {
	q := at.Query()
	q.Del("per_page")
	q.Del("page_token")
	q.Set("page_size", strconv.Itoa(size))
	if token != "" {
		q.Set("page_token", token)
	}
	return "<" + at.Path + "?" + q.Encode() + `>; rel="` + rel + `"`
}
