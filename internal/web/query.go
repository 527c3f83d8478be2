package web

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/foyer-id/foyer/internal/fail"
)

// OnlyQuery refuses every query parameter but those named.
func OnlyQuery(query url.Values, names ...string) error {
	var unknown []string
	for name := range query {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return fail.New(fail.BadRequest, "parameter_unknown", "The query parameter "+strconv.Quote(Clip(slices.Min(unknown)))+" is not known here.")
}
