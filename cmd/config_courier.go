package cmd

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"
	"time"
)

// Courier is how messages reach people. It is checked and complete whether or
// not anything is configured that sends messages.
type Courier struct {
	Strategy string  // how mail leaves: "smtp" or "http"; a channel of the id email has the last word
	SMTP     SMTP    // where Strategy is smtp
	HTTP     Request // where Strategy is http
	Inbox    bool    // --dev, and no way for mail to leave: the built-in inbox takes it
	Channels []Channel

	Retries   int           // attempts after the first, before a message is given up
	PullCount int           // messages a worker takes at a time
	PullWait  time.Duration // a worker's pause when there was nothing to do
	Lease     time.Duration // how long a message belongs to the worker that took it
	Timeout   time.Duration // of one delivery; less than Lease
	Retention time.Duration // how long finished messages are kept
	Budget    Budget

	TemplateFolder string // replaces templates by files; "" for none
	Templates      []TemplateSource
	Watch          bool // messages are delivered in this process
}

// SMTP is a mail server. Printed or encoded, it hides its credentials.
type SMTP struct {
	ConnectionURI  string // smtp:// or smtps://, credentials included; "" for none
	FromAddress    string // one bare address
	FromName       string // "" for none
	Headers        map[string]string
	ClientCertPath string // PEM; both files or none
	ClientKeyPath  string
	LocalName      string // in EHLO
}

// Channel is how messages of one kind leave that Strategy says nothing of.
type Channel struct {
	ID      string // "sms"; no two are equal
	Type    string // "http"
	Request Request
}

// Request is an outgoing HTTP request. Printed or encoded, it hides its credentials.
type Request struct {
	URL     string // absolute http or https; "" for no request at all
	Method  string
	Headers map[string]string
	BodyURL string // of the Jsonnet that makes the body, not yet fetched; "" for the usual body
	Auth    Auth
}

// Auth is how a request says who sends it. Printed or encoded, it hides its
// credentials.
type Auth struct {
	Type string // "", "api_key", "basic_auth" or "bearer"

	Name, Value, In string // of an API key; In is "header" or "cookie"
	User, Password  string // of basic authentication
	Token           string // of bearer
}

// Budget bounds how many messages are sent.
type Budget struct {
	Per10Minutes, PerDay int // to one address
	PerMinuteTotal       int // to all; 0 for no bound
}

// TemplateSource replaces one part of a template.
type TemplateSource struct {
	Name  string // verification_code …, without _valid or _invalid
	Valid bool   // the template for known addresses, or the one for unknown ones
	Part  string // email.subject, email.body.html, email.body.plaintext or sms.body.plaintext
	URL   string // file://, https://, http:// or base64://; not yet fetched
}

// Brand is whose mails these are. What is empty is left to the templates.
type Brand struct {
	Name            string
	LogoURL         string
	Color           string // of buttons and links; #rrggbb, like the other colours
	BackgroundColor string
	TextColor       string
	Footer          string
	SupportURL      string
	SignInURL       string
}

// hidden stands where a credential was.
const hidden = "xxxxx"

// MarshalJSON hides the credentials.
func (m SMTP) MarshalJSON() ([]byte, error) {
	type plain SMTP
	m.ConnectionURI, m.Headers = redactURI(m.ConnectionURI), hideValues(m.Headers)
	return json.Marshal(plain(m))
}

// String is MarshalJSON's text.
func (m SMTP) String() string { return jsonText(m) }

// GoString is String, for %#v.
func (m SMTP) GoString() string { return m.String() }

// MarshalJSON hides the credentials.
func (r Request) MarshalJSON() ([]byte, error) {
	type plain Request
	r.URL, r.BodyURL, r.Headers = redactURI(r.URL), redactURI(r.BodyURL), hideValues(r.Headers)
	return json.Marshal(plain(r))
}

// String is MarshalJSON's text.
func (r Request) String() string { return jsonText(r) }

// GoString is String, for %#v.
func (r Request) GoString() string { return r.String() }

// MarshalJSON hides the credentials.
func (a Auth) MarshalJSON() ([]byte, error) {
	type plain Auth
	return json.Marshal(plain(a.hide()))
}

func (a Auth) hide() Auth {
	for _, s := range []*string{&a.Value, &a.User, &a.Password, &a.Token} {
		if *s != "" {
			*s = hidden
		}
	}
	return a
}

// String is MarshalJSON's text.
func (a Auth) String() string { return jsonText(a) }

// GoString is String, for %#v.
func (a Auth) GoString() string { return a.String() }

// MarshalJSON hides what the query of a URL holds.
func (t TemplateSource) MarshalJSON() ([]byte, error) {
	type plain TemplateSource
	t.URL = redactURI(t.URL)
	return json.Marshal(plain(t))
}

// String is MarshalJSON's text.
func (t TemplateSource) String() string { return jsonText(t) }

// GoString is String, for %#v.
func (t TemplateSource) GoString() string { return t.String() }

func jsonText(v json.Marshaler) string {
	text, err := v.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// hideValues keeps the names of headers only: any value may be a token.
func hideValues(headers map[string]string) map[string]string {
	out := maps.Clone(headers)
	for name := range out {
		out[name] = hidden
	}
	return out
}

var (
	uriUser  = regexp.MustCompile(`^([A-Za-z0-9+.-]+://)[^/?#]*@`)
	uriQuery = regexp.MustCompile(`[?&][^&#]*`)
	uriPlain = regexp.MustCompile(`=(true|false)$|^.server_name=`)
)

// redactURI hides user and password, since for many providers the user is a
// token, too, and what a query holds but for switches and names of servers.
func redactURI(uri string) string {
	if strings.HasPrefix(uri, "base64://") {
		return uri
	}
	return uriQuery.ReplaceAllStringFunc(uriUser.ReplaceAllString(uri, "${1}"+hidden+"@"), func(pair string) string {
		if uriPlain.MatchString(pair) {
			return pair
		}
		name, _, found := strings.Cut(pair, "=")
		if !found {
			return pair[:1] + hidden
		}
		return name + "=" + hidden
	})
}
