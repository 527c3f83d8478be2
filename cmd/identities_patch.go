package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// maxPatch bounds what is read of a patch, in bytes; the API takes no more.
const maxPatch = 5 << 20

func newIdentitiesPatch(a *adminClient) *cobra.Command {
	var given, sets []string
	match := ""
	c := &cobra.Command{
		Use:   "patch ID --set NAME=TEXT | --op JSON",
		Short: "Change parts of an identity",
		Long: `Change parts of an identity, all of them or none, and show it. First come those of --op, then
those of --set, in their order. --set takes names with dots between them, or a JSON Pointer:

  foyer identities patch ID --set state=inactive
  foyer identities patch ID --set traits.name.first=Ada --set 'metadata_public:={"plan": "pro"}'
  foyer identities patch ID --op '[{"op": "remove", "path": "/external_id"}]'
  foyer identities patch ID --op - --if-match 7 <patch.json`,
		Args: cobra.MatchAll(cobra.ExactArgs(1), idArgs), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			patch, err := readPatch(given, sets, c.InOrStdin())
			if err != nil {
				return err
			}
			return a.showIdentity(c, adminCall{method: http.MethodPatch, path: identityPath(args[0]), body: patch, ifMatch: entityTag(match)})
		},
	}
	c.Flags().StringArrayVar(&sets, "set", nil, "`NAME=TEXT` to store, or NAME:=JSON; may be repeated")
	c.Flags().StringArrayVar(&given, "op", nil, "operations of a JSON Patch (RFC 6902): one or a list as `JSON`, or - for standard input; may be repeated")
	c.Flags().StringVar(&match, "if-match", "", "only if nobody has changed it since it had this `ETAG`, which get shows")
	complete(c, "set")
	complete(c, "op")
	complete(c, "if-match")
	return c
}

var revision = regexp.MustCompile(`^[0-9]+$`)

// entityTag is an ETag as a header has it: quoted, which shells make hard to type.
func entityTag(given string) string {
	if revision.MatchString(given) {
		return strconv.Quote(given)
	}
	return given
}

// readPatch is the operations that flags ask for.
func readPatch(given, sets []string, in io.Reader) (patch []json.RawMessage, err error) {
	for _, text := range given {
		raw := []byte(text)
		if text == "-" {
			if raw, err = io.ReadAll(io.LimitReader(in, maxPatch+1)); err != nil {
				return nil, fmt.Errorf("standard input: %w", err)
			}
			if len(raw) > maxPatch {
				return nil, misused("standard input has more than %d bytes", maxPatch)
			}
		}
		some, err := readOperations(bytes.TrimSpace(raw))
		if err != nil {
			return nil, misused("--op is neither an operation nor a list of them: %w", err)
		}
		patch = append(patch, some...)
	}
	for _, text := range sets {
		one, err := setting(text)
		if err != nil {
			return nil, err
		}
		patch = append(patch, one)
	}
	if len(patch) == 0 {
		return nil, misused("there is nothing to change; say what with --set or --op")
	}
	return patch, nil
}

func readOperations(raw []byte) (some []json.RawMessage, err error) {
	if !bytes.HasPrefix(raw, []byte("{")) {
		return some, json.Unmarshal(raw, &some)
	}
	if err := json.Unmarshal(raw, &struct{}{}); err != nil {
		return nil, err
	}
	return []json.RawMessage{raw}, nil
}

var lastNumber = regexp.MustCompile(`/[0-9]+$`)

// setting is the operation that stores what NAME=TEXT or NAME:=JSON says.
func setting(text string) (json.RawMessage, error) {
	name, value, ok := strings.Cut(text, "=")
	name, isJSON := strings.CutSuffix(name, ":")
	if !ok || name == "" {
		return nil, misused("--set %q has to be NAME=TEXT or NAME:=JSON", text)
	}
	var stored any = value
	if isJSON {
		if !json.Valid([]byte(value)) {
			return nil, misused("--set %s:= is followed by no JSON; for text it is %s=", name, name)
		}
		stored = json.RawMessage(value)
	}
	if !strings.HasPrefix(name, "/") {
		name = "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), ".", "/")
	}
	op := "add"
	if lastNumber.MatchString(name) {
		op = "replace" // add would push the item aside, and keep it
	}
	return json.Marshal(map[string]any{"op": op, "path": name, "value": stored})
}
