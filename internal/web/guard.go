package web

import (
	"errors"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// control is the look at an address, as Guard returns it.
type control = func(network, address string, conn syscall.RawConn) error

// metadataServices lists addresses that serve a cloud machine its secrets and that lie in
// public or merely private ranges; no setting but an exception reaches them.
var metadataServices = []netip.Prefix{
	netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("100.100.100.200/32"),
	netip.MustParsePrefix("fd00:ec2::/32"),
	netip.MustParsePrefix("fd20:ce::254/128"),
	netip.MustParsePrefix("fd00:42::42/128"),
	netip.MustParsePrefix("fd00:a9fe:a9fe::/64"),
}

var errMetadataService = errors.New("the address is that of a metadata service")

// Guard returns the look at an address that is about to be dialled, as
// net.Dialer.Control, for what calls out by another protocol than HTTP. Only
// AllowPrivate and AllowLoopback of c count.
func Guard(c OutboundConfig) func(network, address string, conn syscall.RawConn) error {
	var v4, v6 []netip.Prefix
	if c.AllowPrivate {
		for _, p := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"} {
			v4 = append(v4, netip.MustParsePrefix(p))
		}
		v6 = append(v6, netip.MustParsePrefix("fc00::/7"))
	}
	if c.AllowLoopback {
		v4 = append(v4, netip.MustParsePrefix("127.0.0.0/8"))
		v6 = append(v6, netip.MustParsePrefix("::1/128"))
	}
	g := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	return func(network, address string, conn syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); err == nil && contains(metadataServices, at.Addr().Unmap()) {
			return errMetadataService
		}
		return g.Safe(network, address, conn)
	}
}
