package opsim

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// redirectLies are about what the browser brings back.
var redirectLies = []Lie{
	redirect("back_denied", "the person has said no", func(_ *Provider, v url.Values) { refuse(v, "access_denied") }),
	redirect("back_server_error", "the provider has failed", func(_ *Provider, v url.Values) { refuse(v, "server_error") }),
	redirect("back_login_required", "the person was not to be asked", func(_ *Provider, v url.Values) { refuse(v, "login_required") }),
	redirect("back_error_markup", "the error's description is markup", func(_ *Provider, v url.Values) {
		refuse(v, "access_denied")
		v.Set("error_description", `<script>alert(1)</script>`)
	}),
	redirect("back_error_and_code", "a code, and an error as well", func(_ *Provider, v url.Values) { v.Set("error", "access_denied") }),
	redirect("back_iss_other", "iss of another provider", func(_ *Provider, v url.Values) { v.Set("iss", "https://other.example.org") }),
	redirect("back_iss_slash", "iss with a slash at its end", func(_ *Provider, v url.Values) { v.Set("iss", v.Get("iss")+"/") }),
	redirect("back_iss_empty", "iss is empty", func(_ *Provider, v url.Values) { v.Set("iss", "") }),
	redirect("back_iss_missing", "no iss, although it is promised", func(_ *Provider, v url.Values) { v.Del("iss") }),
	redirect("back_iss_twice", "iss of another provider, and the right one", func(_ *Provider, v url.Values) { v["iss"] = []string{v.Get("iss"), "https://other.example.org"} }),
	redirect("back_state_missing", "no state", func(_ *Provider, v url.Values) { v.Del("state") }),
	redirect("back_state_empty", "state is empty", func(_ *Provider, v url.Values) { v.Set("state", "") }),
	redirect("back_state_other", "state of nobody", func(_ *Provider, v url.Values) { v.Set("state", "a state that nobody gave") }),
	redirect("back_state_flipped", "state with another last letter", func(_ *Provider, v url.Values) { v.Set("state", flipped(v.Get("state"))) }),
	redirect("back_state_cut", "state without its last letter", func(_ *Provider, v url.Values) { s := v.Get("state"); v.Set("state", s[:len(s)-1]) }),
	redirect("back_code_missing", "no code", func(_ *Provider, v url.Values) { v.Del("code") }),
	redirect("back_code_empty", "code is empty", func(_ *Provider, v url.Values) { v.Set("code", "") }),
	redirect("back_code_rubbish", "a code that nobody gave", func(_ *Provider, v url.Values) { v.Set("code", "rubbish") }),
	redirect("back_code_spent", "a code that was exchanged before", func(p *Provider, v url.Values) { p.granted(v, func(g *grant) { g.spent = true }) }),
	redirect("back_code_expired", "a code that is too old", func(p *Provider, v url.Values) { p.granted(v, func(g *grant) { g.until = p.config.Now() }) }),
	redirect("back_code_swapped", "the code of another person's login", swapped),
	redirect("back_code_swapped_plain", "the code of another person's login without PKCE", func(p *Provider, v url.Values) {
		swapped(p, v)
		p.granted(v, func(g *grant) { g.challenge = "" })
	}),
}

func redirect(name, what string, change func(*Provider, url.Values)) Lie {
	return Lie{Name: name, What: what, Ways: Code, Outcome: Refused, Redirect: change}
}

func refuse(v url.Values, why string) {
	v.Del("code")
	v.Set("error", why)
}

func flipped(s string) string {
	last := "A"
	if strings.HasSuffix(s, last) {
		last = "B"
	}
	return s[:max(len(s)-1, 0)] + last
}

// granted changes what the code stands for that is on its way to the browser.
func (p *Provider) granted(v url.Values, change func(*grant)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.grants[v.Get("code")]; g != nil {
		change(g)
	}
}

func swapped(p *Provider, v url.Values) {
	p.granted(v, func(g *grant) {
		theirs := *g
		theirs.nonce, theirs.challenge, theirs.who = "the nonce of another login", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", Eve
		v.Set("code", p.newCode(theirs))
	})
}

// answerLies are whole answers of an endpoint, of the sort that comes from a broken
// server or from what stands before it.
var answerLies = broken(
	place{Discovery, "discovery", Both, false},
	place{JWKS, "jwks", Both, false},
	place{Token, "token", Code, false},
	place{UserInfo, "userinfo", Code, true},
)

type place struct {
	at     Endpoint
	name   string
	ways   Way
	claims bool
}

func broken(places ...place) (all []Lie) {
	for _, p := range places {
		for _, a := range []struct {
			name, what string
			answer     Answer
		}{
			{"500", "500", say(500, "application/json", `{"error":"server_error"}`)},
			{"503", "503", say(503, "text/html", page)},
			{"404", "404", say(404, "text/html", page)},
			{"html", "200 and a page", say(200, "text/html", page)},
			{"html_as_json", "200 and a page that is called JSON", say(200, "application/json", page)},
			{"empty", "200 and nothing", say(200, "application/json", "")},
			{"half", "200 and half of an object", say(200, "application/json", `{"issuer":"http://`)},
			{"list", "200 and a list", say(200, "application/json", `[]`)},
			{"null", "200 and null", say(200, "application/json", `null`)},
			{"redirect", "302 to elsewhere", moved(http.StatusFound)},
			{"redirect_307", "307 to elsewhere", moved(http.StatusTemporaryRedirect)},
			{"closed", "the connection is closed", func(*Provider, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
			{"slow", "no answer", hang},
			{"endless", "JSON that never ends", endless},
		} {
			all = append(all, Lie{Name: p.name + "_" + a.name, What: string(p.at) + " answers " + a.what, Ways: p.ways, Outcome: Down, Claims: p.claims, At: p.at, Answer: a.answer})
		}
	}
	return all
}

const page = "<!DOCTYPE html><html><body><h1>Oops</h1></body></html>"

func say(status int, contentType, body string) Answer {
	return func(_ *Provider, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func moved(status int) Answer {
	return func(p *Provider, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", p.URL(Nowhere))
		w.WriteHeader(status)
	}
}

func hang(p *Provider, _ http.ResponseWriter, r *http.Request) {
	select {
	case <-p.closed:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}

func endless(p *Provider, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, err := io.WriteString(w, `{"x":"`)
	for chunk := strings.Repeat("a", 32<<10); err == nil && r.Context().Err() == nil; {
		select {
		case <-p.closed:
			return
		default:
			_, err = io.WriteString(w, chunk)
		}
	}
}
