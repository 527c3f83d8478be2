package cmd

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/time/rate"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/smtp"
	"github.com/foyer-id/foyer/courier/template"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// post is all that messages need: the queue, what writes them, and what
// carries them away.
type post struct {
	courier  *courier.Courier
	renderer *template.Renderer
	senders  map[string]courier.Sender // by channel
	worker   *courier.Worker
}

func newPost(ctx context.Context, c *Config, outbound *web.Outbound, store *persistence.Store, ring *seal.Ring, o Options) (*post, error) {
	renderer, err := newRenderer(ctx, c, outbound, o)
	if err != nil {
		return nil, err
	}
	p := &post{
		courier:  &courier.Courier{Store: store, Ring: ring, Now: o.Now},
		renderer: renderer,
		senders:  map[string]courier.Sender{},
	}
	if err := p.connect(c); err != nil {
		return nil, err
	}
	channels := map[string]courier.Channel{}
	for id, sender := range p.senders {
		channels[id] = courier.Post{Renderer: renderer, Sender: sender}
	}
	p.worker = &courier.Worker{
		Courier: p.courier, Channels: channels, Retries: c.Courier.Retries,
		Lease: c.Courier.Lease, Timeout: c.Courier.Timeout,
		PullCount: c.Courier.PullCount, PullWait: c.Courier.PullWait,
		KeepBodies: c.Dev, Log: o.Log,
	}
	return p, nil
}

// reaches reports whether there is anything that carries messages by channel.
func (p *post) reaches(channel string) bool { return p.senders[channel] != nil }

// connect makes the senders that the configuration asks for.
func (p *post) connect(c *Config) error {
	if c.Courier.Inbox {
		p.senders[courier.Email], p.senders[courier.SMS] = courier.Inbox{}, courier.Inbox{}
	}
	s := c.Courier.SMTP
	if c.Courier.Strategy == "smtp" && s.ConnectionURI != "" {
		sender, err := smtp.New(smtp.Config{
			ConnectionURI: s.ConnectionURI, FromAddress: s.FromAddress, FromName: s.FromName, Headers: s.Headers,
			ClientCertPath: s.ClientCertPath, ClientKeyPath: s.ClientKeyPath, LocalName: s.LocalName,
			DisallowPrivate: c.SMTPDisallowPrivate, AllowLoopback: c.Dev,
			Timeout: c.Courier.Timeout, Connections: c.Courier.PullCount,
		})
		if err != nil {
			return err
		}
		p.senders[courier.Email] = sender
	}
	return nil
}

// maxTemplate bounds a template that is fetched, in bytes.
const maxTemplate = 256 << 10

func newRenderer(ctx context.Context, c *Config, outbound *web.Outbound, o Options) (*template.Renderer, error) {
	resources := web.Resources{Fetch: outbound.Get, AllowHTTP: c.Dev, MaxBytes: maxTemplate}
	parts := map[string]template.Part{
		"email.subject": template.Subject, "email.body.html": template.HTML,
		"email.body.plaintext": template.Text, "sms.body.plaintext": template.SMS,
	}
	conf := template.Config{Folder: c.Courier.TemplateFolder, Brand: template.Brand(c.Brand), Failed: func(err error) {
		o.Log.Error("a template could not be rendered; the shipped one was used", "error", err)
	}}
	for _, t := range c.Courier.Templates {
		validity := "invalid"
		if t.Valid {
			validity = "valid"
		}
		key := fmt.Sprintf("courier.templates.%s.%s.%s", t.Name, validity, t.Part)
		text, err := resources.Read(ctx, t.URL)
		if err == nil && len(text) > maxTemplate {
			err = fmt.Errorf("it is larger than %d bytes", maxTemplate)
		}
		if err != nil {
			return nil, fmt.Errorf("%s (%s): %w", key, web.DisplayURL(t.URL), err)
		}
		conf.Sources = append(conf.Sources, template.Source{
			Template: t.Name + "_" + validity, Part: parts[t.Part], Text: string(text), From: key,
		})
	}
	r, err := template.New(conf)
	if err != nil {
		return nil, err
	}
	for _, w := range r.Warnings() {
		o.Log.Warn("courier.template_override_path: " + w)
	}
	return r, nil
}

// matcher finds the best of the languages that forms or messages are written in.
func matcher(messages ui.Catalogue, _ *template.Renderer) (language.Matcher, error) {
	tags := []language.Tag{language.Make(ui.DefaultLocale)}
	for _, list := range [][]string{messages.Locales(), template.Locales()} {
		for _, name := range list {
			tag, err := language.Parse(name)
			if err != nil {
				return nil, fmt.Errorf("language %q: %w", name, err)
			}
			tags = append(tags, tag)
		}
	}
	return language.NewMatcher(tags), nil
}

// flood limits the messages of this server, whoever they go to; nil for no limit.
func flood(perMinute int) *rate.Limiter {
	if perMinute == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Every(time.Minute/time.Duration(perMinute)), perMinute)
}
