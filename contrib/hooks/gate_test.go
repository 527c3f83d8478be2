package hooks

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate stands before a receiver, at an address of its own, and can be killed
// with all its connections and opened again.
type gate struct {
	t       testing.TB
	addr    string
	to      string
	running sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while it is killed
	conns    map[net.Conn]bool
}

// newGate opens one before the receiver at a URL.
func newGate(t testing.TB, url string) *gate {
	g := &gate{t: t, addr: "127.0.0.1:0", to: strings.TrimPrefix(url, "http://"), conns: map[net.Conn]bool{}}
	g.open()
	t.Cleanup(g.kill)
	return g
}

func (g *gate) url() string { return "http://" + g.addr }

func (g *gate) open() {
	l, err := net.Listen("tcp", g.addr)
	for tries := 0; err != nil && tries < 500; tries++ { // a caller's own port may have been the same
		time.Sleep(10 * time.Millisecond)
		l, err = net.Listen("tcp", g.addr)
	}
	if err != nil {
		g.t.Error(err)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addr, g.listener = l.Addr().String(), l
	g.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			g.running.Go(func() { g.join(conn) })
		}
	})
}

// join carries bytes both ways until one side ends.
func (g *gate) join(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	defer far.Close()
	g.mu.Lock()
	dead := g.listener == nil
	g.conns[near], g.conns[far] = true, true
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		delete(g.conns, near)
		delete(g.conns, far)
		g.mu.Unlock()
	}()
	if dead {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(plain{near}, far)
		near.Close()
	})
	_, _ = io.Copy(plain{far}, near)
	far.Close()
	back.Wait()
}

// plain keeps io.Copy from moving bytes by pipes that the runtime keeps open.
type plain struct{ io.Writer }

// kill ends the listener and every connection, and waits until they are gone.
func (g *gate) kill() {
	g.mu.Lock()
	if g.listener != nil {
		g.listener.Close()
	}
	g.listener = nil
	for conn := range g.conns {
		conn.Close()
	}
	g.mu.Unlock()
	g.running.Wait()
}
