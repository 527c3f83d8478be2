package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// The loop guard. A browser that drops cookies would be sent between API and
// UI for ever: every flow it gets belongs to a cookie it does not bring back.
// So each new attempt is counted in a cookie, and starts with a visit to the
// UI itself: without the cookie there, or at the fourth attempt, we explain.
const (
	triesCookie = "foyer_ui_tries"
	maxTries    = 3
)

func tries(r *http.Request) int {
	cookie, err := r.Cookie(triesCookie)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(cookie.Value)
	return n
}

func setTries(w http.ResponseWriter, n, age int) {
	http.SetCookie(w, &http.Cookie{Name: triesCookie, Value: strconv.Itoa(n), Path: "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func forgetTries(w http.ResponseWriter, r *http.Request) {
	if tries(r) > 0 {
		setTries(w, 0, -1)
	}
}

func (s *server) again(w http.ResponseWriter, r *http.Request, kind string, query url.Values) {
	n := tries(r) + 1
	if n > maxTries {
		forgetTries(w, r)
		s.cookieTrouble(w, r)
		return
	}
	setTries(w, n, 60)
	query.Set("again", "1")
	s.redirect(w, r, "/"+kind, query)
}

func (s *server) cookieTrouble(w http.ResponseWriter, r *http.Request) {
	t := trouble{Title: "Your browser is not keeping our cookies", Code: http.StatusForbidden, Retry: r.URL.Path,
		Text: "To protect you, a form only works in the browser that opened it, and the browser proves that with a cookie. Yours did not send it back. " +
			"Please allow cookies for this site and try again; a private window or a strict blocker may be in the way."}
	if u, err := url.Parse(s.Public); err == nil {
		here := (&url.URL{Host: r.Host}).Hostname()
		if here != u.Hostname() {
			t.Hint = fmt.Sprintf("This page was opened as %q while accounts live at %q. Cookies do not travel between the two, even on one machine: open it by the second name.", here, u.Hostname())
		}
	}
	s.problem(w, r, t)
}
