package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	var o LoadOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the public and the admin API",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Env, o.Serve = os.Environ(), true
			return serve(c.Context(), o, c.ErrOrStderr())
		},
	}
	fileFlag(c, &o.Files)
	c.Flags().BoolVar(&o.Dev, "dev", false, "lift the floors that hinder work on one's own machine; never in production")
	c.Flags().BoolVar(&o.Watch, "watch-courier", false, "deliver messages in this process; with SQLite that is so anyway")
	return c
}

func serve(ctx context.Context, o LoadOptions, errOut io.Writer) error {
	app, err := start(ctx, o, errOut)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	return errors.Join(app.Serve(ctx), app.Close())
}

// unlessStopped forgives an error of a program that was told to stop before it
// had begun.
func unlessStopped(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// start loads the configuration and builds the program from it.
func start(ctx context.Context, o LoadOptions, errOut io.Writer) (*App, error) {
	config, report, err := Load(o)
	if err != nil {
		return nil, err
	}
	log := newLogger(config.Log, errOut)
	log.Info("starting", "version", programVersion(), "config", config)
	report.Log(log)
	var generatedIn string
	if config.Secrets, generatedIn, err = ResolveSecrets(config); err != nil {
		return nil, err
	}
	if generatedIn != "" {
		log.Info("secrets are kept beside the database", "file", generatedIn)
	}
	app, err := Wire(ctx, config, Options{Now: now, Log: log, Jsonnet: self(jsonnetChild)})
	if err == nil {
		app.follows, app.refersTo = &o, report.Files
	}
	return app, err
}

// drain is how long requests under way may take when the program is told to stop.
const drain = 15 * time.Second

// Serve answers on both listeners until ctx ends, then lets requests under way
// finish.
func (a *App) Serve(ctx context.Context) error {
	public, err := Listen(a.Config.Serve.Public.Endpoint)
	if err != nil {
		return fmt.Errorf("serve.public: %w", err)
	}
	admin, err := Listen(a.Config.Serve.Admin.Endpoint)
	if err != nil {
		return errors.Join(fmt.Errorf("serve.admin: %w", err), public.Close())
	}
	return a.ServeOn(ctx, public, admin)
}

// ServeOn is Serve on listeners that are open already. It closes them.
func (a *App) ServeOn(ctx context.Context, public, admin net.Listener) error {
	following, cancel := context.WithCancel(ctx)
	l := newLive(ctx, a)
	var followed sync.WaitGroup
	if a.follows != nil {
		followed.Go(func() { (&reloading{live: l, load: *a.follows}).follow(following) })
	}
	err := l.serve(ctx, public, admin)
	cancel()
	followed.Wait()
	l.end()
	return err
}

// queues reports whether anything waits for somebody who delivers.
func (c *Config) queues() bool {
	return c.SelfService.Verification.Enabled || len(c.Events.Endpoints) > 0 ||
		slices.ContainsFunc(c.SelfService.everyHook(), func(h Hook) bool { return h.WebHook != nil })
}

// Deliver carries away what is queued until ctx ends: messages, and what other
// systems are told.
func (a *App) Deliver(ctx context.Context) error {
	events := make(chan error, 1)
	go func() { events <- a.Events.Run(ctx) }()
	return errors.Join(a.Worker.Run(ctx), <-events)
}

// maxHeader bounds a request's header, in bytes.
const maxHeader = 64 << 10

func (a *App) server(h http.Handler, t Timeouts) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: t.Header,
		ReadTimeout:       t.Read,
		WriteTimeout:      t.Write,
		IdleTimeout:       t.Idle,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(a.options.Log.Handler(), slog.LevelWarn),
	}
}
