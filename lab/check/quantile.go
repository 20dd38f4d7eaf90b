package check

import (
	"maps"
	"math"
	"slices"
)

// Quantile is the q-quantile (0 ≤ q ≤ 1) of values sorted ascending, by
// nearest rank: the smallest value that at least q of all values do not
// exceed. It is always one of the values that were measured, never a mean of
// two. NaN without values.
func Quantile(sorted []float64, q float64) float64 {
	n := len(sorted)
	if n == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	return sorted[rank(q, n)-1]
}

// rank is the nearest rank of the q-quantile of n values, from 1 to n.
func rank(q float64, n int) int {
	// The product is rounded down a hair first: 0.95*100 is 95.00000000000001
	// on some inputs, and that must be rank 95.
	return min(max(int(math.Ceil(q*float64(n)-1e-9)), 1), n)
}

// microseconds counts how often each time was measured, in µs. A log that
// counts in milliseconds has few different ones: a million times take no more
// room than a thousand.
type microseconds map[int64]int

// quantiles are those of all times, in ms, as Quantile has them.
func (m microseconds) quantiles(qs ...float64) []float64 {
	sorted := slices.Sorted(maps.Keys(m))
	n := m.len()
	out := make([]float64, len(qs))
	for i, q := range qs {
		out[i] = math.NaN()
		if n == 0 {
			continue
		}
		upTo, want := 0, rank(q, n)
		for _, us := range sorted {
			if upTo += m[us]; upTo >= want {
				out[i] = float64(us) / 1000
				break
			}
		}
	}
	return out
}

func (m microseconds) len() int {
	n := 0
	for _, times := range m {
		n += times
	}
	return n
}

// EnoughFor says whether n values can tell a q-quantile: at least one value
// must lie beyond it. 100 values are the least for a p99.
func EnoughFor(q float64, n int) bool {
	return float64(n)*(1-q) >= 1-1e-9
}
