package cmd

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// live answers by the graph of the present configuration. Another one takes over
// whole: requests that have begun end where they began, and none is refused.
type live struct {
	serving atomic.Pointer[App]
	running sync.WaitGroup // graphs, until the last of their work is done
	ended   chan error     // why something ended that should not have
}

// newLive starts with a, which is given work but no requests yet.
func newLive(ctx context.Context, a *App) *live {
	l := &live{ended: make(chan error, 4)}
	l.take(ctx, a)
	return l
}

// take lets a take over from who serves now. That one's work of its own, such as
// delivering, ends, and with its last request all that it holds.
func (l *live) take(ctx context.Context, a *App) {
	ctx, a.cancel = context.WithCancel(ctx)
	before := l.serving.Swap(a)
	if before != nil {
		before.retire()
	}
	l.running.Go(func() {
		err := a.work(ctx)
		if err != nil && ctx.Err() == nil {
			l.ended <- err
		}
		<-a.guests.gone
		a.post.close()
	})
}

// end ends the graph that serves now, once its requests have ended, and waits for
// all there were.
func (l *live) end() {
	l.serving.Load().retire()
	l.running.Wait()
}

// handler answers by the graph that serves when a request begins.
func (l *live) handler(of func(*App) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			a := l.serving.Load()
			if a.guests.enter() {
				defer a.guests.leave()
				of(a).ServeHTTP(w, r)
				return
			}
		}
	})
}

// serve answers on both listeners until ctx ends, then lets requests under way
// finish.
func (l *live) serve(ctx context.Context, public, admin net.Listener) error {
	a := l.serving.Load()
	servers := []*http.Server{
		a.server(l.handler(func(a *App) http.Handler { return a.Public }), PublicTimeouts),
		a.server(l.handler(func(a *App) http.Handler { return a.Admin }), AdminTimeouts),
	}
	servers[0].RegisterOnShutdown(func() { l.serving.Load().dismiss() })
	for n, on := range []net.Listener{public, admin} {
		a.options.Log.Info("listening", "api", []string{"public", "admin"}[n], "address", on.Addr().String())
		go func() { l.ended <- servers[n].Serve(on) }()
	}
	var first error
	select {
	case <-ctx.Done():
	case first = <-l.ended:
	}
	l.serving.Load().cancel()
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer stop()
	for _, s := range servers {
		if err := s.Shutdown(grace); err != nil {
			a.options.Log.Warn("requests were cut off at shutdown", "error", err)
		}
	}
	if errors.Is(first, http.ErrServerClosed) {
		return nil
	}
	return first
}

// retire ends a's own work and lets in no more requests.
func (a *App) retire() {
	a.cancel()
	a.dismiss()
	a.guests.close()
}

// dismiss lets nobody wait any longer for something to happen.
func (a *App) dismiss() { a.dismissed.Do(func() { close(a.stopping) }) }

// work is what a graph does besides answering, until ctx ends.
func (a *App) work(ctx context.Context) error {
	if !a.Config.Courier.Watch && a.Config.queues() {
		a.options.Log.Warn("messages and events are queued and not delivered by this process; start it with --watch-courier, or run: foyer courier watch")
	}
	swept := make(chan error, 1)
	go func() { swept <- a.sweep(ctx) }()
	if !a.Config.Courier.Watch {
		return <-swept
	}
	return errors.Join(a.Deliver(ctx), <-swept)
}

// guests counts the requests within a graph.
type guests struct {
	mu     sync.Mutex
	inside int
	closed bool
	gone   chan struct{} // closed when the last one has left and no other will come
}

func newGuests() *guests { return &guests{gone: make(chan struct{})} }

// enter reports whether a request may come in; it has to leave then.
func (g *guests) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

func (g *guests) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.farewell()
}

func (g *guests) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed = true
		g.farewell()
	}
}

func (g *guests) farewell() {
	if g.closed && g.inside == 0 {
		close(g.gone)
	}
}
