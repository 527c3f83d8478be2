package schema

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	defaultPageSize = 250
	maxPageSize     = 1000
)

// Handler serves the identity schemas. Everybody may read them.
type Handler struct{ Set *Set }

// Mount adds prefix+"/schemas" and the address of each schema below it.
func (h *Handler) Mount(r *web.Router, prefix string) {
	r.Handle(http.MethodGet, prefix+"/schemas", h.list)
	r.Handle(http.MethodGet, prefix+"/schemas/:id", h.get)
}

// list answers one page of all schemas as [{id, schema}]. The page is asked for
// by page and per_page (from zero) or page_token and page_size; what is no
// sensible number is clamped, never refused.
func (h *Handler) list(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	type item struct {
		ID     string          `json:"id"`
		Schema json.RawMessage `json:"schema"`
	}
	all := h.Set.All()
	page, size := paging(r.URL.Query(), len(all))
	items := []item{}
	for _, s := range all[min(page*size, len(all)):min((page+1)*size, len(all))] {
		items = append(items, item{s.ID, s.Raw})
	}
	w.Header().Set("Link", links(r.URL.Path, page, size, len(all)))
	w.Header().Set("X-Total-Count", strconv.Itoa(len(all)))
	web.JSON(w, http.StatusOK, items)
	return nil
}

// get answers the schema with that id, plain or in base64url, as it was loaded.
func (h *Handler) get(w http.ResponseWriter, _ *http.Request, p web.Params) error {
	id := p.ByName("id")
	s := h.Set.Get(id)
	if s == nil {
		if plain, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(id, "=")); err == nil {
			s = h.Set.Get(string(plain))
		}
	}
	if s == nil {
		return fail.New(fail.NotFound, "schema_not_found", "There is no identity schema with this id.")
	}
	web.JSONBytes(w, http.StatusOK, s.Raw)
	return nil
}

// paging returns the page, counted from zero, and its size, both clamped.
func paging(q url.Values, total int) (page, size int) {
	number := func(names ...string) int {
		for _, name := range names {
			if n, err := strconv.Atoi(q.Get(name)); err == nil {
				return n
			}
		}
		return 0
	}
	if size = number("page_size", "per_page"); size < 1 {
		size = defaultPageSize
	}
	size = min(size, maxPageSize)
	return min(max(number("page_token", "page"), 0), total/size), size
}

func links(path string, page, size, total int) string {
	last := max(total-1, 0) / size
	link := func(page int, rel string) string {
		u := url.URL{Path: path, RawQuery: fmt.Sprintf("page=%d&page_size=%d&page_token=%d&per_page=%d", page, size, page, size)}
		return "<" + u.String() + `>; rel="` + rel + `"`
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
