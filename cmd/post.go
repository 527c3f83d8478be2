package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/gofrs/uuid"
	"golang.org/x/text/language"
	"golang.org/x/time/rate"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/gateway"
	"github.com/foyer-id/foyer/courier/smtp"
	"github.com/foyer-id/foyer/courier/template"
	"github.com/foyer-id/foyer/internal/jsonnet"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice/strategy/code"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// post is all that messages need: the queue, what writes them, and what
// carries them away.
type post struct {
	courier  *courier.Courier
	renderer *template.Renderer
	senders  map[string]courier.Sender // by channel
	worker   *courier.Worker
	smtp     *smtp.Sender  // nil for none
	jsonnet  *jsonnet.Pool // nil where nothing is written in Jsonnet
}

func newPost(ctx context.Context, c *Config, outbound *web.Outbound, store *persistence.Store, ring *seal.Ring, o Options) (_ *post, err error) {
	p := &post{courier: &courier.Courier{Store: store, Ring: ring, Now: o.Now, Retention: c.Courier.Retention}, senders: map[string]courier.Sender{}}
	files := web.Resources{Fetch: outbound.Get, AllowHTTP: c.Dev, MaxBytes: template.MaxSource}
	if p.renderer, err = newRenderer(ctx, c, files, o); err != nil {
		return nil, err
	}
	if len(o.Jsonnet) > 0 {
		p.jsonnet = &jsonnet.Pool{Command: o.Jsonnet}
	}
	if err := p.connect(ctx, c, files); err != nil {
		p.close()
		return nil, err
	}
	channels := map[string]courier.Channel{}
	for id, sender := range p.senders {
		channels[id] = courier.Post{Renderer: p.renderer, Sender: sender}
	}
	p.worker = &courier.Worker{
		Courier: p.courier, Channels: channels, Retries: c.Courier.Retries,
		Lease: c.Courier.Lease, Timeout: c.Courier.Timeout,
		PullCount: c.Courier.PullCount, PullWait: c.Courier.PullWait,
		KeepBodies: c.Dev, Log: o.Log,
	}
	return p, nil
}

func (p *post) close() {
	if p.smtp != nil {
		p.smtp.Close()
	}
	if p.jsonnet != nil {
		p.jsonnet.Close()
	}
}

// reaches reports whether there is anything that carries messages by channel.
func (p *post) reaches(channel string) bool { return p.senders[channel] != nil }

// connect makes the senders that the configuration asks for. In dev mode the
// inbox takes what none of them would.
func (p *post) connect(ctx context.Context, c *Config, files web.Resources) error {
	conf := c.Outbound
	conf.Timeout = c.Courier.Timeout
	outbound, err := web.NewOutbound(conf)
	if err != nil {
		return err
	}
	if c.Dev {
		p.senders[courier.Email], p.senders[courier.SMS] = courier.Inbox{}, courier.Inbox{}
	}
	switch {
	case c.Courier.Strategy == "http" && c.Courier.HTTP.URL != "":
		sender, err := p.gateway(ctx, "courier.http", courier.Email, c.Courier.HTTP, sendable(c), files, outbound)
		if err != nil {
			return err
		}
		p.senders[courier.Email] = sender
	case c.Courier.Strategy == "smtp" && c.Courier.SMTP.ConnectionURI != "":
		sender, err := smtp.New(smtpConfig(c))
		if err != nil {
			return err
		}
		p.senders[courier.Email], p.smtp = sender, sender
	}
	for _, ch := range c.Courier.Channels {
		sender, err := p.gateway(ctx, "courier.channels."+ch.ID, ch.ID, ch.Request, sendable(c), files, outbound)
		if err != nil {
			return err
		}
		p.senders[ch.ID] = sender
	}
	return nil
}

