package web_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// canaries listen, at one port, on every address of this machine that no call
// may reach by default, and count the connections they get.
type canaries struct {
	port  string
	addrs []netip.Addr // without zones
	hits  atomic.Int64
}

// watch starts canaries at the port of first, or at any if that is nil, but not
// at first's own address.
func watch(t *testing.T, first net.Listener) *canaries {
	t.Helper()
	c := &canaries{}
	if first == nil {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		require.NoError(t, err)
		c.count(t, l)
		first = l
	}
	_, c.port, _ = net.SplitHostPort(first.Addr().String())
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	refused := web.Guard(web.OutboundConfig{})
	ifaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, a := range append(all, &net.IPNet{IP: net.IPv4(127, 0, 0, 2), Mask: net.CIDRMask(8, 32)}) {
		prefix, err := netip.ParsePrefix(a.String())
		require.NoError(t, err)
		addr, network := prefix.Addr(), "tcp6"
		if addr.Is4() {
			network = "tcp4"
		}
		if refused(network, netip.AddrPortFrom(addr, 1).String(), nil) == nil {
			continue // a public one, which nothing here may be open on
		}
		zones := []string{""}
		if addr.IsLinkLocalUnicast() && addr.Is6() {
			zones = zones[:0]
			for _, i := range ifaces {
				zones = append(zones, i.Name)
			}
		}
		for _, zone := range zones {
			l, err := net.Listen(network, net.JoinHostPort(addr.WithZone(zone).String(), c.port))
			if err != nil {
				continue // taken by first, or not an address of that interface
			}
			c.count(t, l)
		}
	}
	return c
}

func (c *canaries) count(t *testing.T, l net.Listener) {
	addr := netip.MustParseAddrPort(l.Addr().String()).Addr()
	c.addrs = append(c.addrs, addr.WithZone(""))
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.hits.Add(1)
			conn.Close()
		}
	}()
}

// closedPort is one where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		l.Close()
	}
	return err == nil
}

// told is all that a client, hence an attacker, learns from err.
func told(err error) string {
	status, inner, beside := web.Envelope(err, "")
	return fmt.Sprint(status, inner, beside)
}

func TestSSRFCorpus(t *testing.T) {
	c, closed, v6 := watch(t, nil), closedPort(t), hasIPv6()
	resolve(t, func(string, bool) []netip.Addr { return c.addrs })
	targets := corpus(t, "outbound_refused.txt", 240)
	for _, addr := range c.addrs {
		targets = append(targets, "http://"+net.JoinHostPort(addr.String(), "{port}")+"/")
	}
	proxy, proxied := canary(t, answer("proxied"))
	at, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	direct := outbound(t, web.OutboundConfig{Timeout: 5 * time.Second})
	byProxy := outbound(t, web.OutboundConfig{Timeout: 5 * time.Second, Proxy: at})
	refusals := map[string]int{}
	for _, target := range targets {
		for _, port := range []string{c.port, closed} {
			where := strings.ReplaceAll(target, "{port}", port)
			b, err := direct.Get(t.Context(), where)
			require.Nil(t, b, where)
			e := fail.As(err)
			require.NotNil(t, e, "%q: %v", where, err)
			if !strings.Contains(target, "[") || v6 || e.ID != "outbound_failed" { // without IPv6 the machine itself refuses first
				require.Equal(t, "outbound_refused", e.ID, "%q: %v", where, err)
				refusals[told(err)]++
			}
			_, err = byProxy.Get(t.Context(), where)
			requireRefused(t, err, fail.Upstream, "outbound_refused")
			refusals[told(err)]++
		}
	}
	require.Len(t, refusals, 1, "all refusals read the same, at an open port or a closed one")
	require.Zero(t, c.hits.Load())
	require.Zero(t, proxied.Load())
	t.Logf("%d targets, each at an open and at a closed port, direct and by a proxy; %d canaries on %v; connections to them: %d; to the proxy: %d; kinds of refusal: %d",
		len(targets), len(c.addrs), c.addrs, c.hits.Load(), proxied.Load(), len(refusals))
}

