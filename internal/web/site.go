package web

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// site is scheme, host and port of a URL in the one spelling they are compared
// in: lower case, an address without brackets, the port always given where the
// scheme has a usual one.
type site struct {
	scheme, host, port string
}

var usualPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// siteOf reads the site of u and refuses every host that two parsers could
// read differently: escapes, user info, letters beyond ASCII, empty labels.
func siteOf(u *url.URL) (site, error) {
	s := site{scheme: strings.ToLower(u.Scheme)}
	if u.Opaque != "" || u.User != nil {
		return s, errors.New("it is no plain scheme://host URL")
	}
	s.host, s.port = strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(s.host, ":") {
		addr, err := netip.ParseAddr(s.host)
		if err != nil || addr.Zone() != "" {
			return s, errors.New("its host is no valid address")
		}
		s.host = addr.String()
	} else if !plainHost(s.host) {
		return s, errors.New("its host is not made of plain labels")
	}
	switch n, err := strconv.ParseUint(s.port, 10, 16); {
	case s.port == "" && !strings.HasSuffix(u.Host, ":"):
		s.port = usualPorts[s.scheme]
	case err != nil || n == 0 || s.port[0] == '0':
		return s, errors.New("its port is not valid")
	}
	return s, nil
}

// plainHost accepts labels of letters, digits, - and _, separated by dots. A
// host that ends in a number is an address to some parsers (127.1, 0x7f000001)
// and has to be one of four decimal numbers.
func plainHost(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok && strings.Trim(hex, "0123456789abcdef") == "" || strings.Trim(last, "0123456789") == "" {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	return true
}

// sitePattern matches one site, or with a wildcard every host below it.
type sitePattern struct {
	site
	wild bool
}

// parsePattern reads an operator's URL, whose host may begin with "*.". The
// star stands for one or more whole labels, and what follows it must be a name
// that can be registered: "*.example.com", never "*.com" or "*.co.uk".
func parsePattern(raw string) (sitePattern, *url.URL, error) {
	var p sitePattern
	refuse := func(why string) (sitePattern, *url.URL, error) {
		return p, nil, fmt.Errorf("%q cannot be allowed: %s", raw, why)
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return refuse("it has no scheme://")
	}
	if after, wild := strings.CutPrefix(rest, "*."); wild {
		p.wild, rest = true, after
	}
	if strings.Contains(rest, "*") {
		return refuse("a * may only stand for the first labels of the host")
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil {
		return refuse("it is no URL")
	}
	if p.site, err = siteOf(u); err != nil {
		return refuse(err.Error())
	}
	if dangerousSchemes[p.scheme] {
		return refuse("its scheme runs or reads things in the browser")
	}
	if p.wild {
		if _, err := netip.ParseAddr(p.host); err == nil {
			return refuse("a wildcard needs a name, not an address")
		}
		if _, err := publicsuffix.EffectiveTLDPlusOne(p.host); err != nil {
			return refuse("anybody can register names below " + p.host)
		}
	}
	return p, u, nil
}

var dangerousSchemes = map[string]bool{
	"javascript": true, "vbscript": true, "data": true, "blob": true, "file": true,
	"filesystem": true, "about": true, "view-source": true, "jar": true,
}

func (p sitePattern) match(s site) bool {
	if p.scheme != s.scheme || p.port != s.port {
		return false
	}
	if !p.wild {
		return p.host == s.host
	}
	return len(s.host) > len(p.host)+1 && strings.HasSuffix(s.host, p.host) && s.host[len(s.host)-len(p.host)-1] == '.'
}
