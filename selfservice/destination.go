package selfservice

import "net/url"

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
	if f.notes.State == "" {
		return to
	}
	return withQuery(to, "state", f.notes.State)
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
