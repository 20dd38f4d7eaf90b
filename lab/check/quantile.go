package check

import "math"

// Quantile is the q-quantile (0 ≤ q ≤ 1) of values sorted ascending, by
// nearest rank: the smallest value that at least q of all values do not
// exceed. It is always one of the values that were measured, never a mean of
// two. NaN without values.
func Quantile(sorted []float64, q float64) float64 {
	n := len(sorted)
	if n == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	// The product is rounded down a hair first: 0.95*100 is 95.00000000000001
	// on some inputs, and that must be rank 95.
	rank := int(math.Ceil(q*float64(n) - 1e-9))
	return sorted[min(max(rank, 1), n)-1]
}

// EnoughFor says whether n values can tell a q-quantile: at least one value
// must lie beyond it. 100 values are the least for a p99.
func EnoughFor(q float64, n int) bool {
	return float64(n)*(1-q) >= 1-1e-9
}
