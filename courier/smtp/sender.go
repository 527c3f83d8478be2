// Package smtp hands letters to a mail server. A letter goes to exactly one
// recipient, whose address is judged here once more; it is either accepted by
// the server, refused for good in the server's own words, or can be tried
// again. Passwords leave this machine encrypted or not at all.
//
// An attempt whose last answer is lost is one that can be tried again, so a
// letter may arrive twice, with the same Message-ID; it is never sent twice
// within one attempt.
package smtp

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/txn"
	"github.com/foyer-id/foyer/internal/web"
)

// idleFor is how long a connection is kept for the next mail. It is shorter
// than the patience of mail servers and of the firewalls on the way.
const idleFor = 20 * time.Second

// Sender sends mails by SMTP. It is safe for concurrent use; as many mails
// travel at once as callers send.
type Sender struct {
	set     settings
	timeout time.Duration
	keep    int
	dialer  *net.Dialer

	mu     sync.Mutex
	idle   []*link
	closed bool
}

// New checks c without connecting. Its error names each key that is wrong.
func New(c Config) (*Sender, error) {
	set, err := c.check()
	if err != nil {
		return nil, err
	}
	s := &Sender{set: set, timeout: c.Timeout, keep: c.Connections, dialer: &net.Dialer{}}
	if s.timeout == 0 {
		s.timeout = 30 * time.Second
	}
	if s.keep == 0 {
		s.keep = 4
	}
	if c.DisallowPrivate {
		guard := web.Guard(web.OutboundConfig{AllowLoopback: c.AllowLoopback})
		s.dialer.Control = func(network, address string, conn syscall.RawConn) error {
			if guard(network, address, conn) != nil {
				return errPrivate
			}
			return nil
		}
	}
	return s, nil
}

var errPrivate = errors.New("its address is one that clients.smtp.disallow_private_ip_ranges forbids")

// Send implements courier.Sender. An error that is not courier.IsPermanent says
// nothing about the letter: the server could not be reached, refused the
// credentials, asked to come back later, or did not say whether it accepted.
func (s *Sender) Send(ctx context.Context, l *courier.Letter) error {
	if txn.Handle(ctx) != nil {
		return errors.New("smtp: a mail was to be sent inside a transaction")
	}
	p, err := s.pack(l)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if kept := s.take(); kept != nil {
		if f := s.by(ctx, kept, p); f == nil || !f.stale() {
			return settle(f)
		}
	}
	fresh, f := s.connect(ctx, nil)
	if f == nil {
		f = s.by(ctx, fresh, p)
	}
	return settle(f)
}

// by delivers p by l and keeps l, or ends it.
func (s *Sender) by(ctx context.Context, l *link, p *parcel) *failure {
	sound, f := l.deliver(ctx, p, nil)
	if sound {
		s.put(l)
	} else {
		l.wire.tcp.Close()
	}
	return f
}

func settle(f *failure) error {
	if f == nil {
		return nil
	}
	return f.verdict()
}

// take returns the connection used last, or nil.
func (s *Sender) take() *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	l := s.idle[len(s.idle)-1]
	s.idle = s.idle[:len(s.idle)-1]
	l.idle.Stop()
	return l
}

func (s *Sender) put(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.idle) >= s.keep {
		go l.close()
		return
	}
	l.idle = time.AfterFunc(idleFor, func() { s.expire(l) })
	s.idle = append(s.idle, l)
}

func (s *Sender) expire(l *link) {
	s.mu.Lock()
	i := slices.Index(s.idle, l)
	if i >= 0 {
		s.idle = slices.Delete(s.idle, i, i+1)
	}
	s.mu.Unlock()
	if i >= 0 {
		l.close()
	}
}

// Close ends the connections kept open. A Send that is under way ends its own;
// one that comes later works and keeps none.
func (s *Sender) Close() {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, l := range idle {
		l.idle.Stop()
		all.Go(l.close)
	}
	all.Wait()
}
