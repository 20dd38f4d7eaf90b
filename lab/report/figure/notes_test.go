package figure

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNoteLanes(t *testing.T) {
	f := Figure{X: Axis{Min: 0, Max: 10}, Notes: []Note{
		{0, "a name of some length"}, {0.5, "another one"}, {1, "and a third one"}, {6, "far away"}, {9.9, "at the right edge"},
	}}
	lanes, n := f.noteLanes()
	assert.Equal(t, 3, n, "three names at one place take three lanes")
	assert.Equal(t, []int{0, 1, 2, 0}, lanes[:4], "what is far away comes down again")
	none := Figure{}
	assert.Zero(t, none.noteRoom())
}

// TestOwnAxis: a panel with an axis of its own has it written, and so has the
// last one of those above it that share theirs; bands stay with these.
func TestOwnAxis(t *testing.T) {
	panel := func(x *Axis) Panel { return Panel{X: x, Y: Axis{Label: "y", Max: 1}, Height: 100} }
	own := Axis{Label: "own axis", Min: 100, Max: 200}
	f := Figure{
		Title: "t", X: Axis{Label: "shared axis", Min: 0, Max: 10}, Bands: []Band{{Label: "band", Spans: []Span{{From: 1, To: 2}}}},
		Notes: []Note{{5, "note"}}, Panels: []Panel{panel(nil), panel(nil), panel(&own)},
	}
	svg, err := f.SVG()
	require.NoError(t, err)
	for text, times := range map[string]int{"shared axis": 1, "own axis": 1, ">note<": 1, "stroke-dasharray:1.5,2.5": 3, ">180<": 1} {
		assert.Equal(t, times, strings.Count(string(svg), text), text)
	}
	assert.Equal(t, []bool{false, true, true}, []bool{f.labelled(0), f.labelled(1), f.labelled(2)})
}
