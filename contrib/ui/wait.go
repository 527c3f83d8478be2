package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// waitTimeout is longer than the API holds an answer back, and shorter than
// this server may take to write one.
const waitTimeout = 25 * time.Second

// waits returns where the page of f asks whether it has moved on, "" where only
// what is pressed on the page itself moves it.
func (s *server) waits(kind string, f flow) string {
	u, err := url.Parse(f.Foyer.Wait)
	if f.Foyer.Wait == "" || err != nil || origin(f.Foyer.Wait) != origin(s.Public) {
		return ""
	}
	return "/" + kind + "/wait?" + url.Values{"flow": {f.ID}, "after": {u.Query().Get("after")}}.Encode()
}

// wait answers once a flow has moved on, or when the API has held its answer
// back for long enough. The API is asked in the visitor's name: with their
// cookies, and nothing else of theirs. Of the flow no more is told than whether
// its page has to be loaded again. Where the API shows the flow no more, it has
// to; but a page whose time is over stays as it is, since a submit of it is told
// so, and nobody loses what they are typing.
func (s *server) wait(w http.ResponseWriter, r *http.Request, kind string) {
	s.headers(w, page{})
	ctx, cancel := context.WithTimeout(r.Context(), waitTimeout)
	defer cancel()
	query := r.URL.Query()
	var f flow
	_, fail := s.api.fetch(ctx, http.Header{"Cookie": r.Header["Cookie"]}, "/self-service/"+kind+"/flows",
		url.Values{"id": {query.Get("flow")}, "after": {query.Get("after")}}, &f)
	if fail != nil && (fail.Cause != nil || fail.Code == http.StatusTooManyRequests || fail.Code >= http.StatusInternalServerError) {
		if fail.Retry != "" {
			w.Header().Set("Retry-After", fail.Retry)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var out struct {
		Moved bool   `json:"moved"`
		Again string `json:"again,omitempty"` // where to wait on
	}
	if fail == nil {
		out.Again = s.waits(kind, f)
	}
	out.Moved = out.Again == "" && (fail == nil || fail.Code != http.StatusGone)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // the visitor may be gone
}
