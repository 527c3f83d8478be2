package selfservice

import "strings"

// next tells a client what to do now, so that one loop takes any client
// through any journey (docs/flows.md).
type next struct {
	Do     string `json:"do"`
	Method string `json:"method,omitempty"`
	URL    string `json:"url,omitempty"`
}

// What a client is told to do.
const (
	doShowForm = "show_form" // draw the form and send it to URL
	doGoTo     = "go_to"     // get URL, which answers as this did
	doBrowse   = "browse"    // open URL in a browser, which comes back by itself
	doPoll     = "poll"      // get URL, which answers once something has happened elsewhere, or after a while
	doDone     = "done"      // nothing more; URL is where the person wanted to go, empty for an app
)

// nextOf is what to do with a flow that is shown; action is where its form goes.
func (h *HTTP) nextOf(f *Flow, action string) *next {
	switch {
	case f.Completed() && f.Native:
		return &next{Do: doDone}
	case f.Completed():
		return &next{Do: doDone, URL: h.Engine.destination(f)}
	case f.waits() && f.notes.Challenge.Code == nil:
		return &next{Do: doPoll, Method: "GET", URL: h.waitURL(f)}
	}
	return &next{Do: doShowForm, Method: "POST", URL: action}
}

// nextAfter is what to do after a step that is done.
func (h *HTTP) nextAfter(s *Step) *next {
	switch {
	case s.Settings != nil:
		return h.goTo(s.Settings)
	case s.ShowVerification:
		return h.goTo(s.Verification)
	}
	switch to := h.wanted(s); {
	case s.Flow.ReturnTo != "" && strings.HasPrefix(to, h.Engine.PublicURL+"/self-service/"):
		return goOn(to).Next // a flow that was interrupted
	case s.Flow.Native:
		return &next{Do: doDone}
	default:
		return &next{Do: doDone, URL: to}
	}
}

// goTo is showing another flow.
func (h *HTTP) goTo(f *Flow) *next {
	return &next{Do: doGoTo, Method: "GET", URL: h.flowURL(f)}
}

// goOn is what an error has beside the protocol: where the client goes on.
func goOn(to string) foyerView {
	return foyerView{Next: &next{Do: doGoTo, Method: "GET", URL: to}}
}
