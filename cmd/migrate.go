package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/foyer-id/foyer/persistence"
)

func newMigrate() *cobra.Command {
	parent := &cobra.Command{Use: "migrate", Short: "Bring the database to this version's form", Args: cobra.NoArgs, RunE: help}
	sql := &cobra.Command{Use: "sql", Short: "Migrate an SQL database"}
	var files []string
	var fromEnv, yes bool
	run := func(c *cobra.Command, args []string) error {
		return migrate(c.Context(), files, fromEnv, args, c.OutOrStdout())
	}
	flags := func(c *cobra.Command) {
		fileFlag(c, &files)
		c.Flags().BoolVarP(&fromEnv, "read-from-env", "e", false, "take the database from the environment variable DSN or the configuration")
		c.Flags().BoolVarP(&yes, "yes", "y", false, "accepted for scripts; nothing is asked")
	}
	up := &cobra.Command{
		Use:   "up [DSN]",
		Short: "Apply what is not applied yet; safe to run again, and by several at once",
		Args:  cobra.MaximumNArgs(1),
		RunE:  run,
	}
	sql.Args, sql.RunE = cobra.MaximumNArgs(1), run
	flags(up)
	flags(sql)
	sql.AddCommand(up)
	parent.AddCommand(sql)
	return parent
}

func migrate(ctx context.Context, files []string, fromEnv bool, args []string, out io.Writer) error {
	dsn, err := migrationDSN(files, fromEnv, args)
	if err != nil {
		return err
	}
	store, err := persistence.Open(ctx, persistence.Options{DSN: dsn, AllowUnsafe: true, Now: now})
	if err != nil {
		return err
	}
	applied, err := store.Migrate(ctx)
	for _, name := range applied {
		fmt.Fprintln(out, "applied", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Fprintln(out, "nothing to apply")
	}
	return errors.Join(err, store.Close())
}

func migrationDSN(files []string, fromEnv bool, args []string) (string, error) {
	switch {
	case len(args) == 1 && fromEnv:
		return "", errors.New("migrate: give either a DSN or -e, not both")
	case len(args) == 1:
		return args[0], nil
	case !fromEnv:
		return "", errors.New("migrate: give a DSN, or -e to take it from DSN or the file named by -c")
	}
	if dsn := os.Getenv("DSN"); dsn != "" {
		return dsn, nil
	}
	// Only the DSN matters here, so what --dev would lift need not hold it up.
	config, _, err := Load(LoadOptions{Files: files, Env: os.Environ(), Dev: true})
	if err != nil {
		return "", err
	}
	return config.DSN, nil
}
