package report

import (
	"cmp"
	"math"
	"slices"
	"time"

	"inventariolab/lab/report/figure"
)

// quantile is the nearest-rank quantile of sorted values: the smallest value
// that at least the part q of all values does not exceed. NaN-free by
// contract; the zero value for no values.
func quantile[T cmp.Ordered](sorted []T, q float64) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	// The small number keeps 0.95 × 20 from becoming 19.000000000000004.
	rank := int(math.Ceil(q*float64(len(sorted)) - 1e-9))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// enoughFor says whether n values can tell a q-quantile: at least one of them
// lies beyond it. A p99 takes 100 values.
func enoughFor(q float64, n int) bool { return float64(n)*(1-q) >= 1-1e-9 }

// columns downsamples points in any order to at most n columns over lo..hi,
// keeping the lowest and the highest value of each.
type columns struct {
	lo, hi float64
	cells  []figure.Range
	filled []bool
}

func newColumns(lo, hi float64, n int) *columns {
	return &columns{lo: lo, hi: hi, cells: make([]figure.Range, n), filled: make([]bool, n)}
}

func (c *columns) add(x, y float64) {
	n := len(c.cells)
	i := min(max(int((x-c.lo)/(c.hi-c.lo)*float64(n)), 0), n-1)
	if !c.filled[i] {
		c.filled[i] = true
		c.cells[i] = figure.Range{X: c.lo + (float64(i)+0.5)*(c.hi-c.lo)/float64(n), Lo: y, Hi: y}
		return
	}
	c.cells[i].Lo = min(c.cells[i].Lo, y)
	c.cells[i].Hi = max(c.cells[i].Hi, y)
}

func (c *columns) ranges() []figure.Range {
	var out []figure.Range
	for i, r := range c.cells {
		if c.filled[i] {
			out = append(out, r)
		}
	}
	return out
}

// thin downsamples a series in the order of x to n columns: of each it keeps
// the first, the lowest, the highest and the last point, so that neither a
// spike nor the course of the line is lost.
func thin(points []figure.Point, lo, hi float64, n int) []figure.Point {
	if len(points) <= 4*n || hi <= lo {
		return points
	}
	column := func(p figure.Point) int {
		return min(max(int((p.X-lo)/(hi-lo)*float64(n)), 0), n-1)
	}
	var out []figure.Point
	for start := 0; start < len(points); {
		end := start + 1
		for end < len(points) && column(points[end]) == column(points[start]) {
			end++
		}
		low, high := start, start
		for i := start; i < end; i++ {
			if points[i].Y < points[low].Y {
				low = i
			}
			if points[i].Y > points[high].Y {
				high = i
			}
		}
		keep := []int{start, low, high, end - 1}
		slices.Sort(keep)
		for _, i := range slices.Compact(keep) {
			out = append(out, points[i])
		}
		start = end
	}
	return out
}

// A timeline is drawn in more detail from such a length and so many events on.
const (
	longRun    = 2 * time.Minute
	manyEvents = 100_000
)

// binWidths are what a histogram over time may use: widths that people say.
var binWidths = []time.Duration{
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
}

// binWidth chooses a width for n events over length: about 80 bins, fewer when
// they would hold fewer than 12 events each, but at least 10. A long run has
// events enough for more: in a bin of ten seconds a short stall is not where it
// was.
func binWidth(length time.Duration, n int) time.Duration {
	bins := min(80, max(10, n/12))
	if length >= longRun && n >= manyEvents {
		bins = 130
	}
	for _, w := range binWidths {
		if length <= w*time.Duration(bins) {
			return w
		}
	}
	return length/time.Duration(bins) + 1
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
