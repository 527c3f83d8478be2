package template

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strings"
	"unicode"

	"github.com/foyer-id/foyer/courier"
)

// root is what an override's dot is at first. It has no methods, and its own
// type only so that a misspelt variable can be told from data that lacks a key.
type root map[string]any

// variables are what override templates may speak of, under the wire's names.
// Each is always there, empty where the message has no such thing.
var variables = root{
	"To": "", "Locale": "", "Brand": map[string]any{},
	"VerificationCode": "", "VerificationURL": "", "RegistrationCode": "", "RegistrationURL": "", "RecoveryCode": "", "RecoveryURL": "", "LoginCode": "",
	"Identity": map[string]any{}, "Traits": map[string]any{}, "TransientPayload": map[string]any{}, "OAuth2LoginRequest": map[string]any{},
	"RequestURL": "", "RequestURLDomain": "", "ExpiresInMinutes": int64(0), "ChangedAt": "",
}

// named turns the data's wire names (verification_url) into those of templates
// (VerificationURL).
func named(d map[string]any, b Brand, locale string) root {
	v := root{}
	for name, zero := range variables {
		v[name] = zero
	}
	for key, value := range d {
		if value != nil {
			v[pascal(key)] = value
		}
	}
	if o, ok := v["OAuth2LoginRequest"].(map[string]any); ok {
		v["OAuth2LoginRequest"] = bothNames(o)
	}
	if u, err := url.Parse(text(v["RequestURL"])); err == nil && v["RequestURLDomain"] == "" {
		v["RequestURLDomain"] = u.Hostname()
	}
	if v["VerificationCode"] == "" {
		v["VerificationCode"] = v["RecoveryCode"] // that is how SMS templates for recovery know it
	}
	v["Locale"] = locale
	v["Brand"] = map[string]any{
		"Name": b.Name, "LogoURL": b.LogoURL, "Color": b.Color, "BackgroundColor": b.BackgroundColor, "TextColor": b.TextColor,
		"Footer": b.Footer, "SupportURL": b.SupportURL, "SignInURL": b.SignInURL,
	}
	return v
}

// bothNames lets a template write .Client.ClientName as well as .client.client_name.
func bothNames(m map[string]any) map[string]any {
	both := make(map[string]any, 2*len(m))
	for key, value := range m {
		if inner, ok := value.(map[string]any); ok && key == "client" {
			value = bothNames(inner)
		}
		both[key], both[pascal(key)] = value, value
	}
	return both
}

func pascal(key string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(key, "_") {
		switch word {
		case "url", "uri", "id":
			b.WriteString(strings.ToUpper(word))
		case "oauth2":
			b.WriteString("OAuth2")
		case "":
		default:
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// plain copies data as maps, lists, strings, numbers and booleans, so that a
// template finds no method to call and no type that escapes escaping. Strings
// lose their control characters and those that turn the direction of text.
func plain(d courier.Data) (map[string]any, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("data of a message: %w", err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("data of a message: %w", err)
	}
	for key, value := range m {
		m[key] = plainValue(value)
	}
	return m, nil
}

func plainValue(v any) any {
	switch v := v.(type) {
	case string:
		return clean(v)
	case float64:
		// 10 minutes are not 1e+01 minutes, and eq compares with 10.
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	case []any:
		for i := range v {
			v[i] = plainValue(v[i])
		}
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			m[clean(key)] = plainValue(value)
		}
		return m
	}
	return v
}

// clean drops what no reader should meet: bytes that are no text, control
// characters but line breaks and tabs, and what turns the direction of text.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f' || r == '\u0085':
			return '\n'
		case r == '\n' || r == '\t':
			return r
		case hidden(r):
			return -1
		}
		return r
	}, s)
}

// hidden reports control characters, marks of direction, and byte order marks.
func hidden(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff' || r == '\u2028' || r == '\u2029'
}

// shown drops control characters but line breaks and tabs. Unlike clean it
// leaves marks of direction, which are the author's own here.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cc, r) && r != '\n' && r != '\t' && r != '\r' {
			return -1
		}
		return r
	}, s)
}

// oneLine makes a single line of s, without space around it.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }
