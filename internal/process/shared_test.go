package process_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// However many tests ask at the same time, there is one program.
func TestShared(t *testing.T) {
	paths := make([]string, 4)
	t.Run("all", func(t *testing.T) {
		for i := range paths {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				paths[i] = program.Binary(t)
			})
		}
	})
	for _, path := range paths {
		require.FileExists(t, path)
		require.Equal(t, program.Binary(t), path)
	}
}
