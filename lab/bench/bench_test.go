package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFigure(t *testing.T) {
	assert.InDelta(t, 2, Figure{Values: []float64{3, 1, 2}}.Median(), 0)
	assert.InDelta(t, 2.5, Figure{Values: []float64{4, 1, 2, 3}}.Median(), 0)
	assert.InDelta(t, 0, Figure{}.Median(), 0)
	least, most := Figure{Values: []float64{3, 1, 2}}.Spread()
	assert.Equal(t, []float64{1, 3}, []float64{least, most})
}

func TestTables(t *testing.T) {
	figures := []Figure{
		{Name: "ready", Unit: "s", Values: []float64{6.512, 7.25, 6.9}, Goal: "≤ 8 s", Met: true},
		{Name: "rate", Unit: "requests/s", Values: []float64{3123.4}},
		{Name: "ratio", Values: []float64{0.424, 0.5}, Goal: "≥ 0.5"},
	}
	var plain, md strings.Builder
	require.NoError(t, Table(&plain, figures))
	require.NoError(t, Markdown(&md, figures))
	assert.Contains(t, plain.String(), "ready   6.90 s           6.51 – 7.25   3        ≤ 8 s  reached\n")
	assert.Contains(t, md.String(), "| ready | 6.90 s | 6.51 – 7.25 | 3 | ≤ 8 s | reached |\n")
	assert.Contains(t, md.String(), "| rate | 3123 requests/s | 3123 – 3123 | 1 |  |  |\n", "what has no goal is not judged")
	assert.Contains(t, md.String(), "| ratio | 0.46 | 0.42 – 0.50 | 2 | ≥ 0.5 | NOT REACHED |\n")
}
