package hook

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// plain returns v as the JSON values map[string]any, []any, string, bool, nil
// and json.Number. Whatever else v holds is what encoding/json makes of it.
func plain(name string, v any) (any, error) {
	switch v.(type) {
	case nil, string, bool:
		return v, nil
	}
	raw, err := json.Marshal(v)
	if err != nil { // its text may quote the value
		return nil, fmt.Errorf("ctx.%s cannot be JSON (%T)", name, v)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil { // nested more deeply than can be read
		return nil, fmt.Errorf("ctx.%s cannot be read back as JSON", name)
	}
	return out, nil
}
