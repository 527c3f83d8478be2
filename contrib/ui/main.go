// Command ui is a reference self-service UI: server-rendered pages that draw
// any flow of the identity API from the flow's own ui.nodes.
//
// It keeps no state and knows no field: what a form asks for is decided by the
// API alone. Forms are posted by the browser straight to the API, so nothing a
// person types ever passes through this program.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// config is what an operator may choose.
type config struct {
	Listen   string
	Public   string // the API as the browser reaches it
	Internal string // the API as this program reaches it; empty means Public
	Inbox    string // where mails can be read while developing; empty for nowhere
	Forms    string // further origins a form may lead to, separated by blanks
	look            // the usual one
	File     string // of brands; empty for none
	Brands   []entry
}

const envPrefix = "FOYER_UI_"

// readConfig takes flags first, then FOYER_UI_<FLAG> variables, then the file
// of brands, then defaults.
func readConfig(args []string, env func(string) (string, bool), out io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("ui", flag.ContinueOnError)
	flags.SetOutput(out)
	c.flags(flags)
	say := func() error {
		var problems []error
		flags.VisitAll(func(f *flag.Flag) {
			name := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			if value, ok := env(name); ok {
				if err := f.Value.Set(value); err != nil {
					problems = append(problems, fmt.Errorf("%s: %w", name, err))
				}
			}
		})
		return errors.Join(append(problems, flags.Parse(args))...)
	}
	problems := []error{say()}
	if problems[0] == nil && c.File != "" {
		brands, err := readBrands(c.File, &c.look)
		problems = append(problems, err, say()) // once more: the file may have spoken over flags
		c.Brands, err = ownLooks(brands, c.look)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", c.File, err))
		}
	}
	problems = append(problems, c.check())
	return c, errors.Join(problems...)
}

// flags makes c what they say.
func (c *config) flags(flags *flag.FlagSet) {
	flags.StringVar(&c.Listen, "listen", "127.0.0.1:4455", "address to listen on")
	flags.StringVar(&c.Public, "public", "http://127.0.0.1:4433", "public URL of the API, as browsers reach it")
	flags.StringVar(&c.Internal, "public-internal", "", "URL of the API for this program's own calls (default: -public)")
	flags.StringVar(&c.Brand, "brand", "Foyer", "name shown on every page")
	flags.StringVar(&c.Logo, "logo", "", "logo: an image file or an http(s) URL")
	flags.StringVar(&c.Colours.Accent, "accent", usualAccent, "accent colour, #rgb or #rrggbb, fitted to the light and the dark theme")
	for _, theme := range []struct {
		name string
		*palette
	}{{"light", &c.Colours.Light}, {"dark", &c.Colours.Dark}} {
		flags.StringVar(&theme.Accent, theme.name+"-accent", "", "accent colour of the "+theme.name+" theme, taken as it is")
		flags.StringVar(&theme.Background, theme.name+"-background", "", "background colour of the "+theme.name+" theme")
		flags.StringVar(&theme.Text, theme.name+"-text", "", "text colour of the "+theme.name+" theme")
	}
	flags.IntVar(&c.FontSize, "font-size", 0, "size of text in pixels, 14 to 24, where a browser's own is 16")
	flags.StringVar(&c.Footer, "footer", "", "line of text at the foot of every page")
	flags.StringVar(&c.Templates, "templates", "", "folder with templates that replace built-in ones of the same name")
	flags.StringVar(&c.File, "brands", "", "JSON file with how pages look, for several brands if need be")
	flags.StringVar(&c.Inbox, "inbox", "", "URL of an inbox, named on pages that wait for a code from a mail (for development)")
	flags.StringVar(&c.Forms, "form-targets", "", "further origins that forms lead to (applications, sign-in providers), separated by blanks; https: for any")
}

// check looks at URLs, and fills in what follows from others.
func (c *config) check() error {
	var problems []error
	for _, u := range []*string{&c.Public, &c.Internal} {
		*u = strings.TrimRight(*u, "/")
		if origin(*u) == "" && (*u != "" || u == &c.Public) {
			problems = append(problems, fmt.Errorf("%q is no http or https URL", *u))
		}
	}
	c.Internal = cmp.Or(c.Internal, c.Public)
	if c.Inbox != "" && origin(c.Inbox) == "" {
		problems = append(problems, fmt.Errorf("inbox %q is no http or https URL", c.Inbox))
	}
	for _, target := range strings.Fields(c.Forms) {
		if target != "https:" && origin(target) == "" {
			problems = append(problems, fmt.Errorf("form target %q is neither an http(s) URL nor \"https:\"", target))
		}
	}
	return errors.Join(problems...)
}

// origin returns scheme://host[:port] of an absolute http(s) URL, "" of
// anything else. Its result is safe inside a Content-Security-Policy.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.ContainsAny(u.Host, " ;,'\"*") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func main() {
	c, err := readConfig(os.Args[1:], os.LookupEnv, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = serve(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ui:", err)
		os.Exit(1)
	}
}

func serve(c config) error {
	handler, err := newServer(c)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(grace)
	})
	log.Printf("reference UI on http://%s for the API at %s", listener.Addr(), c.Public)
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
