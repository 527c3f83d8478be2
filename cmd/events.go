package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newEvents() *cobra.Command {
	a := &adminClient{}
	c := &cobra.Command{
		Use:   "events",
		Short: "Look at what other systems are told, and tell it again",
		Long:  "Look at events, web_hooks and ends of reservations as a running server has them stored, and have them sent again.",
		Args:  cobra.NoArgs, RunE: help,
	}
	a.flags(c)
	c.AddCommand(newEventsList(a), newEventsGet(a), newEventsReplay(a))
	return c
}

const eventsPath = "/admin/events"

// eventFilter is which events are meant.
type eventFilter struct {
	status, kind, receiver, since, until string
}

func (f *eventFilter) flags(c *cobra.Command, states ...string) {
	c.Flags().StringVar(&f.status, "status", "", "only those of this `STATUS`: "+strings.Join(states, ", "))
	complete(c, "status", states...)
	c.Flags().StringVar(&f.kind, "type", "", "only of this `TYPE`, such as registration.completed")
	c.Flags().StringVar(&f.receiver, "receiver", "", "only for this `RECEIVER`: the id of an endpoint, or the name of a web_hook")
	c.Flags().StringVar(&f.since, "since", "", "only those stored since then: a `TIME` (RFC 3339), or a duration such as 2h before now")
	c.Flags().StringVar(&f.until, "until", "", "only those stored before then: a `TIME` or a duration")
}

// values are what f says, by the API's names.
func (f *eventFilter) values() (map[string]string, error) {
	all := map[string]string{"status": f.status, "type": f.kind, "receiver": f.receiver}
	for name, given := range map[string]string{"since": f.since, "until": f.until} {
		at, err := timeFlag(name, given)
		if err != nil {
			return nil, err
		}
		all[name] = at
	}
	for name, value := range all {
		if value == "" {
			delete(all, name)
		}
	}
	return all, nil
}

// timeFlag is the time that a flag gives as such, or by how long ago it was.
func timeFlag(flag, given string) (string, error) {
	if given == "" {
		return "", nil
	}
	if ago, err := time.ParseDuration(given); err == nil && ago >= 0 {
		return now().Add(-ago).Format(time.RFC3339Nano), nil
	}
	at, err := time.Parse(time.RFC3339, given)
	if err != nil {
		return "", misused("--%s is %q and has to be a duration such as 2h, or a time such as 2026-01-31T14:00:00Z", flag, given)
	}
	return at.UTC().Format(time.RFC3339Nano), nil
}

func newEventsList(a *adminClient) *cobra.Command {
	var f eventFilter
	var paged paging
	subject := ""
	c := &cobra.Command{
		Use:   "list",
		Short: "List events, newest first",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			given, err := f.values()
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, value := range given {
				query.Set(name, value)
			}
			if subject != "" {
				query.Set("subject", subject)
			}
			return a.list(c, eventsPath, query, paged, eventColumns)
		},
	}
	f.flags(c, "queued", "processing", "delivered", "abandoned")
	paged.flags(c, 1000)
	c.Flags().StringVar(&subject, "subject", "", "only about this identity or flow, by its `ID`; needs --receiver")
	return c
}

func newEventsGet(a *adminClient) *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show an event with its attempts and what it says",
		Args:  cobra.MatchAll(cobra.ExactArgs(1), idArgs), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			var raw json.RawMessage
			if _, err := a.call(c.Context(), adminCall{method: http.MethodGet, path: eventPath(args[0])}, &raw); err != nil {
				return err
			}
			return showEvent(c.OutOrStdout(), a.format, raw)
		},
	}
}

func eventPath(id string) string { return eventsPath + "/" + url.PathEscape(id) }

func newEventsReplay(a *adminClient) *cobra.Command {
	var f eventFilter
	c := &cobra.Command{
		Use:   "replay ID... | --since TIME",
		Short: "Send events again, under the ids they have",
		Long: "Send events again, under the ids they have: those named, or all that were delivered or given up since a time.\n" +
			"What waits behind them for the same person and receiver waits until they have left.",
		Args: idArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, ids []string) error {
			given, err := f.values()
			switch {
			case err != nil:
				return err
			case len(ids) > 0 && len(given) > 0:
				return misused("either name events by their ids, or say which with --since and the others")
			case len(ids) > 0:
				return a.postEach(c, ids, "queued again", func(id string) string { return eventPath(id) + "/replay" }, eventColumns)
			case f.since == "":
				return misused("name events by their ids, or say with --since from when on")
			}
			return a.replayRange(c.Context(), given, c.OutOrStdout())
		},
	}
	f.flags(c, "delivered", "abandoned")
	return c
}

func (a *adminClient) replayRange(ctx context.Context, given map[string]string, out io.Writer) error {
	var raw json.RawMessage
	if _, err := a.call(ctx, adminCall{method: http.MethodPost, path: "/admin/event-replays", body: given}, &raw); err != nil {
		return err
	}
	if a.format == "json" {
		_, err := fmt.Fprintln(out, string(raw))
		return err
	}
	var done struct {
		Replayed int `json:"replayed"`
	}
	if err := json.Unmarshal(raw, &done); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d queued again\n", done.Replayed)
	return err
}
