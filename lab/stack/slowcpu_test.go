package stack_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab/stack"
)

// The kernel takes no quota below 1 ms and no period above 1 s.
func TestQuotaOf(t *testing.T) {
	for _, c := range []struct {
		sentence      string
		cpus          float64
		quota, period int64
	}{
		{"more than one processor", 1.5, 150_000, 100_000},
		{"a tenth of one", 0.1, 10_000, 100_000},
		{"the least in the usual period", 0.01, 1_000, 100_000},
		{"less takes a longer period", 0.005, 1_000, 200_000},
		{"the least of all", 0.001, 1_000, 1_000_000},
	} {
		quota, period := stack.QuotaOf(c.cpus)
		assert.Equal(t, c.quota, quota, c.sentence)
		assert.Equal(t, c.period, period, c.sentence)
	}
	for cpus := 0.001; cpus < 0.1; cpus += 0.00037 {
		quota, period := stack.QuotaOf(cpus)
		assert.InEpsilon(t, cpus, float64(quota)/float64(period), 0.01, "%g", cpus)
	}
}
