package opsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// claimLies are rightly signed, and say what must not be believed.
var claimLies = []Lie{
	claim("iss_other", "iss", "https://other.example.org"),
	edit("iss_slash", "iss with a slash at its end", "iss", func(v any) any { return v.(string) + "/" }),
	edit("iss_case", "iss in other letters", "iss", func(v any) any { return strings.Replace(v.(string), "http", "HTTP", 1) }),
	claim("iss_empty", "iss", ""),
	missing("iss_missing", "iss"),
	claim("aud_other", "aud", "another client"),
	claim("aud_empty", "aud", ""),
	claim("aud_number", "aud", 7),
	claim("aud_empty_list", "aud", []string{}),
	claim("aud_list_other", "aud", []string{"another client", "a third"}),
	edit("aud_case", "aud in other letters", "aud", func(v any) any { return strings.ToUpper(v.(string)) }),
	edit("aud_longer", "aud begins with the client's name", "aud", func(v any) any { return v.(string) + "2" }),
	missing("aud_missing", "aud"),
	{Name: "aud_several_no_azp", What: "several audiences, and nobody it was issued to", Ways: Both, Outcome: Refused, JWT: audiences("")},
	{Name: "aud_several_azp_other", What: "several audiences, issued to another", Ways: Both, Outcome: Refused, JWT: audiences("another client")},
	{Name: "azp_other", What: "issued to another client, for this one", Ways: Code, Outcome: Refused, JWT: set("azp", "another client")},
	after("exp_past", "expired an hour ago", "exp", -time.Hour),
	claim("exp_zero", "exp", 0),
	claim("exp_string", "exp", "tomorrow"),
	missing("exp_missing", "exp"),
	after("iat_future", "issued in an hour", "iat", time.Hour),
	claim("iat_string", "iat", "yesterday"),
	missing("iat_missing", "iat"),
	after("nbf_future", "not good before an hour has passed", "nbf", time.Hour),
	missing("nonce_missing", "nonce"),
	claim("nonce_empty", "nonce", ""),
	claim("nonce_other", "nonce", "the nonce of another login"),
	claim("nonce_number", "nonce", 7),
	edit("nonce_case", "the nonce in other letters", "nonce", func(v any) any { return swapCase(v.(string)) }),
	edit("nonce_list", "the nonce in a list", "nonce", func(v any) any { return []any{v} }),
	missing("sub_missing", "sub"),
	claim("sub_empty", "sub", ""),
	claim("sub_null", "sub", nil),
	claim("sub_number", "sub", 7),
	claim("sub_list", "sub", []string{"ada"}),
	claim("sub_long", "sub", strings.Repeat("a", 300)),
	claim("sub_control", "sub", "ada\x00\n"),
	{Name: "at_hash_wrong", What: "at_hash of another access token", Ways: Code, Outcome: Refused, JWT: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
	{Name: "twice_sub", What: "sub twice", Ways: Both, Outcome: Refused, Payload: again(`"sub":"eve"`)},
	{Name: "twice_aud", What: "aud twice, the last is right", Ways: Both, Outcome: Refused, Payload: before(`"aud":"another client"`)},
	{Name: "twice_email", What: "email twice", Ways: Both, Outcome: Refused, Payload: again(`"email":"eve@example.com"`)},
	{Name: "twice_email_verified", What: "email_verified twice", Ways: Both, Outcome: Refused, Payload: before(`"email_verified":false`)},
	{Name: "case_aud", What: "aud of another client, and the right one in other letters", Ways: Both, Outcome: Refused, Payload: inOtherLetters("aud", "AUD", "another client")},
	{Name: "case_nonce", What: "another nonce, and the right one in other letters", Ways: Both, Outcome: Refused, Payload: inOtherLetters("nonce", "nOnce", "the nonce of another login")},
	{Name: "case_iss", What: "another iss, and the right one in other letters", Ways: Both, Outcome: Refused, Payload: inOtherLetters("iss", "Iss", "https://other.example.org")},
	{Name: "case_sub", What: "no sub, but one in other letters", Ways: Both, Outcome: Refused, Payload: inOtherLetters("sub", "SUB", nil)},
	{Name: "case_exp", What: "expired, and later in other letters", Ways: Both, Outcome: Refused, Payload: inOtherLetters("exp", "EXP", 1)},
	{Name: "payload_list", What: "claims in a list", Ways: Both, Outcome: Refused, Payload: func(b []byte) []byte { return []byte("[" + string(b) + "]") }},
	{Name: "payload_null", What: "no claims: null", Ways: Both, Outcome: Refused, Payload: func([]byte) []byte { return []byte("null") }},
	{Name: "payload_empty", What: "no claims: {}", Ways: Both, Outcome: Refused, Payload: func([]byte) []byte { return []byte("{}") }},
	{Name: "payload_two", What: "a second object after the claims", Ways: Both, Outcome: Refused, Payload: func(b []byte) []byte { return append(b, []byte(` {"sub":"eve"}`)...) }},
	{Name: "payload_deep", What: "a claim of 2000 nested lists", Ways: Both, Outcome: Refused, Payload: again(`"x":` + strings.Repeat("[", 2_000) + strings.Repeat("]", 2_000))},
}

// addressLies are rightly signed, and do not prove an address.
var addressLies = []Lie{
	unproved("email_verified_false", false),
	unproved("email_verified_string", "true"),
	unproved("email_verified_string_false", "false"),
	unproved("email_verified_upper", "TRUE"),
	unproved("email_verified_number", 1),
	unproved("email_verified_null", nil),
	unproved("email_verified_list", []bool{true}),
	unproved("email_verified_object", map[string]any{"value": true}),
	{Name: "email_verified_absent", What: "no email_verified", Ways: Both, Outcome: Unproved, JWT: drop("email_verified")},
	{Name: "email_verified_case", What: "email_verified is false, and true in other letters", Ways: Both, Outcome: Refused, Payload: inOtherLetters("email_verified", "Email_Verified", false)},
	{Name: "email_missing", What: "no e-mail address", Ways: Native, Outcome: Refused, JWT: drop("email")},
	{Name: "email_rubbish", What: "email is no address", Ways: Both, Outcome: Refused, JWT: set("email", "no address")},
	{Name: "email_list", What: "email is a list", Ways: Both, Outcome: Refused, JWT: set("email", []string{"ada@example.com"})},
	{Name: "email_newline", What: "email with a second line", Ways: Both, Outcome: Refused, JWT: set("email", "ada@example.com\nBcc: eve@example.com")},
}

func set(name string, value any) func(*Provider, *JWT) {
	return func(_ *Provider, t *JWT) { t.Claims[name] = value }
}

func drop(name string) func(*Provider, *JWT) {
	return func(_ *Provider, t *JWT) { delete(t.Claims, name) }
}

func claim(lie, name string, value any) Lie {
	return Lie{Name: lie, What: name + " is another", Ways: Both, Outcome: Refused, JWT: set(name, value)}
}

func missing(lie, name string) Lie {
	return Lie{Name: lie, What: "no " + name, Ways: Both, Outcome: Refused, JWT: drop(name)}
}

func edit(lie, what, name string, change func(any) any) Lie {
	return Lie{Name: lie, What: what, Ways: Both, Outcome: Refused, JWT: func(_ *Provider, t *JWT) {
		if v, ok := t.Claims[name]; ok {
			t.Claims[name] = change(v)
		}
	}}
}

func after(lie, what, name string, d time.Duration) Lie {
	return Lie{Name: lie, What: what, Ways: Both, Outcome: Refused, JWT: func(p *Provider, t *JWT) { t.Claims[name] = p.config.Now().Add(d).Unix() }}
}

func unproved(lie string, value any) Lie {
	return Lie{Name: lie, What: "email_verified is no boolean true", Ways: Both, Outcome: Unproved, JWT: set("email_verified", value)}
}

func audiences(azp string) func(*Provider, *JWT) {
	return func(_ *Provider, t *JWT) {
		t.Claims["aud"] = []any{t.Claims["aud"], "another client"}
		if azp != "" {
			t.Claims["azp"] = azp
		}
	}
}

// inOtherLetters moves a claim to a name that differs in case, behind all others, and
// puts value, nil for nothing, in its place.
func inOtherLetters(name, other string, value any) func([]byte) []byte {
	return func(b []byte) []byte {
		var claims map[string]json.RawMessage
		if err := json.Unmarshal(b, &claims); err != nil {
			panic(err) // claims of this package
		}
		moved := claims[name]
		delete(claims, name)
		if value != nil {
			claims[name], _ = json.Marshal(value)
		}
		b, _ = json.Marshal(claims)
		if moved == nil {
			return b
		}
		return again(fmt.Sprintf("%q:%s", other, moved))(b)
	}
}

// again adds a member at the end, before one at the beginning.
func again(member string) func([]byte) []byte {
	return func(b []byte) []byte { return append(bytes.TrimSuffix(b, []byte("}")), ","+member+"}"...) }
}

func before(member string) func([]byte) []byte {
	return func(b []byte) []byte { return append([]byte("{"+member+","), bytes.TrimPrefix(b, []byte("{"))...) }
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}
