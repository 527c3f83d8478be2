package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWelch(t *testing.T) {
	require.InDelta(t, -2, welch([]float64{1, 2, 3, 4, 5}, []float64{3, 4, 5, 6, 7}), 1e-12)
	// Means 5 and 2, variances 32/7 and 1.
	require.InDelta(t, 3/math.Sqrt(32./7/8+1./3), welch([]float64{2, 4, 4, 4, 5, 5, 7, 9}, []float64{1, 2, 3}), 1e-12)
	require.Zero(t, welch([]float64{1, 1}, []float64{1, 1}))
	require.True(t, math.IsInf(welch([]float64{2, 2}, []float64{1, 1}), 1))
}

func TestDistance(t *testing.T) {
	require.InDelta(t, 0.5, distance([]float64{4, 1, 3, 2}, []float64{6, 3, 5, 4}), 1e-12)
	require.InDelta(t, 1, distance([]float64{1, 2}, []float64{3}), 1e-12)
	require.Zero(t, distance([]float64{1, 1, 2}, []float64{1, 2, 1}))
	require.InDelta(t, 1./3, distance([]float64{1, 1, 2}, []float64{1, 2, 2}), 1e-12, "ties count together")
}

// The values of the distribution as its tables have them.
func TestKolmogorov(t *testing.T) {
	for x, want := range map[float64]float64{0.5: 0.9639, 0.8276: 0.5, 1: 0.2700, 1.2239: 0.10, 1.3581: 0.05, 1.6276: 0.01, 1.9495: 0.001} {
		require.InDelta(t, want, kolmogorovTail(x), want/1000+1e-6, "%v", x)
	}
	require.EqualValues(t, 1, kolmogorovTail(0))
	require.Less(t, kolmogorovTail(4), 1e-13)
	require.InDelta(t, 1, kolmogorovTail(0.2), 1e-6)
	require.Greater(t, kolmogorov(0.05, 2000, 2000), minKS)
	require.Less(t, kolmogorov(0.07, 2000, 2000), minKS)
}

func TestPercentileAndMedian(t *testing.T) {
	v := []float64{5, 1, 4, 2, 3, 6, 7, 8, 10, 9}
	require.EqualValues(t, 9, percentile(slices.Clone(v), 90))
	require.EqualValues(t, 10, percentile(slices.Clone(v), 100))
	require.EqualValues(t, 1, percentile(slices.Clone(v), 1))
	require.EqualValues(t, 5.5, median(slices.Clone(v)))
	require.EqualValues(t, 5, median([]float64{9, 5, 1}))
	require.Equal(t, []float64{5, 1, 4, 2, 3}, upTo(v, 5))
}

func TestMedianGap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var a, b []float64
	width, held := 0.0, 0
	for range 20 {
		a, b = normal(r, 500, 10, 1), normal(r, 500, 10, 1)
		gap, low, high := medianGap(a, b, r)
		require.Less(t, low, gap)
		require.Less(t, gap, high)
		width += (high - low) / 20
		if low < 0 && high > 0 {
			held++
		}
	}
	// The median of differences with the deviation √2 deviates by 1.2533·√2/√500.
	require.InEpsilon(t, 2*1.96*1.2533*math.Sqrt2/math.Sqrt(500), width, 0.2)
	require.GreaterOrEqual(t, held, 17)
	for n := range a {
		a[n] = b[n] + 3
	}
	gap, low, high := medianGap(a, b, r)
	for _, x := range []float64{gap, low, high} {
		require.InDelta(t, 3, x, 1e-9)
	}
}

// Two samples of one distribution pass; a difference of a fifth of the spread
// does not, in the mean nor in the shape alone, nor where a tenth of all
// answers are disturbed.
func TestJudge(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	disturbed := func(v []float64) []float64 {
		for n := range v {
			if r.IntN(10) == 0 {
				v[n] += 100 * r.ExpFloat64()
			}
		}
		return v
	}
	for name, c := range map[string]struct {
		a, b  []float64
		leaks bool
	}{
		"alike":     {normal(r, 2000, 10, 1), normal(r, 2000, 10, 1), false},
		"noise":     {disturbed(normal(r, 2000, 10, 1)), disturbed(normal(r, 2000, 10, 1)), false},
		"apart":     {normal(r, 2000, 10, 1), normal(r, 2000, 10.2, 1), true},
		"hidden":    {disturbed(normal(r, 2000, 10.2, 1)), disturbed(normal(r, 2000, 10, 1)), true},
		"by spread": {normal(r, 2000, 10, 1), normal(r, 2000, 10, 1.3), true},
	} {
		v := judge(c.a, c.b, r)
		require.Equal(t, c.leaks, v.leaks(), "%s: %+v", name, v)
		require.Equal(t, 2000, v.pairs)
		require.Len(t, v.t, len(crops))
	}
}

func normal(r *rand.Rand, n int, mean, deviation float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = mean + deviation*r.NormFloat64()
	}
	return v
}
