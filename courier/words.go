package courier

import (
	"cmp"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/foyer-id/foyer/internal/web"
)

// maxWords bounds what is kept of an error, in bytes.
const maxWords = 1024

const redactedSecret = "[redacted]"

// words is err as it may be stored and shown to operators: one line of readable
// text without the codes and links of d, which a server may have echoed.
func words(err error, d Data) string {
	if err == nil {
		return ""
	}
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(err.Error(), " "))
	proofs := secrets(d)
	text = withoutRest(strings.Join(strings.Fields(text), " "), proofs)
	for _, s := range proofs {
		text = strings.ReplaceAll(text, s, redactedSecret)
	}
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords-len("…")], "") + "…"
	}
	return cmp.Or(text, "an error without words")
}

// withoutRest redacts the beginning of a secret at the end of text, where
// whoever kept the server's answer has cut it off.
func withoutRest(text string, secrets []string) string {
	body := strings.TrimRight(text, "….")
	for _, s := range secrets {
		for n := len(s) - 1; n >= min(6, len(s)/2); n-- {
			if before, found := strings.CutSuffix(body, s[:n]); found {
				return before + redactedSecret + text[len(body):]
			}
		}
	}
	return text
}

// secrets lists what proves something: codes, links, and what a link's query
// consists of, the longest first.
func secrets(d Data) (all []string) {
	for name, value := range d {
		s, ok := value.(string)
		if !ok || len(s) < 4 {
			continue
		}
		switch {
		case strings.HasSuffix(name, "_code"):
			all = append(all, s)
		case strings.HasSuffix(name, "_url"):
			all = append(all, s)
			u, err := url.Parse(s)
			if err != nil {
				continue
			}
			for _, values := range u.Query() {
				for _, v := range values {
					if len(v) >= 6 {
						all = append(all, v, url.QueryEscape(v))
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// about is what a log line says of a message.
func about(m *Message) []slog.Attr {
	return []slog.Attr{
		slog.String("message_id", m.ID.String()), slog.String("template", m.Template), slog.String("channel", m.Channel),
		slog.Int("attempt", m.SendCount), slog.String("to", shown(m)),
	}
}

// shown is who m goes to, as far as a log may tell: people are not named,
// receivers of events are.
func shown(m *Message) string {
	if m.Queue == Events {
		return m.Recipient
	}
	return mask(m.Recipient)
}

// cause is what a log line says of an error: its words without addresses.
func cause(m *Message, text string) slog.Attr {
	for _, address := range []string{m.Recipient, strings.TrimPrefix(m.Recipient, "+")} {
		if address != "" && m.Queue != Events {
			text = strings.ReplaceAll(text, address, redactedSecret)
		}
	}
	return slog.String("cause", web.Redact(text))
}

// mask leaves of an address what tells an operator where it leads: the first
// letter and the domain, or the first and last digits of a number.
func mask(address string) string {
	if at := strings.LastIndexByte(address, '@'); at > 0 {
		first := []rune(address[:at])[:1]
		return string(first) + "…" + address[at:]
	}
	if len(address) < 8 {
		return "…"
	}
	return strings.ToValidUTF8(address[:3], "") + "…" + strings.ToValidUTF8(address[len(address)-2:], "")
}
