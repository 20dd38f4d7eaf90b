package figure

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
	"pgregory.net/rapid"
)

func labels(ts []Tick) []string {
	var out []string
	for _, t := range ts {
		if t.Label != "" {
			out = append(out, t.Label)
		}
	}
	return out
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		name   string
		ticks  []Tick
		labels []string
	}{
		{"round numbers", linearTicks(0, 9.2, 10), []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}},
		{"decimals only where they are needed", linearTicks(0, 1, 5), []string{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{"zero is not minus zero", linearTicks(-0.5, 0.5, 2), []string{"-0.5", "0.0", "0.5"}},
		{"thousands", linearTicks(0, 20_000, 2), []string{"0", "10\u00a0000", "20\u00a0000"}},
		{"1, 2 and 5 of a decade", logTicks(1, 100, 6), []string{"1", "2", "5", "10", "20", "50", "100"}},
		{"only the decades of many", logTicks(0.1, 10_000, 5), []string{"0.1", "1", "10", "100", "1000", "10\u00a0000"}},
	} {
		assert.Equal(t, c.labels, labels(c.ticks), c.name)
	}
}

// TestAxesHold: whatever is measured, an axis gets a few distinct labels and
// no more than there is room for.
func TestAxesHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(-1e6, 1e6).Draw(t, "lo")
		length := rapid.Float64Range(1e-3, 1e7).Draw(t, "length")
		n := rapid.IntRange(2, 12).Draw(t, "n")
		ticks := linearTicks(lo, lo+length, n)
		assert.LessOrEqual(t, len(ticks), n+1)
		seen := map[string]bool{}
		for _, k := range ticks {
			assert.False(t, seen[k.Label], "label %q twice", k.Label)
			seen[k.Label] = true
		}
		a := math.Pow(10, rapid.Float64Range(-3, 4).Draw(t, "from"))
		b := a * math.Pow(10, rapid.Float64Range(0, 6).Draw(t, "decades"))
		lo, hi := LogRange(a, b)
		assert.LessOrEqual(t, lo, a)
		assert.GreaterOrEqual(t, hi, b*(1-1e-9))
		assert.GreaterOrEqual(t, hi, lo*10*(1-1e-9), "room to see something")
		assert.NotEmpty(t, labels(logTicks(lo, hi, 4)))
	})
	assert.Equal(t, 1.0, NiceStep(math.NaN()))
	assert.Equal(t, 1.0, NiceStep(-3))
}

func TestWrap(t *testing.T) {
	const width = 300
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zñ]{1,12}`), 1, 30).Draw(t, "words")
		lines := wrap(titleStyle, strings.Join(words, " "), width)
		assert.Equal(t, words, strings.Fields(strings.Join(lines, " ")), "no word is lost")
		for _, l := range lines {
			assert.LessOrEqual(t, float64(titleStyle.Width(l)), float64(width))
		}
	})
	assert.Equal(t, []string{""}, wrap(titleStyle, "", width))
	long := fit(titleStyle, strings.Repeat("w", 500), width)
	assert.True(t, strings.HasSuffix(long, "…"))
	assert.LessOrEqual(t, float64(titleStyle.Width(long)), float64(width))
}

func TestLegendStaysInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries []Entry
		for _, l := range rapid.SliceOfN(rapid.StringN(0, 200, -1), 0, 20).Draw(t, "labels") {
			entries = append(entries, Entry{Label: l})
		}
		n := 0
		for _, row := range layoutLegend(entries, Width) {
			w := -entryGap
			for _, e := range row {
				w += e.width()
				n++
			}
			assert.LessOrEqual(t, w, Width+1e-6)
		}
		assert.Equal(t, len(entries), n)
	})
}

func simple() *Figure {
	return &Figure{
		Title: "A <title> & more\x00", Desc: "Words \"in\" it",
		X:      Axis{Label: "x", Min: 0, Max: 10},
		Bands:  []Band{{Label: "kill app", Spans: []Span{{From: 2, To: 3, Faint: true}, {From: 3, To: 5}}}, {Label: "empty"}},
		Legend: []Entry{{Label: "a line", Look: Series(0)}, {Label: "a marker", Kind: MarkerEntry, Look: Wrong()}},
		Panels: []Panel{{Title: "p", Y: Axis{Label: "y", Min: 0.1, Max: 100, Log: true}, Height: 100, Marks: []plot.Plotter{
			Line{Points: []Point{{0, 1}, {5, math.NaN()}, {6, 3}, {7, 20}}, Look: Series(1), Every: 1},
		}}},
	}
}

func TestSVG(t *testing.T) {
	svg, err := simple().SVG()
	require.NoError(t, err)
	s := string(svg)
	assert.True(t, strings.HasPrefix(s, `<svg xmlns="http://www.w3.org/2000/svg" width="840"`), s[:80])
	assert.Contains(t, s, "<title>A &lt;title&gt; &amp; more</title>")
	assert.Contains(t, s, "<desc>Words &#34;in&#34; it</desc>")
	assert.Equal(t, 1, strings.Count(s, "font-family"), "one list of fonts for all")
	assert.Contains(t, s, "sans-serif")
	assert.NotContains(t, s, "NaN")
	again, err := simple().SVG()
	require.NoError(t, err)
	assert.Equal(t, s, string(again))
}

func TestAxesThatCannotBe(t *testing.T) {
	for name, a := range map[string]Axis{
		"no length":              {Min: 1, Max: 1},
		"the wrong way round":    {Min: 2, Max: 1},
		"not a number":           {Min: math.NaN(), Max: 1},
		"endless":                {Min: 0, Max: math.Inf(1)},
		"logarithmic from zero":  {Min: 0, Max: 1, Log: true},
		"logarithmic below zero": {Min: -1, Max: 1, Log: true},
	} {
		f := simple()
		f.Panels[0].Y = a
		_, err := f.SVG()
		require.ErrorContains(t, err, "cannot run from", name)
	}
}

// TestSeriesDiffer: every look of the first six differs from the others in its
// colour, in its dash and in its marker, each alone. Those after them have the colour
// of one before, and its dash and marker not.
func TestSeriesDiffer(t *testing.T) {
	for i := range 6 {
		for j := range i {
			a, b := Series(i), Series(j)
			assert.NotEqual(t, a.Color, b.Color)
			assert.NotEqual(t, a.Dash, b.Dash)
			assert.NotEqual(t, a.Glyph, b.Glyph)
		}
		assert.NotEqual(t, Wrong().Color, Series(i).Color, "the colour of failures is theirs alone")
	}
	for i := range 12 {
		for j := range i {
			if a, b := Series(i), Series(j); a.Color == b.Color {
				assert.NotEqual(t, a.Dash, b.Dash, "%d and %d", i, j)
				assert.NotEqual(t, a.Glyph, b.Glyph, "%d and %d", i, j)
			}
		}
	}
}
