package cmd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/internal/enginetest"
)

func TestMain(m *testing.M) {
	enginetest.Jsonnet()
	os.Exit(program.Run(m))
}

// A template whose keys or mapper are broken, or cannot be had, stops the start
// and is named.
func TestTokenizerStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key}}})
	require.NoError(t, err)
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return "file://" + path
	}
	keys, mapper := file("keys.json", raw), file("mapper.jsonnet", []byte("{claims: std.extVar('claims')}"))
	for name, one := range map[string]struct{ jwks, mapper, want string }{
		"in order":       {keys, mapper, ""},
		"without mapper": {keys, "", ""},
		"inline":         {"base64://" + base64.StdEncoding.EncodeToString(raw), "base64://" + base64.RawURLEncoding.EncodeToString([]byte("{claims: {}}")), ""},
		"no such file":   {"file:///nowhere/keys.json", mapper, "jwks_url: "},
		"no keys":        {mapper, mapper, "jwks_url: it is no JSON Web Key Set"},
		"no mapper":      {keys, "file:///nowhere/mapper", "claims_mapper_url (file:///nowhere/mapper): "},
		"no Jsonnet":     {keys, file("broken.jsonnet", []byte("{claims: ")), "claims_mapper_url: "},
		"imports":        {keys, file("import.jsonnet", []byte("import 'x'")), "imports are not allowed"},
		"too large":      {keys, file("large.jsonnet", []byte("{}"+strings.Repeat(" ", 256<<10))), "larger than"},
	} {
		template := map[string]any{"jwks_url": one.jwks}
		if one.mapper != "" {
			template["claims_mapper_url"] = one.mapper
		}
		text, err := json.Marshal(map[string]any{
			"dsn":     "memory",
			"session": map[string]any{"whoami": map[string]any{"tokenizer": map[string]any{"templates": map[string]any{"jwt": template}}}},
		})
		require.NoError(t, err)
		more := write(t, "more.json", string(text))
		people := write(t, "people.json", fmt.Sprintf(`{"identity":{"schemas":[{"id":"person","url":"base64://%s"}]}}`, base64.StdEncoding.EncodeToString([]byte(enginetest.PersonSchema))))
		c, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", more, people}, Dev: true})
		c.Secrets, _, err = cmd.ResolveSecrets(c)
		require.NoError(t, err)
		app, err := cmd.Wire(t.Context(), c, cmd.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler), Jsonnet: enginetest.JsonnetCommand()})
		if one.want == "" {
			require.NoError(t, err, name)
			require.NoError(t, app.Close())
			continue
		}
		require.ErrorContains(t, err, "session.whoami.tokenizer.templates.jwt.", name)
		require.ErrorContains(t, err, one.want, name)
	}
}
