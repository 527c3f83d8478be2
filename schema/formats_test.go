package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// format returns whether a string is valid under the format called name.
func format(t *testing.T, name string) func(string) bool {
	s := mustLoad(t, property(fmt.Sprintf(`{"type":"string","format":%q}`, name)))
	return func(text string) bool { return s.Validate(map[string]any{"x": text}) == nil }
}

func TestEmail(t *testing.T) {
	accepts := format(t, "email")
	domain := strings.Repeat(strings.Repeat("d", 62)+".", 4) // 252
	for _, good := range []string{
		"a@b", "ann@example.org", "ann.lee+tag@example.co.uk", "#$&'*+-/=^?_`{|}~@x.org", "A@EXAMPLE.ORG",
		"1@1.com", "a@xn--mnchen-3ya.de", strings.Repeat("a", 64) + "@example.org", "a@" + domain + "d",
	} {
		require.True(t, accepts(good), good)
	}
	for _, bad := range []string{
		"", "@", "a", "a@", "@b", "a@@b", "a@b@c", "a b@c.org", " a@b.org", "a@b.org ", "a@b.org\n", "a\x00@b.org", "a@b\r\nBcc:x.org",
		"Ann <ann@example.org>", "<ann@example.org>", `"ann lee"@example.org`, `"ann"@example.org`, "ann(comment)@example.org", "ann@(x)example.org",
		".a@b.org", "a.@b.org", "a..b@c.org", "a@.org", "a@b..org", "a@b.org.", "a@-b.org", "a@b-.org", "a@b_c.org", "a@[127.0.0.1]", "a@127.0.0.1", "a@b.1",
		"ä@b.org", "a@bücher.de", "a\u200b@b.org", "a@b.org\u200b", "a,b@c.org", "a;b@c.org", "a!b@c.org", "a%b@c.org", "=?utf-8?q?a?=@c.org", "a@b.org,c@d.org", "\xff@b.org",
		strings.Repeat("a", 65) + "@example.org", "a@" + domain + "dd", "a@" + strings.Repeat("d", 64) + ".org",
	} {
		require.False(t, accepts(bad), "%q", bad)
	}
}

func TestTel(t *testing.T) {
	accepts := format(t, "tel")
	for _, good := range []string{"+12025550123", "+1 (202) 555-0123", "+49 30 901820", "+49.30.901820", "+4930/901820", "+43 1 525250"} {
		require.True(t, accepts(good), good)
	}
	for _, bad := range []string{
		"", "+", "+1", "12025550123", "0012025550123", "+1202555012", "+999999999999", "+1 800 FLOWERS", "+12025550123 ext. 5", "+12025550123;ext=5",
		"tel:+12025550123", " +12025550123", "++12025550123", "+12025550123\n", "+1\u00a0202 555 0123", "+\uff112025550123", "+1\u200b2025550123", "+" + strings.Repeat("1", 100),
	} {
		require.False(t, accepts(bad), "%q", bad)
	}
}

func TestFormats(t *testing.T) {
	for name, words := range map[string]struct{ good, bad []string }{
		"email_loose": {[]string{"ä@bücher", "a@b", "a@b@c"}, []string{"", "a", "@b", "a@", "a b@c", "a@b\n", "a@b\u200b", "a@\u202eb", strings.Repeat("a", 320) + "@"}},
		"no-validate": {[]string{"", "anything"}, nil},
		"uri":         {[]string{"https://example.org/x?y#z", "urn:a"}, []string{"", "/x", "example.org", "https://[", "%zz:"}},
		"date":        {[]string{"2026-02-28"}, []string{"", "2026-02-30", "28.02.2026", "2026-2-28"}},
		"date-time":   {[]string{"2026-02-28T10:00:00Z", "2026-02-28T10:00:00.5+01:00"}, []string{"", "2026-02-28", "2026-02-28T10:00"}},
		"regex":       {[]string{"^a+$"}, []string{"(", strings.Repeat("a", 1001)}},
	} {
		accepts := format(t, name)
		for _, good := range words.good {
			require.True(t, accepts(good), "%s: %q", name, good)
		}
		for _, bad := range words.bad {
			require.False(t, accepts(bad), "%s: %q", name, bad)
		}
	}
}