// gateway makes a sender of the request configured at key.
func (p *post) gateway(ctx context.Context, key, channel string, r Request, sendable []string, files web.Resources, outbound *web.Outbound) (courier.Sender, error) {
	conf := r.config()
	var evaluator gateway.Evaluator
	if r.BodyURL != "" {
		body, err := readJsonnet(ctx, r.BodyURL, web.DisplayURL(r.BodyURL), files, p.jsonnet)
		if err != nil {
			return nil, fmt.Errorf("%s.request_config.body (%s): %w", key, web.DisplayURL(r.BodyURL), err)
		}
		conf.Body, evaluator = body, p.jsonnet
	}
	ch, err := gateway.New(conf, outbound, evaluator)
	if err == nil && evaluator != nil {
		err = p.rehearse(ctx, ch, channel, sendable)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return ch, nil
}

// sendable lists the messages that this configuration sends.
func sendable(c *Config) (names []string) {
	flows := c.SelfService
	if v := flows.Verification; v.Enabled {
		name := "verification"
		if v.Use == code.ID {
			name = "verification_code"
		}
		if names = append(names, name+"_valid"); v.NotifyUnknown {
			names = append(names, name+"_invalid")
		}
	}
	if flows.Registration.VerifyBeforeCreate {
		names = append(names, "registration_code_valid")
	}
	if c.Security.MitigateEnumeration {
		names = append(names, "registration_code_invalid")
	}
	return names
}

// rehearse makes the body of every message that is sent by the channel, with
// sample data.
func (p *post) rehearse(ctx context.Context, ch *gateway.Channel, channel string, names []string) error {
	recipient := map[string]string{courier.Email: "someone@example.org", courier.SMS: "+15550100"}[channel]
	for _, name := range names {
		m := &courier.Message{ID: uuid.Must(uuid.NewV4()), Channel: channel, Template: name, Recipient: recipient}
		l, err := p.renderer.Render(m, template.Sample(name))
		if err != nil {
			continue // there is none for this channel
		}
		if err := ch.Rehearse(ctx, l); err != nil {
			return fmt.Errorf("%w (of the message %s)", err, name)
		}
	}
	return nil
}

// config is r without its body, which is yet to be fetched.
func (r Request) config() gateway.Config {
	return gateway.Config{Call: web.Call{URL: r.URL, Method: r.Method, Headers: r.Headers, Auth: web.Auth(r.Auth)}}
}

func smtpConfig(c *Config) smtp.Config {
	s := c.Courier.SMTP
	return smtp.Config{
		ConnectionURI: s.ConnectionURI, FromAddress: s.FromAddress, FromName: s.FromName, Headers: s.Headers,
		ClientCertPath: s.ClientCertPath, ClientKeyPath: s.ClientKeyPath, LocalName: s.LocalName,
		DisallowPrivate: c.SMTPDisallowPrivate, AllowLoopback: c.Dev,
		Timeout: c.Courier.Timeout, Connections: c.Courier.PullCount,
	}
}

func newRenderer(ctx context.Context, c *Config, files web.Resources, o Options) (*template.Renderer, error) {
	conf := template.Config{Folder: c.Courier.TemplateFolder, Brand: template.Brand(c.Brand), Failed: func(err error) {
		o.Log.Error("a template could not be rendered; the shipped one was used", "error", err)
	}}
	for _, t := range c.Courier.Templates {
		key := t.key()
		text, err := files.Read(ctx, t.URL)
		if err != nil {
			return nil, fmt.Errorf("%s (%s): %w", key, web.DisplayURL(t.URL), err)
		}
		conf.Sources = append(conf.Sources, template.Source{
			Template: t.Name + "_" + audience(t.Valid), Part: templateParts[t.Part], Text: string(text), From: key,
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
func matcher(messages ui.Catalogue, letters *template.Renderer) (language.Matcher, error) {
	tags := []language.Tag{language.Make(ui.DefaultLocale)}
	for _, list := range [][]string{messages.Locales(), letters.Locales()} {
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
