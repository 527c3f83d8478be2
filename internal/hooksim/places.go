package hooksim

import (
	"net"
	"sync"
)

// closedPort is a port on which nobody listens, and nobody else can: a
// connection without a listener holds it.
type closedPort struct {
	addr string
	ends []net.Conn
}

func newClosedPort() (*closedPort, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }()
	p := &closedPort{addr: l.Addr().String()}
	near, err := net.Dial("tcp", p.addr)
	if err != nil {
		return nil, err
	}
	far, err := l.Accept()
	if err != nil {
		near.Close()
		return nil, err
	}
	p.ends = []net.Conn{near, far}
	return p, nil
}

// Close gives the port back.
func (p *closedPort) Close() {
	for _, end := range p.ends {
		end.Close()
	}
}

// garbage answers every connection with what no protocol says first.
type garbage struct {
	addr     string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	over  bool
	conns map[net.Conn]bool
}

func newGarbage() (*garbage, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &garbage{addr: l.Addr().String(), listener: l, conns: map[net.Conn]bool{}}
	g.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			g.running.Go(func() { g.answer(conn) })
		}
	})
	return g, nil
}

func (g *garbage) answer(conn net.Conn) {
	defer conn.Close()
	g.mu.Lock()
	over := g.over
	g.conns[conn] = true
	g.mu.Unlock()
	if over {
		return
	}
	_, _ = conn.Read(make([]byte, 1<<10)) // the first words, so that closing resets nothing
	_, _ = conn.Write([]byte("\x15\x03\x99\xff\xff this is no TLS\r\n"))
	g.mu.Lock()
	delete(g.conns, conn)
	g.mu.Unlock()
}

// Close ends all connections.
func (g *garbage) Close() {
	_ = g.listener.Close()
	g.mu.Lock()
	g.over = true
	for conn := range g.conns {
		conn.Close()
	}
	g.mu.Unlock()
	g.running.Wait()
}