// Private addresses may be allowed; this machine and metadata services are not
// thereby.
func TestSSRFCorpusWithPrivateAddressesAllowed(t *testing.T) {
	c := watch(t, nil)
	resolve(t, func(string, bool) []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("fd00:ec2::254")}
	})
	o := outbound(t, web.OutboundConfig{AllowPrivate: true, Timeout: 5 * time.Second})
	for _, host := range []string{
		"127.0.0.1", "127.0.0.2", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "metadata.google.internal", "printer.lan",
		"169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "169.254.170.2",
	} {
		_, err := o.Get(t.Context(), "http://"+host+":"+c.port+"/")
		requireRefused(t, err, fail.Upstream, "outbound_refused")
	}
	if hasIPv6() {
		for _, host := range []string{"fd00:ec2::254", "fd20:ce::254", "fd00:42::42", "fd00:a9fe:a9fe::1", "fe80::a9fe:a9fe"} {
			_, err := o.Get(t.Context(), "http://["+host+"]:"+c.port+"/")
			requireRefused(t, err, fail.Upstream, "outbound_refused")
		}
	}
	require.Zero(t, c.hits.Load())
}

// flips tells other addresses at every question, and keeps those it told since
// the last call of take.
type flips struct {
	mu              sync.Mutex
	dice            *rand.Rand
	allowed, inside []netip.Addr
	last            []netip.Addr
}

func (f *flips) answer(_ string, v6 bool) (out []netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range 1 + f.dice.IntN(3) {
		from := f.inside
		if f.dice.IntN(2) == 0 {
			from = f.allowed
		}
		var family []netip.Addr
		for _, a := range from {
			if a.Is6() == v6 {
				family = append(family, a)
			}
		}
		if len(family) > 0 {
			out = append(out, family[f.dice.IntN(len(family))])
		}
	}
	f.last = append(f.last, out...)
	return out
}

// take counts what was told since the last take.
func (f *flips) take() (allowed, inside int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.last {
		if a.IsLoopback() {
			allowed++
		} else {
			inside++
		}
	}
	f.last = nil
	return allowed, inside
}

