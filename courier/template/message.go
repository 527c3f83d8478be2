package template

import "github.com/foyer-id/foyer/courier"

// message is what is fixed about one message, whatever its language.
type message struct {
	name string
	code string // the data's key of the code; empty for none
	url  string // the data's key of the link; empty for none
	sms  bool
	// signIn makes the brand's sign-in page the link.
	signIn bool
}

// linked reports whether the message may have a button.
func (m message) linked() bool { return m.url != "" || m.signIn }

// channels are those that have a text for the message.
func (m message) channels() []string {
	if m.sms {
		return []string{courier.Email, courier.SMS}
	}
	return []string{courier.Email}
}

// messages are all messages there are, by the wire's template_type.
var messages = []message{
	{name: "verification_code_valid", code: "verification_code", url: "verification_url", sms: true},
	{name: "verification_code_invalid"},
	{name: "verification_valid", url: "verification_url"},
	{name: "verification_invalid"},
	{name: "registration_code_valid", code: "registration_code", url: "registration_url", sms: true},
	{name: "registration_code_invalid", signIn: true, sms: true},
	{name: "recovery_code_valid", code: "recovery_code", url: "recovery_url", sms: true},
	{name: "recovery_code_invalid"},
	{name: "recovery_valid", url: "recovery_url"},
	{name: "recovery_invalid"},
	{name: "login_code_valid", code: "login_code", sms: true},
	{name: "verifiable_address_changed", sms: true},
	{name: Test, sms: true},
}

// Test is the message that shows whether messages get through. It cannot be
// overridden.
const Test = "test"

// Names lists all messages, by the wire's template_type.
func Names() []string {
	names := make([]string, len(messages))
	for i, m := range messages {
		names[i] = m.name
	}
	return names
}

func messageOf(name string) (message, bool) {
	for _, m := range messages {
		if m.name == name {
			return m, true
		}
	}
	return message{}, false
}
