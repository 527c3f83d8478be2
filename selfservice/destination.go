package selfservice

import "net/url"

// destination is where a browser goes when the step is done: where it asked to
// go, else what is configured for the method, the flow, or all flows. The
// opaque state it came with goes along.
func (e *Engine) destination(s *Step) string {
	rules := e.Rules[s.Flow.Kind]
	to := s.Flow.ReturnTo
	for _, fallback := range []string{rules.MethodReturnTo[s.Strategy], rules.ReturnTo, e.Return.Default()} {
		if to == "" {
			to = fallback
		}
	}
	if s.Flow.notes.State == "" {
		return to
	}
	u, err := url.Parse(to)
	if err != nil {
		return to
	}
	q := u.Query()
	q.Set("state", s.Flow.notes.State)
	u.RawQuery = q.Encode()
	return u.String()
}
