package cmd

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const messagesPath = "/admin/courier/messages"

// messageRow is of a message what people are shown.
type messageRow struct {
	ID           string    `json:"id"`
	Status       string    `json:"status"`
	Channel      string    `json:"channel"`
	Recipient    string    `json:"recipient"`
	TemplateType string    `json:"template_type"`
	SendCount    int       `json:"send_count"`
	CreatedAt    time.Time `json:"created_at"`
	Foyer        struct {
		LastError string `json:"last_error"`
	} `json:"foyer"`
}

var messageColumns = columns{
	head: []string{"ID", "TEMPLATE", "CHANNEL", "RECIPIENT", "STATUS", "ATTEMPTS", "CREATED", "LAST ERROR"},
	row: func(raw json.RawMessage) ([]string, error) {
		var m messageRow
		err := json.Unmarshal(raw, &m)
		return []string{m.ID, m.TemplateType, m.Channel, m.Recipient, m.Status, strconv.Itoa(m.SendCount), second(&m.CreatedAt), dash(m.Foyer.LastError)}, err
	},
}

func newCourierList() *cobra.Command {
	a := &adminClient{}
	var paged paging
	status, recipient := "", ""
	c := &cobra.Command{
		Use:   "list",
		Short: "List messages of a running server, newest first",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			query := url.Values{}
			for name, value := range map[string]string{"status": status, "recipient": recipient} {
				if value != "" {
					query.Set(name, value)
				}
			}
			return a.list(c, messagesPath, query, paged, messageColumns)
		},
	}
	states := []string{"queued", "processing", "sent", "abandoned"}
	c.Flags().StringVar(&status, "status", "", "only those of this `STATUS`: "+strings.Join(states, ", "))
	complete(c, "status", states...)
	c.Flags().StringVar(&recipient, "recipient", "", "only to this `ADDRESS`, to the letter")
	paged.flags(c, 1000)
	a.flags(c)
	return c
}

func newCourierResend() *cobra.Command {
	a := &adminClient{}
	c := &cobra.Command{
		Use:   "resend ID...",
		Short: "Have a running server send messages again that wait or were given up",
		Args:  cobra.MatchAll(cobra.MinimumNArgs(1), idArgs), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, ids []string) error {
			return a.postEach(c, ids, "queued again", func(id string) string { return messagesPath + "/" + url.PathEscape(id) + "/resend" }, messageColumns)
		},
	}
	a.flags(c)
	return c
}
