package web

import (
	"net/http"
	"strconv"
	"strings"
)

// WantsJSON reports whether the client would rather read JSON than HTML, by
// its Accept header alone. Without the header, with "*/*", and at a draw it is
// HTML.
func WantsJSON(r *http.Request) bool {
	html, json := rating{}, rating{}
	for _, line := range r.Header["Accept"] {
		for rest, more := line, true; more; {
			var item string
			item, rest, more = strings.Cut(rest, ",")
			html.weigh(item, "text/html", "text/*")
			json.weigh(item, "application/json", "application/*")
		}
	}
	return json.q > 0 && (json.q > html.q || json.q == html.q && json.exact > html.exact)
}

// IsJSON is WantsJSON for error paths, where a request that speaks JSON is
// answered in JSON as well.
func IsJSON(r *http.Request) bool {
	lines := r.Header["Content-Type"]
	return len(lines) > 0 && lines[0] == "application/json" || WantsJSON(r)
}

// rating is what the most exact range of an Accept header says about a type.
type rating struct {
	q     float64
	exact int // 3 the type, 2 its family, 1 anything, 0 not mentioned
}

func (g *rating) weigh(item, media, family string) {
	name, params, _ := strings.Cut(item, ";")
	name = strings.TrimSpace(name)
	exact := 0
	switch {
	case strings.EqualFold(name, media):
		exact = 3
	case strings.EqualFold(name, family):
		exact = 2
	case name == "*/*":
		exact = 1
	}
	if exact > g.exact {
		*g = rating{q: quality(params), exact: exact}
	}
}

// quality reads q from the parameters of a media range: 1 without one, 0 for
// one that cannot be read.
func quality(params string) float64 {
	for rest, more := params, params != ""; more; {
		var p string
		p, rest, more = strings.Cut(rest, ";")
		key, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
