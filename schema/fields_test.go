package schema_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each testdata/fields/x.schema.json has a golden list of its fields beside it.
func TestFields(t *testing.T) {
	files, err := filepath.Glob("testdata/fields/*.schema.json")
	require.NoError(t, err)
	require.Len(t, files, 9)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			s := mustLoad(t, string(raw))
			require.JSONEq(t, string(raw), string(s.Raw))
			got := ""
			for _, f := range s.Fields {
				require.Equal(t, f.Name, strings.Join(f.Path, "."))
				line, err := json.Marshal(f)
				require.NoError(t, err)
				got += slim(t, line) + "\n"
			}
			golden := strings.TrimSuffix(file, ".schema.json") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// slim drops what is not set from a field's JSON.
func slim(t *testing.T, line []byte) string {
	var members map[string]any
	require.NoError(t, json.Unmarshal(line, &members))
	delete(members, "Path")
	for key, v := range members {
		if v == nil || v == "" || v == false || v == 0.0 {
			delete(members, key)
		}
	}
	out, err := json.Marshal(members)
	require.NoError(t, err)
	return string(out)
}

func TestFieldsKeepTheOrderOfTheDocument(t *testing.T) {
	for range 20 {
		s := mustLoad(t, traitsOf(`"properties":{"z":{"type":"string"},"a":{"type":"string"},"m":{"type":"object","properties":{"y":{"type":"string"},"b":{"type":"string"}}},"k":{"type":"string"}}`))
		var names []string
		for _, f := range s.Fields {
			names = append(names, f.Name)
		}
		require.Equal(t, []string{"z", "a", "m.y", "m.b", "k"}, names)
	}
}

func TestRead(t *testing.T) {
	s := mustLoad(t, person)
	traits := decode(t, `{"email":"a@example.org","name":{"first":"Ann"},"age":20,"tags":["x","y",1]}`)
	got := map[string][]string{}
	for _, f := range s.Fields {
		got[f.Name] = s.Read(traits, f)
	}
	require.Equal(t, map[string][]string{
		"email": {"a@example.org"}, "name.first": {"Ann"}, "name.last": nil,
		"age": nil, "newsletter": nil, "tags": {"x", "y"},
	}, got)
	require.Nil(t, s.Read(map[string]any{"name": "no object"}, s.Fields[1]))
	require.Nil(t, s.Read(nil, s.Fields[0]))
}
