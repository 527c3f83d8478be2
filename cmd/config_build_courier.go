package cmd

import (
	"cmp"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/foyer-id/foyer/courier/template"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
)

// buildCourier needs c's DSN, brand and public URL, from which some defaults come.
func buildCourier(s settings, c *Config) Courier {
	const at = "courier."
	out := Courier{
		Strategy: s.str(at + "delivery_strategy"),
		SMTP:     buildSMTP(s),
		HTTP:     buildRequest(s, at+"http.request_config"),
		Retries:  s.num(at + "message_retries"), PullCount: s.num(at + "worker.pull_count"), PullWait: s.dur(at + "worker.pull_wait"),
		Lease: s.dur(at + "lease"), Timeout: s.dur(at + "timeout"), Retention: s.dur(at + "retention"),
		Budget: Budget{
			Per10Minutes: s.num(at + "budget.per_10_minutes"), PerDay: s.num(at + "budget.per_day"),
			PerMinuteTotal: s.num(at + "budget.per_minute_total"),
		},
		TemplateFolder: s.str(at + "template_override_path"),
		Templates:      buildTemplates(s),
	}
	for _, one := range s.list(at + "channels") {
		ch := Channel{ID: one.str("id"), Type: one.str("type"), Request: buildRequest(one, "request_config")}
		if ch.ID != "email" {
			out.Channels = append(out.Channels, ch)
			continue
		}
		if out.Strategy = ch.Type; ch.Type == "http" {
			out.HTTP = ch.Request
		}
	}
	out.SMTP.FromAddress = cmp.Or(out.SMTP.FromAddress, "no-reply@"+mailDomain(c.Serve.Public.BaseURL))
	out.SMTP.FromName = cmp.Or(out.SMTP.FromName, c.Brand.Name)
	out.Inbox = c.Dev && !out.canMail()
	if watch, given := s.at("watch-courier").(bool); given {
		out.Watch = watch
	} else {
		_, local, err := persistence.DatabaseFile(c.DSN)
		out.Watch = local && err == nil
	}
	return out
}

// canMail reports whether there is a way for mail to leave.
func (c Courier) canMail() bool {
	if c.Strategy == "http" {
		return c.HTTP.URL != ""
	}
	return c.SMTP.ConnectionURI != ""
}

// mailDomain is the host of base, unless it is an address.
func mailDomain(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" {
		return "localhost"
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return "localhost"
	}
	return u.Hostname()
}

func buildSMTP(s settings) SMTP {
	const at = "courier.smtp."
	return SMTP{
		ConnectionURI: strings.TrimSpace(s.str(at + "connection_uri")),
		FromAddress:   s.str(at + "from_address"), FromName: s.str(at + "from_name"), Headers: s.words(at + "headers"),
		ClientCertPath: s.str(at + "client_cert_path"), ClientKeyPath: s.str(at + "client_key_path"), LocalName: s.str(at + "local_name"),
	}
}

func buildRequest(s settings, at string) Request {
	c := buildCall(s, at)
	return Request{URL: c.URL, Method: c.Method, Headers: c.Headers, BodyURL: s.str(at + ".body"), Auth: Auth(c.Auth)}
}

// buildCall reads what all outgoing requests have in common; at is "" where s is
// the request itself.
func buildCall(s settings, at string) web.Call {
	if at != "" {
		at += "."
	}
	c := web.Call{URL: s.str(at + "url"), Method: s.str(at + "method"), Headers: s.words(at + "headers"), Auth: web.Auth{Type: s.str(at + "auth.type")}}
	at += "auth.config."
	switch a := &c.Auth; a.Type {
	case "api_key":
		a.Name, a.Value, a.In = s.str(at+"name"), s.str(at+"value"), cmp.Or(s.str(at+"in"), "header")
	case "basic_auth":
		a.User, a.Password = s.str(at+"user"), s.str(at+"password")
	case "bearer":
		a.Token = s.str(at + "token")
	}
	return c
}

// The templates in effect and the parts of each that can be replaced, by their
// keys.
var (
	templateNames = []string{"login_code", "recovery", "recovery_code", "registration_code", "verification", "verification_code"}
	templateParts = map[string]template.Part{
		"email.subject": template.Subject, "email.body.html": template.HTML,
		"email.body.plaintext": template.Text, "sms.body.plaintext": template.SMS,
	}
)

func buildTemplates(s settings) (list []TemplateSource) {
	for _, name := range templateNames {
		for _, valid := range []bool{true, false} {
			for _, part := range slices.Sorted(maps.Keys(templateParts)) {
				t := TemplateSource{Name: name, Valid: valid, Part: part}
				if t.URL = s.str(t.key()); t.URL != "" {
					list = append(list, t)
				}
			}
		}
	}
	return list
}

// key is the configuration's.
func (t TemplateSource) key() string {
	return "courier.templates." + t.Name + "." + audience(t.Valid) + "." + t.Part
}

// audience is what templates for known and for unknown addresses are called.
func audience(valid bool) string {
	if valid {
		return "valid"
	}
	return "invalid"
}

func buildBrand(s settings) Brand {
	const at = "brand."
	return Brand{
		Name: s.str(at + "name"), LogoURL: s.str(at + "logo_url"), Color: s.str(at + "color"),
		BackgroundColor: s.str(at + "background_color"), TextColor: s.str(at + "text_color"), Footer: s.str(at + "footer"),
		SupportURL: s.str(at + "support_url"), SignInURL: s.str(at + "sign_in_url"),
	}
}
