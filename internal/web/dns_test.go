package web_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is the address of the one that resolve started, or "".
var nameServer atomic.Value

// TestMain puts a resolver in place that the tests of this package can turn to
// a server of theirs. It stays, since lookups can outlive the test they are of.
func TestMain(m *testing.M) {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if at, _ := nameServer.Load().(string); at != "" {
			network, address = "udp", at
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	os.Exit(m.Run())
}

// resolve makes a server in this process answer all DNS questions of the test:
// with the addresses that answer returns for a name, of which only those of the
// family that was asked for are told. It returns how many it has told.
func resolve(t *testing.T, answer func(name string, v6 bool) []netip.Addr) *atomic.Int64 {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	var told atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := dnsReply(buf[:n], answer, &told); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	nameServer.Store(conn.LocalAddr().String())
	t.Cleanup(func() {
		nameServer.Store("")
		conn.Close()
		<-done
	})
	return &told
}

func dnsReply(query []byte, answer func(name string, v6 bool) []netip.Addr, told *atomic.Int64) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	if q.Type == dnsmessage.TypeA || q.Type == dnsmessage.TypeAAAA {
		head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		v6 := q.Type == dnsmessage.TypeAAAA
		for _, addr := range answer(q.Name.String(), v6) {
			switch {
			case v6 && addr.Is6():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
			case !v6 && addr.Is4():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: addr.As4()}})
			}
		}
		if len(m.Answers) > 0 {
			told.Add(1)
		}
	}
	reply, err := m.Pack()
	if err != nil {
		return nil
	}
	return reply
}
