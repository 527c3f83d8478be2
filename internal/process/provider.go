package process

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// ProvidedBy lets people come by a provider of OpenID Connect, known here as "op";
// those who sign up so are signed in. It is for Process.Config.
func ProvidedBy(issuer, client, secret string) map[string]any {
	return map[string]any{
		"selfservice.flows.registration.after.oidc.hooks": []map[string]any{{"hook": "session"}},
		"selfservice.methods.oidc.enabled":                true,
		"selfservice.methods.oidc.config.providers": []map[string]any{{
			"id": "op", "provider": "generic", "issuer_url": issuer, "client_id": client, "client_secret": secret,
			"mapping": map[string]any{"traits": map[string]any{"email": "email"}},
		}},
	}
}

// Browser is a client with cookies of its own that reads JSON.
type Browser struct {
	p    *Process
	http *http.Client
	kind string
	flow string
	csrf string
}

// Browse opens a flow of a kind in a new browser, over the connections of c.
func (p *Process) Browse(c *http.Client, kind string) (*Browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	own := *c
	own.Jar = jar
	b := &Browser{p: p, http: &own, kind: kind}
	a, err := Call(b.http, http.MethodGet, p.PublicURL+"/self-service/"+kind+"/browser", "", nil, nil)
	if err != nil {
		return nil, err
	}
	var v struct {
		UI struct {
			Nodes []struct {
				Attributes struct {
					Name  string `json:"name"`
					Value any    `json:"value"`
				} `json:"attributes"`
			} `json:"nodes"`
		} `json:"ui"`
	}
	if err := json.Unmarshal(a.Raw, &v); err != nil || a.ID == "" {
		return nil, fmt.Errorf("open a %s: %s", kind, a)
	}
	for _, n := range v.UI.Nodes {
		if n.Attributes.Name == "csrf_token" {
			b.csrf, _ = n.Attributes.Value.(string)
		}
	}
	b.flow = a.ID
	return b, nil
}

// Leave chooses the provider of ProvidedBy.
func (b *Browser) Leave() (*Answer, error) {
	return b.p.Send(b.http, b.kind, b.flow, "", Fields{"method": "oidc", "provider": "op", "csrf_token": b.csrf}, nil)
}

// Elsewhere is where an answer sends a browser.
func (a *Answer) Elsewhere() (string, error) {
	var v struct {
		To string `json:"redirect_browser_to"`
	}
	if err := json.Unmarshal(a.Raw, &v); err != nil || a.Status != http.StatusUnprocessableEntity || v.To == "" {
		return "", fmt.Errorf("nobody is sent elsewhere: %s", a)
	}
	return v.To, nil
}

// Return brings home what a provider gave along. A process does not listen where
// its configuration says, so it is asked where it does.
func (b *Browser) Return(callback *url.URL) (*Answer, error) {
	return Call(b.http, http.MethodGet, b.p.PublicURL+strings.TrimPrefix(callback.String(), callback.Scheme+"://"+callback.Host), "", nil, nil)
}
