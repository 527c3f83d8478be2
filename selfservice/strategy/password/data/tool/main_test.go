package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	var packed bytes.Buffer
	require.NoError(t, run(strings.NewReader(`["b", "Zz", "a!"] ["zz", "b", "C"]`), &packed))
	r, err := gzip.NewReader(&packed)
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "a!\nb\nc\nzz\n", string(text))

	for _, in := range []string{`["é"]`, `["a b"]`, `[""`, `{}`, `["a\nb"]`} {
		require.Error(t, run(strings.NewReader(in), io.Discard), in)
	}
}
