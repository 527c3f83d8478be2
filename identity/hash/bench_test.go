package hash_test

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/hash"
)

func BenchmarkHash(b *testing.B) {
	h, err := hash.New(hash.Defaults())
	require.NoError(b, err)
	for b.Loop() {
		_, err := h.Hash(context.Background(), []byte("correct horse"))
		require.NoError(b, err)
	}
}

func BenchmarkSupported(b *testing.B) {
	for b.Loop() {
		if err := hash.Supported(argon2idVector); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCrowd hashes for 512 callers at once and reports the peak of the
// process's resident memory, which the kernel counts since its start: run it
// alone, with -benchtime=1x.
func BenchmarkCrowd(b *testing.B) {
	c := hash.Defaults()
	c.MaxWait = time.Minute
	h, err := hash.New(c)
	require.NoError(b, err)
	before := peak(b)
	for b.Loop() {
		var crowd sync.WaitGroup
		for range 512 {
			crowd.Go(func() {
				if _, err := h.Hash(context.Background(), []byte("correct horse")); err != nil {
					b.Error(err)
				}
			})
		}
		crowd.Wait()
	}
	b.ReportMetric(before, "MiB-before")
	b.ReportMetric(peak(b), "MiB-peak")
}

func peak(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc on this system")
	}
	kib, err := strconv.Atoi(string(regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)[1]))
	require.NoError(b, err)
	return float64(kib) / 1024
}
