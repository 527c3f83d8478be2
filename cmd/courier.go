package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/gofrs/uuid"
	"github.com/spf13/cobra"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/smtp"
	"github.com/foyer-id/foyer/courier/template"
	"github.com/foyer-id/foyer/internal/web"
)

func newCourier() *cobra.Command {
	c := &cobra.Command{Use: "courier", Short: "Deliver messages, list and resend them, try the mail server, look at mails", Args: cobra.NoArgs, RunE: help}
	c.AddCommand(newCourierWatch(), newCourierTest(), newCourierPreview(), newCourierList(), newCourierResend())
	return c
}

func newCourierWatch() *cobra.Command {
	var o LoadOptions
	c := &cobra.Command{
		Use:   "watch",
		Short: "Deliver what is queued, beside as many others as you like",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Env = os.Environ()
			app, err := start(c.Context(), o, c.ErrOrStderr())
			if err != nil {
				return unlessStopped(c.Context(), err)
			}
			return errors.Join(app.Deliver(c.Context()), app.Close())
		},
	}
	fileFlag(c, &o.Files)
	c.Flags().BoolVar(&o.Dev, "dev", false, "as with serve")
	return c
}

func newCourierTest() *cobra.Command {
	var o LoadOptions
	to := ""
	c := &cobra.Command{
		Use:   "test --to ADDRESS",
		Short: "Send one mail now and print what the mail server says",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Env = os.Environ()
			return sendTest(c.Context(), o, to, c.OutOrStdout())
		},
	}
	fileFlag(c, &o.Files)
	c.Flags().BoolVar(&o.Dev, "dev", false, "as with serve")
	c.Flags().StringVar(&to, "to", "", "`ADDRESS` to write to")
	_ = c.MarkFlagRequired("to") // the flag exists
	return c
}

// sendTest goes around the queue and needs no database.
func sendTest(ctx context.Context, o LoadOptions, to string, out io.Writer) error {
	config, _, err := Load(o)
	if err != nil {
		return err
	}
	if config.Courier.Strategy == "smtp" {
		if config.Courier.SMTP.ConnectionURI == "" {
			return errors.New("courier.smtp.connection_uri is not set, so there is no mail server to try")
		}
		sender, err := smtp.New(smtpConfig(config))
		if err != nil {
			return err
		}
		return sender.Dialogue(ctx, to, out)
	}
	if config.Courier.HTTP.URL == "" {
		return errors.New("courier.http.request_config is not set, so there is no gateway to try")
	}
	outbound, err := web.NewOutbound(config.Outbound)
	if err != nil {
		return err
	}
	p, err := newPost(ctx, config, outbound, nil, nil, Options{Now: now, Log: slog.New(slog.DiscardHandler), Jsonnet: self(jsonnetChild)})
	if err != nil {
		return err
	}
	defer p.close()
	l, err := p.renderer.Render(&courier.Message{ID: uuid.Must(uuid.NewV4()), Channel: courier.Email, Template: testTemplate, Recipient: to}, template.Sample(testTemplate))
	if err != nil {
		return err
	}
	if err := p.senders[courier.Email].Send(ctx, l); err != nil {
		return fmt.Errorf("courier.http.request_config: %w", err)
	}
	fmt.Fprintln(out, "the gateway has accepted the message to", to)
	return nil
}

const testTemplate = "test"

func newCourierPreview() *cobra.Command {
	var o LoadOptions
	locale, part, file, show := "", "", "", false
	c := &cobra.Command{
		Use:       "preview NAME",
		Short:     "Write a message with sample data to a file, or show it in the browser",
		Long:      "Write a message with sample data to a file, or show it in the browser. There are:\n  " + strings.Join(template.Names(), "\n  "),
		Args:      cobra.ExactArgs(1),
		ValidArgs: template.Names(),
		RunE: func(c *cobra.Command, args []string) error {
			o.Env = os.Environ()
			text, err := preview(c.Context(), o, args[0], locale, part, slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)))
			switch {
			case err != nil:
				return err
			case show:
				return openInBrowser(c.Context(), text)
			case file != "":
				return os.WriteFile(file, text, 0o644) //nolint:gosec // a mail with made-up data
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
	fileFlag(c, &o.Files)
	c.Flags().BoolVar(&o.Dev, "dev", false, "as with serve")
	c.Flags().StringVar(&locale, "locale", "en", "`LANGUAGE` to write it in")
	c.Flags().StringVar(&part, "part", "html", "html, text, subject or sms")
	c.Flags().StringVarP(&file, "out", "o", "", "`FILE` to write instead of the terminal")
	c.Flags().BoolVar(&show, "open", false, "show it in the browser")
	return c
}

// preview renders a message as the configuration would. Without one it shows
// what comes with the program. Log hears what is odd about the templates.
func preview(ctx context.Context, o LoadOptions, name, locale, part string, log *slog.Logger) ([]byte, error) {
	if !slices.Contains(template.Names(), name) {
		return nil, misused("there is no message %q; there are %s (in the configuration, _valid and _invalid are keys below the name)",
			name, strings.Join(template.Names(), ", "))
	}
	config := &Config{}
	if len(o.Files) > 0 {
		var err error
		if config, _, err = Load(o); err != nil {
			return nil, err
		}
	}
	outbound, err := web.NewOutbound(config.Outbound)
	if err != nil {
		return nil, err
	}
	files := web.Resources{Fetch: outbound.Get, AllowHTTP: o.Dev, MaxBytes: template.MaxSource}
	r, err := newRenderer(ctx, config, files, Options{Log: log})
	if err != nil {
		return nil, err
	}
	m := &courier.Message{ID: uuid.Must(uuid.NewV4()), Channel: courier.Email, Template: name, Locale: locale, Recipient: "someone@example.org"}
	if part == "sms" {
		m.Channel = courier.SMS
	}
	l, err := r.Render(m, template.Sample(name))
	if err != nil {
		return nil, err
	}
	parts := map[string]string{"html": l.HTML, "text": l.Text, "subject": l.Subject + "\n", "sms": l.Text + "\n"}
	text, ok := parts[part]
	if !ok {
		return nil, misused("--part is %q and has to be html, text, subject or sms", part)
	}
	return []byte(text), nil
}

func openInBrowser(ctx context.Context, page []byte) error {
	f, err := os.CreateTemp("", "foyer-preview-*.html")
	if err != nil {
		return err
	}
	if _, err = io.Copy(f, bytes.NewReader(page)); err == nil {
		err = f.Close()
	}
	if err != nil {
		return err
	}
	open := "xdg-open"
	if runtime.GOOS == "darwin" {
		open = "open"
	}
	if err := exec.CommandContext(ctx, open, f.Name()).Run(); err != nil {
		return fmt.Errorf("no browser was opened (%s: %w); use --out FILE", open, err)
	}
	return nil
}
