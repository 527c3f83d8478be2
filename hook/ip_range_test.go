package hook_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/internal/fail"
)

func prefixes(list ...string) (all []netip.Prefix) {
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func TestIPRange(t *testing.T) {
	office := hook.IPRange{Allow: prefixes("192.0.2.0/24", "2001:db8::/32"), Deny: prefixes("192.0.2.128/25")}
	others := hook.IPRange{Deny: prefixes("192.0.2.0/24", "2001:db8::/32")}
	mapped := hook.IPRange{Allow: prefixes("::ffff:192.0.2.0/120")}
	for name, one := range map[string]struct {
		hook.IPRange
		ip   string
		open bool
	}{
		"allowed":                  {office, "192.0.2.1", true},
		"allowed, IPv6":            {office, "2001:db8::1", true},
		"allowed, with a zone":     {office, "2001:db8::1%eth0", true},
		"allowed, within IPv6":     {office, "::ffff:192.0.2.1", true},
		"denied and allowed":       {office, "192.0.2.200", false},
		"denied, within IPv6":      {office, "::ffff:192.0.2.200", false},
		"neither":                  {office, "198.51.100.1", false},
		"neither, IPv6":            {office, "2001:db9::1", false},
		"unknown, with allow":      {office, "", false},
		"no address, with allow":   {office, "192.0.2", false},
		"with a port, with allow":  {office, "192.0.2.1:80", false},
		"denied":                   {others, "192.0.2.1", false},
		"denied, IPv6 with a zone": {others, "2001:db8::1%eth0", false},
		"denied, written as IPv6":  {others, "::ffff:c000:201", false},
		"not denied":               {others, "198.51.100.1", true},
		"unknown, without allow":   {others, "", true},
		"a range that is mapped":   {mapped, "192.0.2.1", true},
		"beside a range like that": {mapped, "192.0.3.1", false},
		"nothing is configured":    {hook.IPRange{}, "198.51.100.1", true},
		"nothing at all":           {hook.IPRange{}, "", true},
		"0.0.0.0/0 is not IPv6":    {hook.IPRange{Allow: prefixes("0.0.0.0/0")}, "2001:db8::1", false},
		"::/0 is not IPv4":         {hook.IPRange{Allow: prefixes("::/0")}, "192.0.2.1", false},
		"everything is denied":     {hook.IPRange{Deny: prefixes("0.0.0.0/0", "::/0")}, "::ffff:192.0.2.1", false},
		"NAT64 is no IPv4":         {office, "64:ff9b::c000:201", false},
	} {
		err := one.Check(one.ip)
		if one.open {
			require.NoError(t, err, name)
			continue
		}
		refusal := fail.As(err)
		require.NotNil(t, refusal, name)
		require.Equal(t, fail.Forbidden, refusal.Kind, name)
		require.Equal(t, "flow_refused_by_ip_range", refusal.ID, name)
		require.Empty(t, refusal.Details, name)
		require.False(t, strings.ContainsAny(refusal.Reason, "0123456789:"), "%s: it tells an address", name)
	}
}
