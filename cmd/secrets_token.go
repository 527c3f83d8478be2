package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

const (
	// tokenPrefix lets scanners know a token that has leaked.
	tokenPrefix     = "foyer_at_"
	tokenHashPrefix = "sha256:"
)

func newSecrets() *cobra.Command {
	c := &cobra.Command{Use: "secrets", Short: "Make secrets", Args: cobra.NoArgs, RunE: help}
	format := "table"
	token := &cobra.Command{
		Use:   "token",
		Short: "Make a token for a caller of the admin API, and its hash for serve.admin.auth.tokens",
		Long: "Make a token for a caller of the admin API, which is shown this once, and its hash,\n" +
			"which stands in the configuration under serve.admin.auth.tokens. Nothing is kept.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return makeToken(c.OutOrStdout(), format) },
	}
	token.Flags().StringVar(&format, "format", format, "table, or json for programs")
	c.AddCommand(token)
	return c
}

func makeToken(out io.Writer, format string) error {
	token := tokenPrefix + newSecret()
	sum := sha256.Sum256([]byte(token))
	hash := tokenHashPrefix + hex.EncodeToString(sum[:])
	switch format {
	case "json":
		return json.NewEncoder(out).Encode(map[string]string{"token": token, "hash": hash})
	case "table":
		_, err := fmt.Fprintf(out, "token  %s\nhash   %s\n", token, hash)
		return err
	}
	return fmt.Errorf("--format is %q and has to be table or json", format)
}
