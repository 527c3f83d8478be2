package identity

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	defaultPageSize = 250
	maxPageSize     = 500
	maxIDs          = 500  // in one list
	maxNumbered     = 1000 // entries that pages by number reach
)

// list is what a list of identities was asked for.
type list struct {
	Query
	typed    string // what Identifier and Link were made of
	numbered bool   // a page by its number
	page     int
	included []CredentialType
}

func (h *HTTP) list(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	q, err := readList(r.URL.Query())
	if err != nil {
		return err
	}
	var found []*Identity
	switch {
	case q.IDs != nil:
		w.Header().Set("Link", web.PageLink(r.URL, q.Limit, "", "first"))
		found, err = h.Identities.Store.Identities(r.Context(), q.Query)
	case q.numbered:
		found, err = h.numbered(w, r, q)
	default:
		found, err = h.page(w, r, q)
	}
	if err != nil {
		return err
	}
	views := make([]View, len(found))
	for n, i := range found {
		views[n] = h.view(i, q.included)
	}
	web.JSON(w, http.StatusOK, views)
	return nil
}

// page is a page by a token.
func (h *HTTP) page(w http.ResponseWriter, r *http.Request, q list) ([]*Identity, error) {
	now := h.Identities.Now()
	at, err := web.ReadPageToken(h.Ring, q.name(), r.URL.Query().Get("page_token"), now)
	if err != nil {
		return nil, err
	}
	size := q.Limit
	q.After = at.ID
	q.Limit++ // one more tells whether there is a next page
	found, err := h.Identities.Store.Identities(r.Context(), q.Query)
	if err != nil {
		return nil, err
	}
	return web.Paged(w, r, found, size, func(last *Identity) (string, error) {
		return web.PageToken(h.Ring, q.name(), web.Place{ID: last.ID}, now)
	})
}

// name tells this list with its filter from every other.
func (q list) name() string {
	name, _ := json.Marshal([]any{q.typed, q.included})
	return "identities?" + string(name)
}

// numbered is a page by its number, of everybody, with how many there are.
func (h *HTTP) numbered(w http.ResponseWriter, r *http.Request, q list) ([]*Identity, error) {
	total, err := h.Identities.Store.CountIdentities(r.Context())
	if err != nil {
		return nil, err
	}
	w.Header().Set("Link", web.PerPageLinks(r.URL, q.page, q.Limit, total))
	w.Header().Set("X-Total-Count", strconv.Itoa(total))
	return h.Identities.Store.Identities(r.Context(), q.Query)
}

func readList(v url.Values) (q list, err error) {
	if err := web.OnlyQuery(v, "ids", "credentials_identifier", "preview_credentials_identifier_similar", "organization_id",
		"include_credential", "consistency", "page_size", "page_token", "page", "per_page"); err != nil {
		return q, err
	}
	for _, filter := range []string{"preview_credentials_identifier_similar", "organization_id"} {
		if v.Get(filter) != "" {
			return q, fail.New(fail.BadRequest, "filter_unsupported", "The list cannot be asked with "+filter+" in this version.")
		}
	}
	switch v.Get("consistency") {
	case "", "strong", "eventual": // reads are strong in any case
	default:
		return q, fail.New(fail.BadRequest, "consistency_invalid", "consistency has to be strong or eventual.")
	}
	if q.included, err = readIncluded(v["include_credential"]); err != nil {
		return q, err
	}
	if err := q.readFilter(v); err != nil {
		return q, err
	}
	// Who was looked for by name is shown with credentials, without what those hold.
	q.Credentials = len(q.included) > 0 || q.IDs != nil || q.typed != ""
	return q, q.readSize(v)
}

// readFilter reads whom the list is about.
func (q *list) readFilter(v url.Values) (err error) {
	q.typed = v.Get("credentials_identifier")
	if len(v["ids"]) > 0 && q.typed != "" {
		return fail.New(fail.BadRequest, "filters_conflict", "Ask with either ids or credentials_identifier.")
	}
	if len(v["ids"]) > maxIDs {
		return fail.New(fail.BadRequest, "ids_too_many", "The list takes 500 ids at most.")
	}
	for _, text := range v["ids"] {
		id, err := uuid.FromString(text)
		if err != nil {
			return fail.New(fail.BadRequest, "ids_invalid", strconv.Quote(web.Clip(text))+" among the ids is no UUID.")
		}
		if !slices.Contains(q.IDs, id) {
			q.IDs = append(q.IDs, id)
		}
	}
	if q.typed == "" {
		return nil
	}
	q.Link = asLinkName(q.typed)
	if q.Identifier, err = CanonicalIdentifier(q.typed); err != nil && q.Link == "" {
		q.IDs = []uuid.UUID{} // what has no canonical form belongs to nobody
	}
	return nil
}

// readSize reads how much of the list is asked for, and from where on by number.
func (q *list) readSize(v url.Values) (err error) {
	q.numbered = v.Get("page") != "" && v.Get("page_token") == ""
	if !q.numbered {
		q.Limit, err = web.PageSize(v, defaultPageSize, maxPageSize)
		return err
	}
	if q.IDs != nil || q.typed != "" {
		return fail.New(fail.BadRequest, "pagination_unsupported", "Pages with a filter are asked for with page_token and page_size, not with page.")
	}
	if q.page, err = strconv.Atoi(v.Get("page")); err != nil || q.page < 0 {
		return fail.New(fail.BadRequest, "page_invalid", "page has to be a number from 0 on.")
	}
	size := url.Values{"per_page": v["per_page"]} // a typed client sends its default of page_size besides
	if !v.Has("per_page") {
		size.Set("page_size", v.Get("page_size"))
	}
	if q.Limit, err = web.PageSize(size, defaultPageSize, maxPageSize); err != nil {
		return err
	}
	if q.page > maxNumbered || q.page*q.Limit > maxNumbered {
		return fail.New(fail.BadRequest, "page_invalid", "Pages by number reach the first 1,000 identities; go on with page_token and page_size.")
	}
	q.Offset = q.page * q.Limit
	return nil
}
