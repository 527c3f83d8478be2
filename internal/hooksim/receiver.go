package hooksim

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// What is kept of calls. Beyond it the oldest are forgotten.
const (
	maxCalls  = 200_000
	maxBody   = 64 << 10 // bytes of one body
	maxBodies = 64 << 20 // bytes of all
)

// Call is one request as it came in.
type Call struct {
	Method string
	Path   string // with the mode it names, if any
	Header http.Header
	Body   []byte // its first 64 KiB
	At     time.Time
	Mode   string // as which it was answered
	Signed bool   // the signature is by one of the secrets of Verify
}

// Receiver is a receiver at work. It is safe for use by many callers at once.
type Receiver struct {
	server, canary   *http.Server
	addr, canaryAddr string
	away             *closedPort
	garbage          *garbage
	closed           chan struct{} // ends modes that hang
	running          sync.WaitGroup
	hits             atomic.Int64

	mu       sync.Mutex
	choose   func(Call) string
	verify   []*standardwebhooks.Webhook
	calls    []Call
	bytes    int // of the bodies in calls
	total    int
	badSigns int
}

// Start starts a receiver. Whoever starts it closes it.
func Start() (*Receiver, error) {
	r := &Receiver{closed: make(chan struct{}), choose: func(Call) string { return "ok" }}
	var err error
	if r.away, err = newClosedPort(); err != nil {
		return nil, err
	}
	if r.garbage, err = newGarbage(); err != nil {
		r.away.Close()
		return nil, err
	}
	quiet := log.New(io.Discard, "", 0)
	r.server = &http.Server{Handler: http.HandlerFunc(r.serve), ErrorLog: quiet}
	r.canary = &http.Server{ErrorLog: quiet, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			r.hits.Add(1)
		}
	}}
	if r.addr, err = r.listen(r.server); err == nil {
		r.canaryAddr, err = r.listen(r.canary)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Receiver) listen(s *http.Server) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	r.running.Go(func() { _ = s.Serve(l) }) // it returns when the server is closed
	return l.Addr().String(), nil
}

// Close ends all calls, at once. It is called once.
func (r *Receiver) Close() {
	r.mu.Lock()
	close(r.closed)
	r.mu.Unlock()
	_ = r.server.Close()
	_ = r.canary.Close()
	r.away.Close()
	r.garbage.Close()
	r.running.Wait()
}

// URL is where calls are answered in a mode of Modes, whatever follows it in the
// path, and "" is where they are answered as Set or SetFunc says. It has no slash
// at its end.
func (r *Receiver) URL(mode string) string {
	switch mode {
	case "":
		return "http://" + r.addr
	case "not_there":
		return "http://" + r.away.addr + "/" + mode
	case "dns_fails":
		return "http://receiver.invalid/" + mode // a name that nobody has, by RFC 6761
	case "tls_garbage":
		return "https://" + r.garbage.addr + "/" + mode
	}
	if answers[mode] == nil {
		panic(fmt.Sprintf("hooksim: there is no mode %q", mode))
	}
	return "http://" + r.addr + "/" + mode
}

// Set says how calls are answered whose path names no mode. not_there, dns_fails
// and tls_garbage are places and cannot be set.
func (r *Receiver) Set(mode string) { r.SetFunc(func(Call) string { return mode }) }

// SetFunc is Set by call. choose is called by many at once.
func (r *Receiver) SetFunc(choose func(Call) string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.choose = choose
}

// Verify has signatures checked from now on, by any of the secrets ("whsec_…").
// Timestamps are part of what is signed, but may be of any time.
func (r *Receiver) Verify(secrets ...string) error {
	var all []*standardwebhooks.Webhook
	for _, secret := range secrets {
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verify = all
	return nil
}

// Calls are the calls that are kept, oldest first. A call is among them before
// it is answered.
func (r *Receiver) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Call(nil), r.calls...)
}

// Total counts the calls since the start, forgotten ones as well.
func (r *Receiver) Total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

// Forget forgets the calls, their number, bad signatures and hits of the canary.
func (r *Receiver) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls, r.bytes, r.total, r.badSigns = nil, 0, 0, 0
	r.hits.Store(0)
}

// BadSignatures counts calls without a signature, or with a wrong one, since
// Verify was called.
func (r *Receiver) BadSignatures() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.badSigns
}

// CanaryURL is where redirects lead, and CanaryHits counts the connections made
// to it. Nobody should make one.
func (r *Receiver) CanaryURL() string { return "http://" + r.canaryAddr + "/canary" }

// CanaryHits counts the connections made to CanaryURL.
func (r *Receiver) CanaryHits() int { return int(r.hits.Load()) }

// enter reports whether the receiver is still open, and then counts a call that
// is running.
func (r *Receiver) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed() {
		return false
	}
	r.running.Add(1)
	return true
}

func (r *Receiver) isClosed() bool {
	select {
	case <-r.closed:
		return true
	default:
		return false
	}
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) {
	if !r.enter() {
		return
	}
	defer r.running.Done()
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody))
	if err != nil {
		return // the caller has gone
	}
	c := Call{Method: req.Method, Path: req.URL.Path, Header: req.Header, Body: body, At: time.Now()}
	c.Mode, _, _ = strings.Cut(strings.TrimPrefix(c.Path, "/"), "/")
	if answers[c.Mode] == nil {
		r.mu.Lock()
		choose := r.choose
		r.mu.Unlock()
		c.Mode = choose(c)
	}
	answer := answers[c.Mode]
	if answer == nil {
		answer = noMode
	}
	r.keep(c)
	answer(r, w, req)
}

// keep notes a call.
func (r *Receiver) keep(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.verify {
		c.Signed = c.Signed || w.VerifyIgnoringTimestamp(c.Body, c.Header) == nil
	}
	if len(r.verify) > 0 && !c.Signed {
		r.badSigns++
	}
	r.total++
	r.calls = append(r.calls, c)
	r.bytes += len(c.Body)
	for len(r.calls) > maxCalls || r.bytes > maxBodies {
		r.bytes -= len(r.calls[0].Body)
		r.calls[0] = Call{}
		r.calls = r.calls[1:]
	}
}
