package hook

import (
	"net/netip"
	"slices"

	"github.com/foyer-id/foyer/internal/fail"
)

// IPRange refuses flows by the address they are opened from: those within Deny,
// and where Allow is not empty all that are not within it.
type IPRange struct {
	Allow, Deny []netip.Prefix
}

// Check returns nil, or the refusal flow_refused_by_ip_range, which does not tell
// the ranges. ip is the client's address, "" or anything else where it is not
// known; IPv4 within IPv6 is IPv4, and zones do not count.
func (r IPRange) Check(ip string) error {
	addr, _ := netip.ParseAddr(ip) // the zero address is in no range
	addr = addr.Unmap().WithZone("")
	within := func(p netip.Prefix) bool {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Contains(addr)
	}
	if slices.ContainsFunc(r.Deny, within) || len(r.Allow) > 0 && !slices.ContainsFunc(r.Allow, within) {
		return fail.New(fail.Forbidden, "flow_refused_by_ip_range", "This is not available from your network.")
	}
	return nil
}
