package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// verifying has who registers verify their address by what was mailed.
func verifying(p *program) {
	with("selfservice.flows.registration.after.password.hooks", []map[string]any{{"hook": "session"}, {"hook": "show_verification_ui"}})(p)
	with("selfservice.flows.verification", map[string]any{"enabled": true, "ui_url": p.UI + "/verification"})(p)
}

// provingFirst has nobody exist before their address is verified.
func provingFirst(p *program) {
	with("selfservice.flows.verification", map[string]any{"enabled": true, "ui_url": p.UI + "/verification"})(p)
	with("selfservice.flows.registration.verify_before_create", true)(p)
}

// mail is a message in the inbox of dev mode.
type mail struct {
	ID        string         `json:"id"`
	Recipient string         `json:"recipient"`
	Template  string         `json:"template_type"`
	Locale    string         `json:"locale"`
	Subject   string         `json:"subject"`
	Text      string         `json:"text"`
	Data      map[string]any `json:"data"`
	CreatedAt time.Time      `json:"created_at"`
}

// inbox lists the messages to an address, the newest first.
func (p *program) inbox(recipient string) (list []mail) {
	p.t.Helper()
	res, err := http.Get(p.Admin + "/admin/inbox/messages?recipient=" + url.QueryEscape(recipient))
	require.NoError(p.t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(p.t, http.StatusOK, res.StatusCode)
	require.NoError(p.t, json.NewDecoder(res.Body).Decode(&list))
	return list
}

// mailed is the only message to an address.
func (p *program) mailed(recipient string) mail {
	p.t.Helper()
	list := p.inbox(recipient)
	require.Len(p.t, list, 1)
	return list[0]
}

func (m mail) datum(suffix string) string {
	for name, value := range m.Data {
		if text, ok := value.(string); ok && name != "request_url" && strings.HasSuffix(name, suffix) {
			return text
		}
	}
	return ""
}

func (m mail) code() string { return m.datum("_code") }
func (m mail) link() string { return m.datum("_url") }

// wrong is a code of the same form that is not m's.
func (m mail) wrong() string {
	code := m.code()
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

// verified reports whether the one person with that address has proved it.
func (p *program) verified(email string) bool {
	p.t.Helper()
	found, _, err := sdk(p.Admin, nil).IdentityAPI.ListIdentities(background).CredentialsIdentifier(email).Execute()
	require.NoError(p.t, err)
	require.Len(p.t, found, 1)
	require.Len(p.t, found[0].VerifiableAddresses, 1)
	return found[0].VerifiableAddresses[0].Verified
}
