package main

import (
	"cmp"
	"errors"
	"log"
	"net/http"
	"net/url"
	"strings"
)

// trouble is a page that says what went wrong and where to go from there.
type trouble struct {
	Title, Text, Hint string
	Reason            string // the API's own words
	ID, Request       string
	Code              int
	Retry             string // path to try again; empty for none
	RetryAfter        string // seconds
	SignIn            bool   // who signs in can go on
}

func (s *server) problem(w http.ResponseWriter, r *http.Request, t trouble) {
	if t.Code < 400 || t.Code > 599 {
		t.Code = http.StatusInternalServerError
	}
	if t.RetryAfter != "" {
		w.Header().Set("Retry-After", t.RetryAfter)
	}
	s.render(w, r, t.Code, "error.html", page{Title: t.Title, Kind: "error", Body: t})
}

// unreachable leaves the cause to whoever runs this program: its log names it
// with the page's request.
func (s *server) unreachable(w http.ResponseWriter, r *http.Request, fail *failure) {
	cause := fail.Cause
	var call *url.Error
	if errors.As(cause, &call) {
		cause = call.Err // without the query, which holds the flow's id
	}
	log.Printf("request %s: %s: %v", fail.Request, fail.URL, cause)
	s.problem(w, r, trouble{Code: http.StatusBadGateway, Title: "The account service does not answer",
		Text: "Nothing of yours is lost. Please try again in a moment.", Request: fail.Request})
}

// byID says in plain words what the API's error ids mean to a person.
var byID = map[string][2]string{
	"security_csrf_violation":               {"We could not be sure this form came from you", "To protect you we stopped. This happens when cookies are blocked, or when a form was opened in another browser. Please start again."},
	"session_already_available":             {"You are already signed in", "There is no need to do this again. To use another account, sign out first."},
	"session_inactive":                      {"Please sign in", "This needs you to be signed in, and you are not, or no longer."},
	"session_aal2_required":                 {"One more proof is needed", "Please sign in again with your second factor."},
	"session_refresh_required":              {"Please confirm that it is you", "For this change you need to have signed in a short while ago. Please sign in again."},
	"self_service_flow_expired":             {"That took a little too long", "Forms stay open for a limited time. Please start again."},
	"self_service_flow_disabled":            {"This is not offered here", "Whoever runs this site has switched it off."},
	"self_service_flow_return_to_forbidden": {"We cannot send you back there", "The link that brought you here asks to return to an address this site does not know. Nothing was changed."},
	"overloaded":                            {"Busy just now", "More people than usual are at the door. Please wait a moment and try again; what you typed was not judged yet."},
	"upstream_error":                        {"Somebody we have to ask did not answer", "Nothing was changed. Please go back and send the form again in a moment; sending it twice does no harm."},
	"upstream_timeout":                      {"Somebody we have to ask did not answer", "Nothing was changed. Please go back and send the form again in a moment; sending it twice does no harm."},
	"oidc_provider_unavailable":             {"The other site does not answer", "The site you want to sign in with cannot be reached just now. Nothing was changed. Please go back and try again in a moment, or choose another way."},
	"oidc_provider_unknown":                 {"This way in is not offered any more", "Please start again and choose another one."},
	"oidc_state_invalid":                    {"This sign-in was not begun here", "You come back from another site with a sign-in that was begun in another browser, or is over. To protect you we stopped. Please start again."},
	"security_identity_mismatch":            {"This form belongs to another account", "Please start again with the account you are signed in with."},
	"session_verified_address_required":     {"Please verify your address first", "We sent you a message with instructions."},
	"identity_disabled":                     {"This account is switched off", "Please contact whoever runs this site."},
}

var byStatus = map[int][2]string{
	http.StatusBadRequest:         {"That could not be understood", "Something about the request was not right. Please start again."},
	http.StatusForbidden:          {"That is not allowed", "The request was refused. Please start again."},
	http.StatusNotFound:           {"We could not find that", "It may have been used up, or it is not offered here."},
	http.StatusGone:               {"That is no longer available", "Please start again."},
	http.StatusServiceUnavailable: {"Busy just now", "Please wait a moment and try again."},
}

// explain puts an error of the API into words.
func explain(fail *failure) trouble {
	words, ok := byID[fail.ID]
	if !ok {
		words, ok = byStatus[fail.Code]
	}
	if !ok {
		words = [2]string{"Something went wrong", "It is not your fault. Please try again in a moment."}
	}
	if strings.HasPrefix(fail.ID, "flow_refused_by_") { // in the words of whoever refuses
		words = [2]string{"This is not possible now", fail.Reason}
	}
	return trouble{Title: words[0], Text: words[1], Reason: cmp.Or(fail.Reason, fail.Message), ID: fail.ID,
		Code: fail.Code, Request: fail.Request, RetryAfter: fail.Retry, SignIn: fail.ID == "session_inactive"}
}

// stored shows an error the API kept for this browser.
func (s *server) stored(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	id := cmp.Or(query.Get("id"), query.Get("error"))
	if id == "" {
		s.problem(w, r, trouble{Title: "Nothing to report", Text: "This page explains an error by its number, and none was given.", Code: http.StatusNotFound})
		return
	}
	var kept struct {
		Error apiError `json:"error"`
	}
	fail := s.api.get(w, r, "/self-service/errors", url.Values{"id": {id}}, &kept)
	switch {
	case fail == nil:
		s.problem(w, r, explain(&failure{apiError: kept.Error}))
	case fail.Cause != nil:
		s.unreachable(w, r, fail)
	case fail.Code == http.StatusNotFound:
		s.problem(w, r, trouble{Title: "This report is gone", Text: "Error reports are kept for a short time only. Please start again; if it happens once more, the new report will say why.", Code: http.StatusNotFound})
	default:
		s.problem(w, r, explain(fail))
	}
}
