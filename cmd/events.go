package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

func (f *eventFilter) flags(c *cobra.Command, states string) {
	c.Flags().StringVar(&f.status, "status", "", "only those `STATUS`: "+states)
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
		return "", fmt.Errorf("--%s is %q and has to be a duration such as 2h, or a time such as 2026-01-31T14:00:00Z", flag, given)
	}
	return at.UTC().Format(time.RFC3339Nano), nil
}

func newEventsList(a *adminClient) *cobra.Command {
	var f eventFilter
	subject, all := "", false
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
			more, err := a.listEvents(c.Context(), query, all, c.OutOrStdout())
			if more {
				fmt.Fprintln(c.ErrOrStderr(), "There are more; --all lists them too.")
			}
			return err
		},
	}
	f.flags(c, "queued, processing, delivered or abandoned")
	c.Flags().StringVar(&subject, "subject", "", "only about this identity or flow, by its `ID`; needs --receiver")
	c.Flags().BoolVar(&all, "all", false, "all of them, not the newest 250 only")
	return c
}

// listEvents writes a page, or every page, and tells whether there are more.
func (a *adminClient) listEvents(ctx context.Context, query url.Values, all bool, out io.Writer) (more bool, err error) {
	if all {
		query.Set("page_size", "1000")
	}
	list := newEventList(out, a.format)
	for {
		var page []json.RawMessage
		next, err := a.call(ctx, http.MethodGet, eventsPath, query, nil, &page)
		if err == nil {
			err = list.add(page)
		}
		if err != nil {
			return false, err
		}
		if next == "" || !all {
			return next != "", list.end()
		}
		query.Set("page_token", next)
	}
}

func newEventsGet(a *adminClient) *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show an event with its attempts and what it says",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var raw json.RawMessage
			if _, err := a.call(c.Context(), http.MethodGet, eventPath(args[0]), nil, nil, &raw); err != nil {
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
		RunE: func(c *cobra.Command, ids []string) error {
			given, err := f.values()
			switch {
			case err != nil:
				return err
			case len(ids) > 0 && len(given) > 0:
				return errors.New("either name events by their ids, or say which with --since and the others")
			case len(ids) > 0:
				return a.replayEvents(c.Context(), ids, c.OutOrStdout(), c.ErrOrStderr())
			case f.since == "":
				return errors.New("name events by their ids, or say with --since from when on")
			}
			return a.replayRange(c.Context(), given, c.OutOrStdout())
		},
	}
	f.flags(c, "delivered or abandoned; both without")
	return c
}

// replayEvents goes on after one that is refused, and tells of it at once.
func (a *adminClient) replayEvents(ctx context.Context, ids []string, out, errOut io.Writer) (err error) {
	var done []json.RawMessage
	refused := 0
	for _, id := range ids {
		var raw json.RawMessage
		_, err = a.call(ctx, http.MethodPost, eventPath(id)+"/replay", nil, nil, &raw)
		if own := (*adminError)(nil); errors.As(err, &own) && own.id != "" {
			refused++
			fmt.Fprintf(errOut, "%s: %v\n", printable(id), err)
			continue
		}
		if err != nil {
			break
		}
		done = append(done, raw)
	}
	switch {
	case err != nil && len(done)+refused < len(ids):
		err = fmt.Errorf("%d of %d were queued again, then: %w", len(done), len(ids), err)
	case refused > 0:
		err = fmt.Errorf("%d of %d were not queued again", refused, len(ids))
	}
	if len(done) == 0 && err != nil {
		return err
	}
	list := newEventList(out, a.format)
	return errors.Join(list.add(done), list.end(), err)
}

func (a *adminClient) replayRange(ctx context.Context, given map[string]string, out io.Writer) error {
	var raw json.RawMessage
	if _, err := a.call(ctx, http.MethodPost, "/admin/event-replays", nil, given, &raw); err != nil {
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
