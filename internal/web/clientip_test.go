package web_test

import (
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
)

func TestClientIP(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	cases := []struct {
		peer string
		xff  []string
		want string
	}{
		{"203.0.113.9:1234", nil, "203.0.113.9"},
		{"203.0.113.9:1234", []string{"1.2.3.4"}, "203.0.113.9"},
		{"203.0.113.9:1234", []string{"10.0.0.1"}, "203.0.113.9"},
		{"203.0.113.9:1234", []string{"127.0.0.1, 10.0.0.1"}, "203.0.113.9"},
		{"[2001:db8::9]:1234", []string{"1.2.3.4"}, "2001:db8::9"},
		{"[::ffff:203.0.113.9]:1", nil, "203.0.113.9"},
		{"[::ffff:10.0.0.1]:1", []string{"1.2.3.4"}, "1.2.3.4"},
		{"[fe80::1%eth0]:1", nil, "fe80::1"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"1.2.3.4"}, "1.2.3.4"},
		{"10.0.0.1:1", []string{"9.9.9.9, 1.2.3.4"}, "1.2.3.4"},
		{"10.0.0.1:1", []string{"9.9.9.9,1.2.3.4 ,10.0.0.2"}, "1.2.3.4"},
		{"10.0.0.1:1", []string{"9.9.9.9", "1.2.3.4, 10.0.0.2"}, "1.2.3.4"},
		{"10.0.0.1:1", []string{"1.2.3.4", "10.0.0.3", "10.0.0.2"}, "1.2.3.4"},
		{"10.0.0.1:1", []string{"10.0.0.9, 10.0.0.2"}, "10.0.0.9"},
		{"10.0.0.1:1", []string{"1.2.3.4:5678"}, "1.2.3.4"},
		{"10.0.0.1:1", []string{"[2001:db8::1]:5678"}, "2001:db8::1"},
		{"10.0.0.1:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"10.0.0.1:1", []string{"::ffff:1.2.3.4"}, "1.2.3.4"},
		{"10.0.0.1:1", []string{"1.2.3.4, unknown"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"1.2.3.4, junk, 10.0.0.2"}, "10.0.0.2"},
		{"10.0.0.1:1", []string{"1.2.3.4, , 10.0.0.2"}, "10.0.0.2"},
		{"10.0.0.1:1", []string{"01.2.3.4"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"0x1020304"}, "10.0.0.1"},
		{"[fd00::1]:1", []string{"1.2.3.4"}, "1.2.3.4"},
		{"@", []string{"1.2.3.4"}, "invalid IP"},
		{"", nil, "invalid IP"},
	}
	for _, c := range cases {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.xff != nil {
			r.Header["X-Forwarded-For"] = c.xff
		}
		for _, ignored := range []string{"X-Real-Ip", "Forwarded", "X_Forwarded_For", "Cf-Connecting-Ip", "True-Client-Ip", "X-Client-Ip", "X-Forwarded"} {
			r.Header[ignored] = []string{"6.6.6.6"}
		}
		require.Equal(t, c.want, web.ClientIP(r, trusted).String(), "%+v", c)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-For", "1.2.3.4")
	require.Equal(t, "10.0.0.1", web.ClientIP(r, nil).String(), "nobody is trusted unless listed")
}

func TestRequestURLNeverQuotesTheHostOfTheRequest(t *testing.T) {
	const base = "https://auth.example.com/kratos"
	for _, header := range [][2]string{
		{"Host", "evil.com"}, {"X-Forwarded-Host", "evil.com"}, {"X-Forwarded-Proto", "http"}, {"Forwarded", "host=evil.com"},
		{"X-Host", "evil.com"}, {"X-Original-Url", "https://evil.com/"}, {"X-Forwarded-Server", "evil.com"}, {"X-Forwarded-Prefix", "//evil.com"}, {"X_forwarded_host", "evil.com"},
	} {
		for _, target := range []string{"/self-service/registration/browser?return_to=%2Fx", "http://evil.com/self-service/registration/browser?return_to=%2Fx"} {
			r := httptest.NewRequest("GET", target, nil)
			r.Host = "evil.com"
			r.Header.Set(header[0], header[1])
			require.Equal(t, base+"/self-service/registration/browser?return_to=%2Fx", web.RequestURL(r, base))
			require.Equal(t, base+"/self-service/registration/browser?return_to=%2Fx", web.RequestURL(r, base+"/"))
		}
	}
}

func TestRequestURLIsBoundedAndPlain(t *testing.T) {
	const base = "https://auth.example.com"
	r := httptest.NewRequest("GET", "/x?a="+strings.Repeat("b", 3000), nil)
	require.Equal(t, base+"/x", web.RequestURL(r, base))
	r = httptest.NewRequest("GET", "/"+strings.Repeat("b", 3000), nil)
	require.Len(t, web.RequestURL(r, base), 2048)

	r = httptest.NewRequest("GET", "/x", nil)
	r.URL = &url.URL{Path: "/\xff\r\n", RawQuery: "a=\xff \x00\u00e4"}
	require.Equal(t, base+"/%FF%0D%0A?a=%FF%20%00%C3%A4", web.RequestURL(r, base))
}
