// Package cmd is the program: configuration, the object graph, servers and
// commands. Wire builds everything there is; nothing registers itself.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/foyer-id/foyer/internal/jsonnet"
)

// Main runs the program with its arguments and returns its exit status: 0, 1 for
// what was refused or failed, 2 for a wrong use, of which nothing was begun.
func Main(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	began := false
	notice(root, &began)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(errOut, told(err))
	if wrong := (misuse{}); !began || errors.As(err, &wrong) {
		return 2
	}
	return 1
}

// misuse is a wrong use that a command notices by itself.
type misuse struct{ error }

func misused(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

// notice sets began once c or a command below it was called as it can be.
func notice(c *cobra.Command, began *bool) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			*began = true
			return run(c, args)
		}
	}
	for _, below := range c.Commands() {
		notice(below, began)
	}
}

// told puts several problems under each other, each on a line of its own.
func told(err error) string {
	var problems Problems
	if errors.As(err, &problems) {
		return fmt.Sprintf("The configuration has %d problem(s):\n%s", len(problems), problems.Error())
	}
	return "foyer: " + err.Error()
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "foyer",
		Short:         "Self-service registration and verification for other people's software",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newServe(), newIdentities(), newCourier(), newEvents(), newMigrate(), newSecrets(), newVersion(), newJsonnetChild())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), programVersion()) },
	}
}

// help is what a command does that only has others below it. Any argument is
// refused as unknown before.
func help(c *cobra.Command, _ []string) error { return c.Help() }

// newJsonnetChild is what the program starts to have Jsonnet evaluated; nobody
// else calls it.
func newJsonnetChild() *cobra.Command {
	return &cobra.Command{
		Use:    jsonnetChild,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return jsonnet.Child(os.Stdin, os.Stdout) },
	}
}

const jsonnetChild = "jsonnet-worker"

// self starts this very program again, even if its file was replaced meanwhile.
func self(args ...string) []string {
	path := "/proc/self/exe"
	if _, err := os.Stat(path); err != nil {
		if path, err = os.Executable(); err != nil {
			return nil
		}
	}
	return append([]string{path}, args...)
}

// fileFlag adds -c, which every command that reads a configuration has.
func fileFlag(c *cobra.Command, files *[]string) {
	c.Flags().StringArrayVarP(files, "config", "c", nil, "configuration `FILE` (.yml, .json, .toml); later ones win")
}

// newLogger writes where the configuration says and how.
func newLogger(l Log, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "text" || l.Format == "auto" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// now is the one place that reads the clock, in whole microseconds: what is
// answered is then what the database will say later.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
