package selfservice

import (
	"net/url"
	"strings"
)

// destination is where a browser goes when f is done: where it asked to go, if
// that is still allowed, else what is configured for the method, the flow, or
// all flows. The opaque state it came with goes along.
func (e *Engine) destination(f *Flow) string {
	to, err := e.Return.Check(f.ReturnTo)
	if f.ReturnTo == "" || err != nil {
		rules := e.Rules[f.Kind]
		for _, to = range []string{rules.MethodReturnTo[f.Active], rules.ReturnTo, e.Return.Default()} {
			if to != "" {
				break
			}
		}
	}
	return withState(to, f.notes.State)
}

// afterVerification is where a browser goes once it has proved an address that
// the flow f left unproved: as it asked in after_verification_return_to, else
// where f itself was to lead.
func (e *Engine) afterVerification(f *Flow) string {
	u, err := url.Parse(f.RequestURL)
	if err != nil {
		return f.ReturnTo
	}
	asked := u.Query().Get("after_verification_return_to")
	to, err := e.Return.Check(asked)
	if asked == "" || err != nil {
		return f.ReturnTo
	}
	return to
}

// withState appends the opaque state to where a browser goes, whose own bytes
// may be signed and stay as they are. A state of its own is not touched.
func withState(to, state string) string {
	u, err := url.Parse(to)
	if state == "" || err != nil || u.Query().Has("state") {
		return to
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "state=" + url.QueryEscape(state)
	return u.String()
}

// withoutQuery leaves out the query of a URL, which holds secrets where it is a
// mailed link.
func withoutQuery(raw string) string {
	before, _, _ := strings.Cut(raw, "?")
	return before
}

// withQuery sets a parameter of a URL that was checked before.
func withQuery(raw, key, value string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}
