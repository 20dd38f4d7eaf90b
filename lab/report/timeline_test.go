package report

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
)

// TestTail: a percentile is drawn only when the steps have the answers for it,
// and the same one all along.
func TestTail(t *testing.T) {
	for _, c := range []struct {
		why  string
		n    int // in 10 s, in steps of 200 ms
		want float64
	}{
		{"150 answers a step have a p99", 7500, 0.99},
		{"72 have a p95", 3600, 0.95},
		{"16 have a p90", 800, 0.90},
		{"4 have none: the bars show the slowest", 48, 0},
	} {
		w := newRecord(lab.RunInfo{Started: started})
		at := w.begin(lab.Begin{Name: "x"})
		w.load("home", at, 10*time.Second, c.n, 5*time.Millisecond, nil)
		w.end(lab.Pass, "")
		tl := (chartInput{ScenarioRun: w.run(t).Scenarios[0], Lang: English}).gather()
		q, points := tl.tail("home")
		assert.Equal(t, c.want, q, c.why)
		for i, p := range points {
			if us := tl.byLoad["home"].of(i); !enoughFor(q, len(us)) {
				assert.True(t, math.IsNaN(p.Y), "%s: %d answers", c.why, len(us))
			} else {
				assert.Equal(t, float64(quantile(us, q))/1000, p.Y, c.why)
			}
		}
	}
}

// TestBinned: what was put into a bin is there, sorted, and nowhere else.
func TestBinned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bins := rapid.SliceOfN(rapid.SliceOf(rapid.Int64()), 1, 8).Draw(t, "bins")
		b := newBinned(len(bins))
		for i := len(bins) - 1; i >= 0; i-- {
			for range bins[i] {
				b.announce(i)
			}
		}
		b.makeRoom()
		for i := len(bins) - 1; i >= 0; i-- {
			for _, v := range bins[i] {
				b.put(i, v)
			}
		}
		b.sort()
		for i, want := range bins {
			slices.Sort(want)
			assert.Equal(t, append([]int64{}, want...), append([]int64{}, b.of(i)...))
		}
	})
}

// TestNotes: marks that say something to a reader are drawn, in order.
func TestNotes(t *testing.T) {
	w := newRecord(lab.RunInfo{Started: started})
	at := w.begin(lab.Begin{Name: "x"})
	for i, name := range []string{"busy", "idle", "before", "settled", "end", "", "much later"} {
		w.mark(at+time.Duration(10-i)*time.Second, name)
	}
	w.end(lab.Pass, "")
	in := chartInput{ScenarioRun: w.run(t).Scenarios[0], Lang: Spanish}
	notes := in.notes(5, 12)
	require.Len(t, notes, 2)
	assert.Equal(t, "en reposo", notes[0].Label, "the words that are known are translated")
	assert.InDelta(t, 9, notes[0].At, 1e-9)
	assert.Equal(t, "con carga", notes[1].Label)
}
