package web

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// PageSize reads how many entries of a list by page_token are asked for, as
// page_size or a lone per_page: from 1 to most, fallback where neither is given.
// A page asked for by its number is refused: who counts would never come to an end.
func PageSize(query url.Values, fallback, most int) (int, error) {
	if query.Get("page") != "" {
		return 0, fail.New(fail.BadRequest, "pagination_unsupported", "Pages are asked for with page_token and page_size, not with page.")
	}
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

// What a numbered list shows at a time, where nothing else is asked for, and at
// most.
const (
	numberedSize    = 250
	maxNumberedSize = 1000
)

// Numbered reads which page of a list of total entries is asked for, by page
// and per_page or by page_token and page_size. Pages count from zero. What is no
// sensible number is clamped, never refused: a page beyond the last is the empty
// one behind it, so that who asks for the next until there is none comes to an
// end.
func Numbered(query url.Values, total int) (page, size int) {
	number := func(names ...string) int {
		for _, name := range names {
			if n, err := strconv.Atoi(query.Get(name)); err == nil {
				return n
			}
		}
		return 0
	}
	if size = number("page_size", "per_page"); size < 1 {
		size = numberedSize
	}
	size = min(size, maxNumberedSize)
	return min(max(number("page_token", "page"), 0), (total+size-1)/size), size
}

// NumberedLinks is the header Link of such a page, for the list at the URL of a
// request, with its filters.
func NumberedLinks(at *url.URL, page, size, total int) string {
	return numberedLinks(at, page, size, total, []string{"page", "page_token"}, []string{"per_page", "page_size"})
}

// PerPageLinks is NumberedLinks for a list where page_token means something else.
func PerPageLinks(at *url.URL, page, size, total int) string {
	return numberedLinks(at, page, size, total, []string{"page"}, []string{"per_page"})
}

func numberedLinks(at *url.URL, page, size, total int, pages, sizes []string) string {
	last := max(total-1, 0) / size
	link := func(page int, rel string) string {
		q := at.Query()
		for _, name := range pages {
			q.Set(name, strconv.Itoa(page))
		}
		for _, name := range sizes {
			q.Set(name, strconv.Itoa(size))
		}
		return "<" + at.Path + "?" + q.Encode() + `>; rel="` + rel + `"`
	}
	out := []string{link(0, "first")}
	if page < last {
		out = append(out, link(page+1, "next"))
	}
	if page > 0 {
		out = append(out, link(min(page-1, last), "prev"))
	}
	return strings.Join(append(out, link(last, "last")), ",")
}
