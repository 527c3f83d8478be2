package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The bounds beyond which two classes count as told apart.
const (
	maxT    = 4.5
	minKS   = 0.001
	samples = 1000 // of a bootstrap
)

// crops are the percentiles above which measurements are left out, one after
// the other: what disturbs a machine makes answers late, never early, and hides
// small differences. 100 leaves out nothing.
var crops = []float64{100, 99, 95, 90}

// verdict is what pairs of measurements say. Times are in the unit of these.
type verdict struct {
	pairs            int
	medianA, medianB float64
	gap, low, high   float64   // median of a less b, and the interval that holds it with 95 %
	t                []float64 // Welch's t, by crop
	ks, p            float64   // Kolmogorov-Smirnov distance, and how likely one as large is by chance
}

// judge compares two classes that were measured in pairs.
func judge(a, b []float64, r *rand.Rand) verdict {
	v := verdict{pairs: len(a), medianA: median(slices.Clone(a)), medianB: median(slices.Clone(b))}
	v.gap, v.low, v.high = medianGap(a, b, r)
	for _, c := range crops {
		limit := percentile(append(slices.Clone(a), b...), c)
		v.t = append(v.t, welch(upTo(a, limit), upTo(b, limit)))
	}
	v.ks = distance(a, b)
	v.p = kolmogorov(v.ks, len(a), len(b))
	return v
}

// leaks reports whether the classes can be told apart.
func (v verdict) leaks() bool {
	return v.p <= minKS || slices.ContainsFunc(v.t, func(t float64) bool { return math.Abs(t) >= maxT })
}

// welch is Welch's t: the difference of the means in units of its standard
// error. Classes without any spread are equal, or infinitely apart.
func welch(a, b []float64) float64 {
	ma, va := moments(a)
	mb, vb := moments(b)
	if ma == mb {
		return 0
	}
	return (ma - mb) / math.Sqrt(va/float64(len(a))+vb/float64(len(b)))
}

// moments returns mean and variance, unbiased.
func moments(v []float64) (mean, variance float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(v)-1)
}

// percentile is the least of v that p per cent do not exceed. It sorts v.
func percentile(v []float64, p float64) float64 {
	slices.Sort(v)
	return v[max(0, int(math.Ceil(float64(len(v))*p/100))-1)]
}

func upTo(v []float64, limit float64) []float64 {
	return slices.DeleteFunc(slices.Clone(v), func(x float64) bool { return x > limit })
}

// median sorts v.
func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	return (v[n/2] + v[(n-1)/2]) / 2
}

// medianGap is the median of the differences within the pairs, and the interval
// in which 95 % of such medians lie when the pairs are drawn again with
// replacement.
func medianGap(a, b []float64, r *rand.Rand) (gap, low, high float64) {
	gaps := make([]float64, len(a))
	for n := range a {
		gaps[n] = a[n] - b[n]
	}
	medians, drawn := make([]float64, samples), make([]float64, len(gaps))
	for n := range medians {
		for i := range drawn {
			drawn[i] = gaps[r.IntN(len(gaps))]
		}
		medians[n] = median(drawn)
	}
	return median(gaps), percentile(medians, 2.5), percentile(medians, 97.5)
}

// distance is the Kolmogorov-Smirnov distance: the largest gap between the
// shares of a and of b that are at most x, over all x.
func distance(a, b []float64) (d float64) {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return d
}

// kolmogorov is the probability of a distance of d or more between samples of n
// and m from one distribution, by the asymptotic series with the usual
// correction for finite samples.
func kolmogorov(d float64, n, m int) float64 {
	size := math.Sqrt(float64(n) * float64(m) / float64(n+m))
	return kolmogorovTail((size + 0.12 + 0.11/size) * d)
}

func kolmogorovTail(x float64) float64 {
	if x < 0.2 {
		return 1 // the series does not converge there, and differs from 1 by less than 1e-12
	}
	sum, sign := 0.0, 1.0
	for k := 1.0; k <= 100; k++ {
		term := math.Exp(-2 * k * k * x * x)
		sum += sign * term
		if term < 1e-16 {
			break
		}
		sign = -sign
	}
	return min(1, max(0, 2*sum))
}
