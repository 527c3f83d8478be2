package selfservice

import "net/url"

// flowURL is where a flow is read.
func (h *HTTP) flowURL(f *Flow) string {
	return h.Engine.PublicURL + "/self-service/" + string(f.Kind) + "/flows?id=" + f.ID.String()
}

// openURL is where a flow of a kind is opened.
func (h *HTTP) openURL(k Kind, native bool, q url.Values) string {
	u := h.Engine.PublicURL + "/self-service/" + string(k) + "/browser"
	if native {
		u = h.Engine.PublicURL + "/self-service/" + string(k) + "/api"
	}
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	return u
}

// refreshURL is where a person proves again to be who they are, to go on with f.
func (h *HTTP) refreshURL(f *Flow, native bool) string {
	return h.openURL(Login, native, url.Values{"refresh": {"true"}, "return_to": {h.Engine.submitURL(f)}})
}

func (e *Engine) submitURL(f *Flow) string {
	return e.PublicURL + "/self-service/" + string(f.Kind) + "?flow=" + f.ID.String()
}

func (h *HTTP) pageURL(f *Flow) string {
	page := withQuery(h.Engine.Rules[f.Kind].UIURL, "flow", f.ID.String())
	if f.Links() {
		page = withQuery(page, "no_org_ui", "true") // by the protocol: the page offers no sign-in by organization
	}
	return page
}