func addresses(all ...string) (out []netip.Addr) {
	for _, a := range all {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// The part of public addresses is played by 127.0.0.1 and ::1, which are
// allowed here; the canaries are on all other addresses of this machine, at the
// same port, and 0.0.0.0 and :: would reach the service itself.
func TestSSRFAnswersThatFlip(t *testing.T) {
	const questions = 1000
	service, served := canary(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	c := watch(t, service.Listener)
	f := &flips{dice: rand.New(rand.NewPCG(1, 2)), allowed: addresses("127.0.0.1")}
	f.inside = addresses("0.0.0.0", "0.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.168.0.1",
		"::", "fd00:ec2::254", "fe80::1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "ff02::1")
	for _, a := range c.addrs {
		if !a.IsLoopback() {
			f.inside = append(f.inside, a)
		}
	}
	answers := resolve(t, f.answer)
	target := "http://flips.example.com:" + c.port + "/"

	direct, want, refused := outbound(t, web.OutboundConfig{AllowLoopback: true, Timeout: 5 * time.Second}), 0, 0
	for answers.Load() < questions {
		_, err := direct.Get(t.Context(), target)
		if allowed, inside := f.take(); allowed > 0 {
			require.NoError(t, err)
			want++
		} else if inside > 0 {
			requireRefused(t, err, fail.Upstream, "outbound_refused")
			refused++
		}
	}
	require.Zero(t, c.hits.Load())
	require.EqualValues(t, want, served.Load(), "0.0.0.0 and :: did not lead to the service")
	require.Greater(t, want, 100)
	require.Greater(t, refused, 100)
	t.Logf("%d answers that flip: %d calls to an allowed address, %d refused; connections to canaries: %d", answers.Load(), want, refused, c.hits.Load())

	proxy, proxied := canary(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	at, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	byProxy, passed, before := outbound(t, web.OutboundConfig{AllowLoopback: true, Timeout: 5 * time.Second, Proxy: at}), 0, answers.Load()
	for answers.Load() < before+questions {
		_, err := byProxy.Get(t.Context(), target)
		if allowed, inside := f.take(); inside > 0 {
			requireRefused(t, err, fail.Upstream, "outbound_refused")
		} else if allowed > 0 {
			require.NoError(t, err)
			passed++
		}
	}
	require.EqualValues(t, passed, proxied.Load(), "one address inside is enough to refuse")
	require.Positive(t, passed)
	require.EqualValues(t, want, served.Load())
	require.Zero(t, c.hits.Load())
	t.Logf("%d answers that flip, by a proxy: %d calls let through; connections to canaries: %d", answers.Load()-before, passed, c.hits.Load())
}

func TestSSRFRedirects(t *testing.T) {
	c := watch(t, nil)
	second, hops := canary(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:"+c.port+"/", http.StatusFound)
	})
	var location atomic.Value
	var status atomic.Int64
	first, _ := canary(t, func(w http.ResponseWriter, _ *http.Request) {
		at := location.Load().(string)
		w.Header().Set("Location", at)
		w.Header().Set("Refresh", "0; url="+at)
		w.Header().Set("Alt-Svc", `h2="127.0.0.1:`+c.port+`"`)
		w.WriteHeader(int(status.Load()))
	})
	_, firstPort, _ := net.SplitHostPort(first.Listener.Addr().String())
	o := outbound(t, web.OutboundConfig{Exceptions: []string{first.URL}, Timeout: 5 * time.Second})
	chains := 0
	for _, at := range []string{
		second.URL, "http://127.0.0.1:" + c.port + "/", "//127.0.0.1:" + c.port + "/", "https://localhost:" + c.port + "/", "http://[::1]:" + c.port + "/",
		"http://0.0.0.0:" + c.port + "/", "http://127.0.0.1:" + firstPort + "/again", "/again", "file:///etc/passwd", "gopher://127.0.0.1:" + c.port + "/", "?", "",
	} {
		for _, code := range []int{300, 301, 302, 303, 305, 306, 307, 308} {
			location.Store(at)
			status.Store(int64(code))
			_, err := o.Get(t.Context(), first.URL)
			requireRefused(t, err, fail.Upstream, "outbound_failed")
			for _, method := range []string{"GET", "POST", "DELETE"} {
				r, err := web.Call{URL: first.URL, Method: method}.Request(t.Context(), []byte(`{}`))
				require.NoError(t, err)
				resp, err := o.Do(r)
				require.NoError(t, err)
				require.Equal(t, code, resp.StatusCode, "the redirect is the answer")
				resp.Body.Close()
			}
			chains += 4
		}
	}
	require.Zero(t, hops.Load(), "not even the first hop")
	require.Zero(t, c.hits.Load())
	t.Logf("%d chains of redirects: hops followed: %d; connections to canaries: %d", chains, hops.Load(), c.hits.Load())
}

// The proxies of the environment are read once in the life of a process, so
// they are set for one of its own.
func TestSSRFProxiesOfTheEnvironment(t *testing.T) {
	const direct = "FOYER_TEST_DIRECT"
	if service := os.Getenv(direct); service != "" {
		callWithProxies(t, service)
		return
	}
	proxy, hits := canary(t, answer("proxied"))
	service, served := canary(t, answer("direct"))
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	names := []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"}
	child.Env = append(os.Environ(), direct+"="+service.URL, "NO_PROXY=", "no_proxy=", "REQUEST_METHOD=")
	for _, name := range names {
		child.Env = append(child.Env, name+"="+proxy.URL)
	}
	out, err := child.CombinedOutput()
	require.NoError(t, err, string(out))
	require.EqualValues(t, 1, served.Load())
	require.Zero(t, hits.Load())
	t.Logf("%d proxy variables: connections to the proxy they name: %d", len(names), hits.Load())
}

func callWithProxies(t *testing.T, service string) {
	for _, c := range []web.OutboundConfig{{}, {AllowPrivate: true}, {AllowLoopback: true}, {AllowLoopback: true, Exceptions: []string{service}}} {
		o := outbound(t, c)
		for _, target := range []string{"http://169.254.169.254/", "https://169.254.169.254/", "http://0.0.0.0/", "https://168.63.129.16/"} {
			_, err := o.Get(t.Context(), target)
			requireRefused(t, err, fail.Upstream, "outbound_refused")
		}
	}
	b, err := outbound(t, web.OutboundConfig{AllowLoopback: true}).Get(t.Context(), service)
	require.NoError(t, err)
	require.Equal(t, "direct", string(b))
}
