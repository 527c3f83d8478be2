package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// ETag is the name of a revision in the headers ETag and If-Match.
func ETag(rev int) string { return strconv.Quote(strconv.Itoa(rev)) }

// Match holds the header If-Match of r, if there is one, against the present
// revision. A weak tag matches nothing.
func Match(r *http.Request, rev int) error {
	lines := r.Header.Values("If-Match")
	if len(lines) == 0 {
		return nil
	}
	for tag := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == ETag(rev) {
			return nil
		}
	}
	return fail.New(fail.Outdated, "precondition_failed", "It has changed since the ETag that If-Match names; read it again.")
}
