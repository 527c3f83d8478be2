package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/foyer-id/foyer/internal/fail"
)

const maxReturnTo = 2048 // bytes

// ReturnTo decides where a browser may be sent. The same decision is made when
// a flow begins and when it ends, so that a changed list counts at once.
type ReturnTo struct {
	fallback *url.URL
	home     site // of fallback
	allowed  []target
}

// target is a place on the list: a site, and a path that covers itself and
// what lies below it.
type target struct {
	sitePattern
	path string // without a final slash
}

// NewReturnTo returns the decision for the list allowed, whose hosts may begin
// with "*.". defaultURL, exactly as it is, and everything under
// publicBase/self-service are on the list by themselves.
func NewReturnTo(defaultURL string, allowed []string, publicBase string) (*ReturnTo, error) {
	t := &ReturnTo{}
	var errs []error
	fallback, u, err := parsePattern(defaultURL)
	if err != nil || fallback.wild {
		errs = append(errs, fmt.Errorf("selfservice.default_browser_return_url: %q is no absolute URL", defaultURL))
	}
	t.fallback, t.home = u, fallback.site
	for i, raw := range allowed {
		if err := t.allow(raw, ""); err != nil {
			errs = append(errs, fmt.Errorf("selfservice.allowed_return_urls.%d: %w", i, err))
		}
	}
	if err := t.allow(publicBase, "/self-service"); err != nil {
		errs = append(errs, fmt.Errorf("serve.public.base_url: %w", err))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return t, nil
}

func (t *ReturnTo) allow(raw, below string) error {
	p, u, err := parsePattern(raw)
	if err != nil {
		return err
	}
	dir := strings.TrimRight(u.EscapedPath(), "/") + below
	if why := ambiguousPath(dir); why != "" {
		return fmt.Errorf("%q cannot be allowed: its path %s", raw, why)
	}
	t.allowed = append(t.allowed, target{sitePattern: p, path: dir})
	return nil
}

// Default returns the URL to go to when none is asked for.
func (t *ReturnTo) Default() string { return t.fallback.String() }

// Check returns raw as the absolute URL to redirect to, or a *fail.Error
// self_service_flow_return_to_forbidden. A raw that begins with one slash is
// taken on the site of the default URL; an empty one is the default URL.
func (t *ReturnTo) Check(raw string) (string, error) {
	if raw == "" {
		return t.Default(), nil
	}
	u, why := t.parse(raw)
	if why != "" {
		return "", forbidden(why)
	}
	where, err := siteOf(u)
	if err != nil {
		return "", forbidden(err.Error())
	}
	if why := ambiguousPath(u.EscapedPath()); why != "" {
		return "", forbidden("its path " + why)
	}
	if t.lists(where, u) {
		return u.String(), nil
	}
	return "", forbidden("it is not on the list")
}

// parse reads raw once; everything later looks at the result only.
func (t *ReturnTo) parse(raw string) (u *url.URL, why string) {
	if len(raw) > maxReturnTo {
		return nil, fmt.Sprintf("it is longer than %d bytes", maxReturnTo)
	}
	if !utf8.ValidString(raw) || strings.ContainsFunc(raw, func(r rune) bool {
		return r == '\\' || unicode.IsControl(r) || unicode.IsSpace(r)
	}) {
		return nil, "it contains a space, a control character or a backslash"
	}
	relative := strings.HasPrefix(raw, "/")
	if relative && strings.HasPrefix(raw, "//") {
		return nil, "it begins with two slashes"
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, "it is no URL"
	case relative:
		u.Scheme, u.Host = t.fallback.Scheme, t.fallback.Host
	case u.Scheme == "" || u.Host == "":
		return nil, "it is neither an absolute URL nor a path that begins with a slash"
	}
	if why := encodedControls(u.RawQuery); why != "" {
		return nil, "its query " + why
	}
	if why := encodedControls(u.EscapedFragment()); why != "" {
		return nil, "its fragment " + why
	}
	u.Host = strings.ToLower(u.Host)
	return u, ""
}

func (t *ReturnTo) lists(where site, u *url.URL) bool {
	p := u.EscapedPath()
	if where == t.home && cmp.Or(p, "/") == cmp.Or(t.fallback.EscapedPath(), "/") &&
		u.RawQuery == t.fallback.RawQuery && u.EscapedFragment() == t.fallback.EscapedFragment() {
		return true
	}
	for _, a := range t.allowed {
		if !a.match(where) {
			continue
		}
		if rest, ok := strings.CutPrefix(p, a.path); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// ambiguousPath names what makes an escaped path mean different things to different
// readers: dot segments, and separators, controls or escapes hidden behind
// escapes.
func ambiguousPath(p string) string {
	plain, err := url.PathUnescape(p)
	if err != nil || !utf8.ValidString(plain) {
		return "is not validly percent-encoded"
	}
	switch {
	case strings.Count(plain, "/") != strings.Count(p, "/"):
		return "contains an escaped slash"
	case strings.HasPrefix(plain, "//"):
		return "begins with two slashes"
	case strings.ContainsFunc(plain, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }):
		return "contains a backslash or a control character"
	case escape.MatchString(plain):
		return "is escaped twice"
	}
	for part := range strings.SplitSeq(plain, "/") {
		if name, _, _ := strings.Cut(part, ";"); name == "." || name == ".." {
			return "contains a . or .. segment"
		}
	}
	return ""
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

func encodedControls(s string) string {
	plain, err := url.QueryUnescape(s)
	switch {
	case err != nil || !utf8.ValidString(plain):
		return "is not validly percent-encoded"
	case strings.ContainsFunc(plain, unicode.IsControl):
		return "contains a control character"
	}
	return ""
}

func forbidden(why string) error {
	return fail.New(fail.BadRequest, "self_service_flow_return_to_forbidden",
		"The requested return_to is not allowed: "+why+". Places to return to are listed under selfservice.allowed_return_urls.")
}
