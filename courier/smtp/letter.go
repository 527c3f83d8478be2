package smtp

import (
	"bytes"
	"errors"
	"net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/foyer-id/foyer/courier"
)

// parcel is a mail ready for the wire.
type parcel struct {
	from, to mailbox
	content  []byte
}

// pack writes l as a mail to the one recipient. Only the address can be refused:
// a subject that is no single line is made one, since a name with a line break
// in it must not keep its owner's mail from being sent.
func (s *Sender) pack(l *courier.Letter) (*parcel, error) {
	to, err := parseMailbox(l.Recipient)
	if err != nil {
		return nil, courier.Permanent(err)
	}
	if l.MessageID.IsNil() {
		return nil, courier.Permanent(errors.New("the letter has no message id"))
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP))
	for name, value := range s.set.headers {
		m.SetGenHeader(gomail.Header(name), value)
	}
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.FromMailAddress(&mail.Address{Name: s.set.fromName, Address: s.set.from.String()})
	m.ToMailAddress(&mail.Address{Address: to.String()})
	m.SetMessageIDWithValue(l.MessageID.String() + "@" + s.set.from.domain)
	m.Subject(oneLine(l.Subject, 250))
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	if l.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	}
	var content bytes.Buffer
	if _, err := m.WriteTo(&content); err != nil {
		return nil, courier.Permanent(err)
	}
	return &parcel{from: s.set.from, to: to, content: content.Bytes()}, nil
}

// oneLine makes s one line of at most n bytes. Runs of control characters and
// spaces become a space, and nothing in it reads as an encoded word.
func oneLine(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\ufffd"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	s = strings.ReplaceAll(s, "=?", "= ?")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
