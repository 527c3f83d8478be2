package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// paging is how much of a list is asked for.
type paging struct {
	all  bool
	size int
	most int // on one page
}

func (p *paging) flags(c *cobra.Command, most int) {
	p.most = most
	c.Flags().BoolVar(&p.all, "all", false, "all of them, page by page, not the first page only")
	c.Flags().IntVar(&p.size, "page-size", 0, fmt.Sprintf("`N` on a page, at most %d; left out: 250, with --all as many as can be", most))
}

// list writes a page, or every page, and tells people of it where there are more.
func (a *adminClient) list(c *cobra.Command, path string, query url.Values, p paging, shown columns) error {
	switch {
	case c.Flags().Changed("page-size"):
		query.Set("page_size", strconv.Itoa(p.size))
	case p.all:
		query.Set("page_size", strconv.Itoa(p.most))
	}
	list := newAdminList(c.OutOrStdout(), a.format, shown)
	for {
		var page []json.RawMessage
		answer, err := a.call(c.Context(), adminCall{method: http.MethodGet, path: path, query: query}, &page)
		if err == nil {
			err = list.add(page)
		}
		if err != nil {
			return err
		}
		if answer.next == "" {
			return list.end()
		}
		if !p.all {
			fmt.Fprintln(c.ErrOrStderr(), "There are more; --all lists them too.")
			return list.end()
		}
		query.Set("page_token", answer.next)
	}
}

// each does something with each of names, by its place. It goes on after one that
// is refused, and tells of that at once; done is what has become of the others.
func each(names []string, errOut io.Writer, done string, do func(n int) error) error {
	if len(names) == 1 {
		return do(0)
	}
	refused := 0
	for n, name := range names {
		err := do(n)
		if own := (*adminError)(nil); errors.As(err, &own) && own.ofOne() {
			refused++
			fmt.Fprintf(errOut, "%s: %v\n", printable(name), err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%d of %d were %s, then: %w", n-refused, len(names), done, err)
		}
	}
	if refused > 0 {
		return fmt.Errorf("%d of %d were not %s", refused, len(names), done)
	}
	return nil
}

// postEach posts to a path of each id, and lists what is answered.
func (a *adminClient) postEach(c *cobra.Command, ids []string, done string, path func(id string) string, shown columns) error {
	var answered []json.RawMessage
	err := each(ids, c.ErrOrStderr(), done, func(n int) error {
		var raw json.RawMessage
		_, err := a.call(c.Context(), adminCall{method: http.MethodPost, path: path(ids[n])}, &raw)
		if err == nil {
			answered = append(answered, raw)
		}
		return err
	})
	if len(answered) == 0 {
		return err
	}
	list := newAdminList(c.OutOrStdout(), a.format, shown)
	return errors.Join(list.add(answered), list.end(), err)
}

// idArgs refuses what cannot be part of a path.
func idArgs(_ *cobra.Command, ids []string) error {
	for _, id := range ids {
		if strings.Trim(id, ".") == "" {
			return misused("%q is no id", id)
		}
	}
	return nil
}
