package opsim

import (
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// codeLife is how long a code can be exchanged.
const codeLife = time.Minute

// grant is what a code stands for.
type grant struct {
	client, redirect, nonce, challenge string
	who                                Person
	until                              time.Time
	spent                              bool
}

// newCode keeps a grant; the caller holds the lock.
func (p *Provider) newCode(g grant) string {
	code := rand.Text()
	p.grants[code] = &g
	return code
}

// serveAuthorize approves in the name of the person that was set last.
func (p *Provider) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	v := r.Form
	_, err := p.secret(v.Get("client_id"))
	to, notURL := url.Parse(v.Get("redirect_uri"))
	if err != nil || notURL != nil || !to.IsAbs() {
		p.mu.Lock()
		p.fault(UnknownClient)
		p.mu.Unlock()
		http.Error(w, "client_id or redirect_uri is wrong", http.StatusBadRequest) // never a redirect
		return
	}
	answer := p.approve(v)
	if l := p.told(); l.Redirect != nil {
		l.Redirect(p, answer)
	}
	if v.Get("response_mode") == "form_post" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = formPost.Execute(w, map[string]any{"To": to.String(), "Values": answer})
		return
	}
	q := to.Query()
	for name, values := range answer {
		q[name] = values
	}
	to.RawQuery = q.Encode()
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusFound)
}

// approve returns the parameters of an honest answer.
func (p *Provider) approve(v url.Values) url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v.Get("code_challenge") == "" || v.Get("code_challenge_method") != "S256" {
		p.fault(NoChallenge)
	}
	if v.Get("nonce") == "" {
		p.fault(NoNonce)
	}
	if v.Get("state") == "" {
		p.fault(NoState)
	}
	answer := url.Values{"state": {v.Get("state")}, "iss": {p.Issuer()}}
	if v.Get("response_type") != "code" || !strings.Contains(" "+v.Get("scope")+" ", " openid ") {
		answer.Set("error", "invalid_request")
		return answer
	}
	answer.Set("code", p.newCode(grant{
		client: v.Get("client_id"), redirect: v.Get("redirect_uri"), nonce: v.Get("nonce"),
		challenge: v.Get("code_challenge"), who: p.person, until: p.config.Now().Add(codeLife),
	}))
	return answer
}

var formPost = template.Must(template.New("form_post").Parse(`<!DOCTYPE html><html><body onload="document.forms[0].submit()">
<form method="post" action="{{.To}}">{{range $name, $values := .Values}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}</form>
</body></html>
`))

// Arrival is what a browser brings back from the provider.
type Arrival struct {
	To     *url.URL   // the redirect_uri, with the parameters unless Post is set
	Values url.Values // the parameters
	Post   bool       // they are to be posted to To as a form
}

// Approve goes to an authorization URL of this provider as a browser does, and
// comes back with where that browser is sent. It is an error to be sent nowhere.
func (p *Provider) Approve(to string) (*Arrival, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequest(http.MethodGet, to, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if location, err := res.Location(); err == nil {
		return &Arrival{To: location, Values: location.Query()}, nil
	}
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return nil, fmt.Errorf("the authorization endpoint answered %d %s", res.StatusCode, body)
	}
	return readForm(res.Body)
}

// readForm reads the page that formPost writes.
func readForm(page io.Reader) (*Arrival, error) {
	root, err := html.Parse(page)
	if err != nil {
		return nil, err
	}
	a := &Arrival{Values: url.Values{}, Post: true}
	for n := range root.Descendants() {
		attributes := map[string]string{}
		for _, one := range n.Attr {
			attributes[one.Key] = one.Val
		}
		switch {
		case n.Type == html.ElementNode && n.Data == "form":
			a.To, err = url.Parse(attributes["action"])
		case n.Type == html.ElementNode && n.Data == "input":
			a.Values.Add(attributes["name"], attributes["value"])
		}
	}
	if a.To == nil || err != nil {
		return nil, errors.New("the authorization endpoint sends nobody back")
	}
	return a, nil
}
