package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// flow shows one flow, or sends the browser to the API to open one.
func (s *server) flow(w http.ResponseWriter, r *http.Request, kind string) {
	query := r.URL.Query()
	if query.Has("again") && tries(r) == 0 {
		s.cookieTrouble(w, r)
		return
	}
	id := query.Get("flow")
	if id == "" {
		s.open(w, r, kind, query)
		return
	}
	var f flow
	fail := s.api.get(w, r, "/self-service/"+kind+"/flows", url.Values{"id": {id}}, &f)
	if fail != nil {
		s.recover(w, r, kind, fail)
		return
	}
	forgetTries(w, r)
	if f.UI.Method != http.MethodGet && origin(f.UI.Action) != origin(s.Public) {
		s.problem(w, r, trouble{Code: http.StatusBadGateway, Title: "This page is not set up correctly",
			Text: fmt.Sprintf("The API wants forms sent to %q, but this UI was told that browsers reach the API at %q. "+
				"The API's public base URL and this UI's -public must name the same host.", f.UI.Action, s.Public)})
		return
	}
	s.render(w, r, http.StatusOK, "flow.html", s.flowPage(kind, f, reads(r)))
}

// flowBody is what templates/flow.html draws.
type flowBody struct {
	Action, Method, ReturnTo string
	Onward                   string // where to go when nothing is asked any more
	Forms                    []form
	Errors, Notices          []message
	Wrong                    []element
	Scripts                  []element
	Language                 string // of what the API says
	Wait                     string // where to ask whether the flow has moved on
	Live                     bool   // the page moves or counts by itself
	Known                    bool   // who is here is signed in, and proves it once more
	Second                   bool   // by a second factor
	As                       string // who signs in, where that is settled
	sent
	ways
}

// known tells a flow of somebody who is signed in already.
func (f flow) known() bool { return f.Refresh || f.second() }

func (f flow) second() bool { return f.Level == "aal2" }

// Door is the page of another kind of flow, from where the way leads on to where
// this one would have.
func (b flowBody) Door(kind string) string {
	if b.ReturnTo == "" {
		return "/" + kind
	}
	return "/" + kind + "?" + url.Values{"return_to": {b.ReturnTo}}.Encode()
}

func (s *server) flowPage(kind string, f flow, language string) page {
	all := elements(f.UI.Nodes, origin(s.Public))
	errored := func(m message) bool { return m.Type == "error" }
	body := flowBody{Action: f.UI.Action, Method: strings.ToLower(cmp.Or(f.UI.Method, "POST")), ReturnTo: f.ReturnTo,
		Language: language, Wait: s.waits(kind, f), Known: f.known(), Second: f.second(), sent: s.sent(kind, f, all), ways: s.ways(f)}
	if kind == "login" && !body.Waiting {
		body.As = addressee(all)
	}
	for _, m := range f.UI.Messages {
		if errored(m) {
			body.Errors = append(body.Errors, m)
		} else {
			body.Notices = append(body.Notices, m)
		}
	}
	body.Live = body.Wait != ""
	for _, e := range all {
		if e.Invalid() {
			body.Wrong = append(body.Wrong, e)
		}
		if e.Draw == "script" {
			body.Scripts = append(body.Scripts, e)
		}
		body.Live = body.Live || e.Seconds > 0
	}
	p := page{Kind: kind, Title: body.heading(kind), formTargets: []string{origin(f.ReturnTo), s.leaving(all)}, returnTo: f.ReturnTo,
		scripts: len(body.Scripts) > 0, live: body.Live, Problem: len(body.Errors)+len(body.Wrong) > 0}
	all = slices.DeleteFunc(all, func(e element) bool { return e.Draw == "script" })
	body.begin(all)
	body.Forms = arrange(backLast(all))
	if kind == "login" || kind == "registration" {
		body.offers(body.Forms)
	}
	if f.recovered() {
		slices.SortStableFunc(body.Forms, passwordFirst)
	}
	leads := slices.ContainsFunc(all, func(e element) bool { return e.Draw == "button" || e.Draw == "link" })
	switch {
	case body.Method == "get":
		p.formTargets = append(p.formTargets, origin(f.UI.Action))
		if !leads {
			body.Onward = f.UI.Action
		}
	case f.State == "passed_challenge" && !leads:
		// Somebody came back to a form that has done its work: no mistake of theirs.
		p.Title, p.Problem = "This is done already", len(body.Wrong) > 0
		body.Notices, body.Errors, body.Forms = append(body.Errors, body.Notices...), nil, nil
		body.Onward = cmp.Or(f.ReturnTo, "/")
	}
	p.Body = body
	return p
}

// open sends the browser to the API, which opens a flow and sends it back.
func (s *server) open(w http.ResponseWriter, r *http.Request, kind string, query url.Values) {
	s.redirect(w, r, s.opens(kind, query), nil)
}

// opens is where the API opens a flow. All of the query goes along, except what
// is empty or ours.
func (s *server) opens(kind string, query url.Values) string {
	target := s.Public + "/self-service/" + kind + "/browser"
	for name, values := range query {
		query[name] = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		if len(query[name]) == 0 || name == "again" || name == "flow" {
			delete(query, name)
		}
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return target
}

// recover answers a flow the API would not show.
func (s *server) recover(w http.ResponseWriter, r *http.Request, kind string, fail *failure) {
	query := r.URL.Query()
	switch {
	case fail.Cause != nil:
		s.unreachable(w, r, fail)
	case fail.Redirect != "":
		s.redirect(w, r, fail.Redirect, nil)
	case fail.Code == http.StatusUnauthorized && kind != "login":
		s.again(w, r, "login", url.Values{"return_to": {s.opens(kind, query)}})
	case fail.Code == http.StatusGone && fail.NextFlow != "":
		s.again(w, r, kind, url.Values{"flow": {fail.NextFlow}})
	case fail.Code == http.StatusForbidden, fail.Code == http.StatusNotFound, fail.Code == http.StatusGone:
		query.Del("flow")
		if target := fail.returnTo(); target != "" {
			query.Set("return_to", target)
		}
		s.again(w, r, kind, query)
	default:
		s.problem(w, r, explain(fail))
	}
}
