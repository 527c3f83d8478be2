package schema_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidateAccepts(t *testing.T) {
	s := mustLoad(t, person)
	for _, traits := range []string{
		`{"email":"ann@example.org"}`,
		`{"email":"ann@example.org","name":{"first":"Ann","last":""},"age":18,"newsletter":false,"tags":["a","b"]}`,
	} {
		require.Nil(t, s.Validate(decode(t, traits)), traits)
	}
	require.Len(t, s.Validate(nil), 1)
}

// A schema is shared by all requests.
func TestSchemaIsSafeForConcurrentUse(t *testing.T) {
	s := mustLoad(t, person)
	bad := decode(t, `{"email":"","age":"x","tags":["a","a"],"u":1}`)
	want := s.Validate(bad)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if got := s.Validate(s.Coerce(bad)); len(got) != len(want) {
					t.Errorf("%d violations, not %d", len(got), len(want))
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkValidate(b *testing.B) {
	s := mustLoad(b, person)
	tel := mustLoad(b, property(`{"type":"string","format":"tel"}`))
	for name, run := range map[string]func(){
		"good": func() func() {
			traits := decode(b, `{"email":"ann@example.org","name":{"first":"Ann","last":"Lee"},"age":20,"newsletter":true}`)
			return func() { s.Validate(traits) }
		}(),
		"bad": func() func() {
			traits := decode(b, `{"email":"","name":{},"age":2}`)
			return func() { s.Validate(traits) }
		}(),
		"tel": func() { tel.Validate(map[string]any{"x": "+12025550123"}) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
