package main

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Ending sessions is all this program changes. It takes a post from its own
// pages, and asks the API in the visitor's name.

var (
	ownPages  http.CrossOriginProtection
	sessionID = regexp.MustCompile(`^[0-9a-fA-F-]{36}$`)
)

// fromOwnPage reports whether a page of this very origin sent r. Browsers say
// so in one of two headers; who says nothing is not believed.
func fromOwnPage(r *http.Request) bool {
	told := r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != ""
	return told && ownPages.Check(r) == nil
}

// endSessions ends the session that the form names by id, or all but the
// visitor's own.
func (s *server) endSessions(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	id, all := r.PostFormValue("id"), r.PostFormValue("all") != ""
	target := "/sessions"
	switch {
	case !fromOwnPage(r):
		s.problem(w, r, explain(&failure{apiError: apiError{ID: "security_csrf_violation", Code: http.StatusForbidden,
			Reason: "The form was not sent by a page of this site."}}))
		return
	case !all && !sessionID.MatchString(id):
		s.problem(w, r, explain(&failure{apiError: apiError{Code: http.StatusBadRequest, Reason: "The form names no session."}}))
		return
	case !all:
		target += "/" + url.PathEscape(id)
	}
	fail := s.api.send(w, r, http.MethodDelete, target, nil, nil)
	switch {
	case fail == nil:
		s.redirect(w, r, "/#others", nil)
	case fail.Cause != nil:
		s.unreachable(w, r, fail)
	case fail.Code == http.StatusUnauthorized:
		s.redirect(w, r, "/", nil)
	default:
		s.problem(w, r, explain(fail))
	}
}

// device is what a session was begun on; the API may know neither.
type device struct {
	IP        string `json:"ip_address"`
	UserAgent string `json:"user_agent"`
}

// What browsers call themselves, the more special names first: nearly all of
// them claim to be Safari, and phones to be Linux or a Mac.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systems = [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
)

// String names the device as people do, or by what it calls itself.
func (d device) String() string {
	known := func(names [][2]string) string {
		for _, n := range names {
			if strings.Contains(d.UserAgent, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	if browser, system := known(browsers), known(systems); browser != "" && system != "" {
		return browser + " on " + system
	}
	return cmp.Or(cut(d.UserAgent, 60), "Unknown device")
}

// cut keeps at most n letters.
func cut(s string, n int) string {
	if letters := []rune(s); len(letters) > n {
		return string(letters[:n]) + "…"
	}
	return s
}
