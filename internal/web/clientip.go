package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientIP returns the address a request came from: the peer's, unless the
// peer is in trusted. Then it is the right-most address of X-Forwarded-For
// that is not itself trusted; what stands left of it anybody may have written.
// The zero Addr means that the peer has no address (a unix socket).
func ClientIP(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, _ := parseAddr(r.RemoteAddr)
	if !Proxied(r, trusted) {
		return peer
	}
	nearest := peer
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			item := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, item = rest[:comma], rest[comma+1:]
			} else {
				more = false
			}
			addr, ok := parseAddr(strings.TrimSpace(item))
			if !ok {
				return nearest
			}
			if nearest = addr; !contains(trusted, addr) {
				return addr
			}
		}
	}
	return nearest
}

// Proxied reports whether a request came from one of trusted, so that what a
// proxy adds to it can be believed.
func Proxied(r *http.Request, trusted []netip.Prefix) bool {
	peer, ok := parseAddr(r.RemoteAddr)
	return ok && contains(trusted, peer)
}

// parseAddr reads an address with or without a port.
func parseAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		if withPort, portErr := netip.ParseAddrPort(s); portErr == nil {
			addr, err = withPort.Addr(), nil
		} else if inner, cut := strings.CutPrefix(s, "["); cut && strings.HasSuffix(inner, "]") {
			addr, err = netip.ParseAddr(inner[:len(inner)-1])
		}
	}
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}
