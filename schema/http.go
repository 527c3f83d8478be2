package schema

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
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
	page, size := web.Numbered(r.URL.Query(), len(all))
	items := []item{}
	for _, s := range all[min(page*size, len(all)):min((page+1)*size, len(all))] {
		items = append(items, item{s.ID, s.Raw})
	}
	w.Header().Set("Link", web.NumberedLinks(r.URL, page, size, len(all)))
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
