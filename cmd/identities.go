package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

const identitiesPath = "/admin/identities"

func identityPath(id string) string { return identitiesPath + "/" + url.PathEscape(id) }

func newIdentities() *cobra.Command {
	a := &adminClient{}
	c := &cobra.Command{
		Use:   "identities",
		Short: "List, read, change and delete the identities of a running server",
		Args:  cobra.NoArgs, RunE: help,
	}
	a.flags(c)
	c.AddCommand(newIdentitiesList(a), newIdentitiesGet(a), newIdentitiesPatch(a), newIdentitiesDelete(a))
	return c
}

func newIdentitiesList(a *adminClient) *cobra.Command {
	var paged paging
	var ids []string
	identifier := ""
	c := &cobra.Command{
		Use:   "list",
		Short: "List identities, in the order of their ids",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			query := url.Values{}
			for _, id := range ids {
				query.Add("ids", id)
			}
			if identifier != "" {
				query.Set("credentials_identifier", identifier)
			}
			return a.list(c, identitiesPath, query, paged, identityColumns)
		},
	}
	c.Flags().StringVar(&identifier, "identifier", "", "only who signs in with this `NAME`, in any spelling, or with an account as provider:subject")
	c.Flags().StringSliceVar(&ids, "id", nil, "only who has this `ID`; may be repeated, to 500")
	complete(c, "identifier")
	complete(c, "id")
	paged.flags(c, 500)
	return c
}

func newIdentitiesGet(a *adminClient) *cobra.Command {
	var external []string
	c := &cobra.Command{
		Use:   "get ID... | --external-id ID",
		Short: "Show identities with all there is but what proves them",
		Long:  "Show identities with all there is but what proves them. As JSON they come one after another.",
		Args:  idArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, ids []string) error {
			if len(ids)+len(external) == 0 {
				return misused("name identities by their ids, or with --external-id by those of your own system")
			}
			var names, paths []string
			for _, id := range ids {
				names, paths = append(names, id), append(paths, identityPath(id))
			}
			for _, id := range external {
				names, paths = append(names, id), append(paths, identitiesPath+"/by/external/"+url.PathEscape(id))
			}
			if err := idArgs(c, external); err != nil {
				return err
			}
			return each(names, c.ErrOrStderr(), "shown", func(n int) error {
				return a.showIdentity(c, adminCall{method: http.MethodGet, path: paths[n]})
			})
		},
	}
	c.Flags().StringArrayVar(&external, "external-id", nil, "by the `ID` your own system has for it; may be repeated")
	complete(c, "external-id")
	return c
}

// showIdentity writes the identity that a call answers with.
func (a *adminClient) showIdentity(c *cobra.Command, call adminCall) error {
	var raw json.RawMessage
	answer, err := a.call(c.Context(), call, &raw)
	if err != nil {
		return err
	}
	return printIdentity(c.OutOrStdout(), a.format, raw, answer.etag)
}

func newIdentitiesDelete(a *adminClient) *cobra.Command {
	yes := false
	c := &cobra.Command{
		Use:   "delete ID...",
		Short: "Delete identities for good, with their credentials and sessions",
		Args:  cobra.MatchAll(cobra.MinimumNArgs(1), idArgs), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, ids []string) error {
			if !yes {
				if err := confirm(c, fmt.Sprintf("Delete for good, with credentials and sessions?\n  %s\n", strings.Join(ids, "\n  "))); err != nil {
					return err
				}
			}
			return each(ids, c.ErrOrStderr(), "deleted", func(n int) error {
				_, err := a.call(c.Context(), adminCall{method: http.MethodDelete, path: identityPath(ids[n])}, nil)
				if err == nil && a.format == "table" {
					_, err = fmt.Fprintln(c.OutOrStdout(), "deleted", printable(ids[n]))
				}
				return err
			})
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask; needed where there is no terminal")
	return c
}

// confirm asks whoever sits at the terminal. Anything but a yes is an error.
func confirm(c *cobra.Command, question string) error {
	if !isTerminal(c.InOrStdin()) {
		return misused("there is no terminal to ask at; with --yes nobody is asked")
	}
	fmt.Fprint(c.ErrOrStderr(), printable(question), "[y/N] ")
	line, err := readLine(c.Context(), c.InOrStdin())
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("nothing was done: %w", err)
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return errors.New("that was no yes; nothing was done")
	}
	return nil
}

// readLine reads a line, unless ctx ends before: then the read is left behind.
func readLine(ctx context.Context, in io.Reader) (line string, err error) {
	done := make(chan struct{})
	var got string
	var failed error
	go func() {
		defer close(done)
		got, failed = bufio.NewReader(in).ReadString('\n')
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-done:
		return got, failed
	}
}
