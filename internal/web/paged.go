package web

import "net/http"

// Paged cuts found down to one page and writes the header Link. The list was
// read one entry longer than size, which tells whether there is a next page;
// token names the place after an entry.
func Paged[T any](w http.ResponseWriter, r *http.Request, found []T, size int, token func(last T) (string, error)) ([]T, error) {
	link := PageLink(r.URL, size, "", "first")
	if len(found) > size {
		found = found[:size]
		next, err := token(found[size-1])
		if err != nil {
			return nil, err
		}
		link += "," + PageLink(r.URL, size, next, "next")
	}
	w.Header().Set("Link", link)
	return found, nil
}
