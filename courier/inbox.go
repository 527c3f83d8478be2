package courier

import (
	"context"
	_ "embed"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"
)

// InboxPath is where the inbox lies in the admin API. Unlike the rest of it,
// people open it with a browser: see web.ProgramsOnly.
const InboxPath = "/admin/inbox"

// Inbox is the sender of dev mode, where no server is configured: every letter
// counts as sent, and the inbox shows it.
type Inbox struct{}

// Send implements Sender.
func (Inbox) Send(context.Context, *Letter) error { return nil }

const (
	inboxSize    = 100 // messages the page lists, and the JSON list without a limit
	maxInboxSize = 1000
)

// item is a message in the inbox.
type item struct {
	ID           string    `json:"id"`
	Status       Status    `json:"status"`
	Recipient    string    `json:"recipient"`
	Channel      string    `json:"channel"`
	TemplateType string    `json:"template_type"`
	Locale       string    `json:"locale"`
	Subject      string    `json:"subject"`
	Text         string    `json:"text"`
	HTML         string    `json:"html"`
	Data         Data      `json:"data"`
	LastError    string    `json:"last_error,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
}

func (h *HTTP) item(m *Message) item {
	l := h.letter(m)
	i := item{
		ID: m.ID.String(), Status: m.Status, Recipient: m.Recipient, Channel: m.Channel, TemplateType: m.Template, Locale: m.Locale,
		Subject: l.Subject, Text: l.Text, HTML: l.HTML, Data: l.Data, LastError: m.LastError, CreatedAt: m.CreatedAt.UTC(),
	}
	if i.Data == nil {
		i.Data = Data{}
	}
	return i
}

// Title is what stands for the message in a list.
func (i item) Title() string {
	if i.Subject != "" {
		return i.Subject
	}
	first, _, _ := strings.Cut(strings.TrimSpace(i.Text), "\n")
	if first == "" {
		return i.TemplateType
	}
	return first
}

// Code is the code that the message brings, or "".
func (i item) Code() string { return i.find("_code") }

// Link is the link that the message brings, or "".
func (i item) Link() string { return i.find("_url") }

func (i item) find(suffix string) string {
	for _, name := range slices.Sorted(maps.Keys(i.Data)) {
		s, ok := i.Data[name].(string)
		if ok && s != "" && name != "request_url" && strings.HasSuffix(name, suffix) {
			return s
		}
	}
	return ""
}

// inboxView is what the page shows.
type inboxView struct {
	Path      string
	Nonce     string
	Recipient string
	Items     []item
	Known     string // the newest and their states, for the page to see when there is news
	Open      *item
}

//go:embed inbox.html
var inboxHTML string

var inboxPage = template.Must(template.New("inbox").Parse(inboxHTML))

// inNewTab makes the links of a letter open beside the inbox, not in its frame.
func inNewTab(html string) string {
	return strings.Replace(html, "<head>", `<head><base target="_blank">`, 1)
}
