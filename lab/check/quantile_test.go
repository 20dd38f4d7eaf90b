package check_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab/check"
)

func TestQuantile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for _, c := range []struct {
		sentence string
		sorted   []float64
		q, want  float64
	}{
		{"the median of one value is that value", []float64{7}, 0.5, 7},
		{"the median of two is the lower one: nearest rank takes no means", []float64{1, 9}, 0.5, 1},
		{"the p95 of 1…100 is 95", hundred, 0.95, 95},
		{"the p99 of 1…100 is 99", hundred, 0.99, 99},
		{"the 1-quantile is the greatest", hundred, 1, 100},
		{"the 0-quantile is the smallest", hundred, 0, 1},
	} {
		assert.Equal(t, c.want, check.Quantile(c.sorted, c.q), "%s: Quantile(…, %g)", c.sentence, c.q)
	}
	assert.True(t, math.IsNaN(check.Quantile(nil, 0.5)), "no values have no median")
}

func TestQuantileHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 300).Draw(t, "values")
		slices.Sort(values)
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		got := check.Quantile(values, q)
		require.Contains(t, values, got, "it is one of the values")
		notAbove, below := 0, 0
		for _, v := range values {
			if v <= got {
				notAbove++
			}
			if v < got {
				below++
			}
		}
		n := float64(len(values))
		require.GreaterOrEqual(t, float64(notAbove), q*n-1e-6, "at least the share q does not exceed it")
		require.Less(t, float64(below), max(q*n, 1)+1e-6, "and no smaller value would do")
		require.LessOrEqual(t, check.Quantile(values, q/2), got, "a smaller q gives no greater value")
	})
}

func TestEnoughFor(t *testing.T) {
	assert.True(t, check.EnoughFor(0.99, 100), "100 values have one beyond the p99")
	assert.False(t, check.EnoughFor(0.99, 99))
	assert.True(t, check.EnoughFor(0.5, 2))
}
