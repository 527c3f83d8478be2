package schema_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func FuzzLoad(f *testing.F) {
	f.Add(person)
	corpus := hostile("/etc/passwd")
	for _, reason := range slices.Sorted(maps.Keys(corpus)) {
		for _, name := range slices.Sorted(maps.Keys(corpus[reason])) {
			if raw := corpus[reason][name]; len(raw) < 4096 {
				f.Add(raw)
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		start := time.Now()
		s, err := load(raw)
		if took := time.Since(start); took > time.Second {
			t.Fatalf("took %s", took)
		}
		if err != nil {
			return
		}
		s.Validate(nil)
		s.Validate(map[string]any{"x": "a", "email": json.Number("1")})
		for _, field := range s.Fields {
			if field.Name == "" || strings.Join(field.Path, ".") != field.Name {
				t.Fatalf("field %+v", field)
			}
		}
	})
}

func FuzzValidate(f *testing.F) {
	for _, traits := range hostileTraits {
		f.Add(traits)
	}
	f.Add(`{"email":"","age":"17","tags":["a","a"],"name":{"first":[]},"u":{"v":[null,true,1.0]}}`)
	s := mustLoad(f, person)
	f.Fuzz(func(t *testing.T, raw string) {
		d := json.NewDecoder(strings.NewReader(raw))
		d.UseNumber()
		var traits map[string]any
		if len(raw) > 64<<10 || d.Decode(&traits) != nil {
			return
		}
		coerced := s.Coerce(traits)
		first := s.Validate(coerced)
		for _, v := range first {
			if v.Keyword == "" || v.Context == nil {
				t.Fatalf("violation %+v", v)
			}
		}
		// The same input has the same answer: values, order and all.
		a, _ := json.Marshal(first)
		b, _ := json.Marshal(s.Validate(s.Coerce(traits)))
		if string(a) != string(b) {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}
