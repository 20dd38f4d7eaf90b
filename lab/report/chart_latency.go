package report

import (
	"math"
	"slices"

	"inventariolab/lab/report/figure"
)

// drawLatency draws the distribution of each load's answer times: how long an
// answer took against the part of the answers that were at least that fast,
// on an axis that gives every further nine the same room.
func drawLatency(in chartInput) drawing {
	times, bad := in.answerTimes()
	if len(times) == 0 {
		return in.noData("chart.latency", "nodata.latency")
	}
	l := in.Lang
	names := in.loads(times)
	var fig figure.Figure
	panel := figure.Panel{Height: 330}
	lo, hi, nines := math.Inf(1), 0.0, 2.0
	var words []string
	for i, name := range names {
		us := times[name]
		slices.Sort(us)
		n := len(us)
		lo, hi = min(lo, float64(us[0])/1000), max(hi, float64(us[n-1])/1000)
		nines = max(nines, ninesOf(n-1, n))
		look := figure.Series(i)
		line := look
		line.Glyph = nil
		panel.Marks = append(panel.Marks, figure.Line{Points: percentileCurve(us), Look: line})
		stems := figure.Stems{Look: look}
		for _, q := range []float64{0.50, 0.95, 0.99} {
			if !enoughFor(q, n) {
				continue
			}
			stems.Points = append(stems.Points, figure.Point{X: -math.Log10(1 - q), Y: float64(quantile(us, q)) / 1000})
		}
		panel.Marks = append(panel.Marks, stems)
		text := l.t("latency.entry", in.name(name), l.percentiles(us, 1000, 0.50, 0.95, 0.99), l.ms(float64(us[n-1])/1000), l.count(int64(n)))
		if bad[name] > 0 {
			text += l.t("latency.failed", l.count(bad[name]))
		}
		fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: text})
		words = append(words, text)
	}
	panel.Y = in.valueAxis("axis.answer", lo, hi)
	fig.X = figure.Axis{Label: l.t("axis.percentile"), Min: 0, Max: nines * 1.03, Ticks: ninesTicks(nines)}
	panel.Hover = latencyHover(names, in.name, times, nines, l)
	fig.Panels = []figure.Panel{panel}
	first := times[names[0]]
	if enoughFor(0.99, len(first)) {
		fig.Title = l.t("latency.title", in.name(names[0]),
			l.ms(float64(quantile(first, 0.50))/1000), l.ms(float64(quantile(first, 0.99))/1000))
	} else {
		fig.Title = l.t("latency.title.few", in.name(names[0]), l.n("answers", int64(len(first))), l.ms(float64(first[len(first)-1])/1000))
	}
	return drawing{
		figure: fig, alt: l.t("latency.alt", joined(words)),
		caption: fig.Title + ". " + l.t("latency.caption"),
	}
}

// answerTimes are the microseconds of the answered requests of each load, in
// slices of their final size, and the numbers of the failed ones.
func (in chartInput) answerTimes() (times map[string][]int64, bad map[string]int64) {
	counts, bad := make(map[string]int), make(map[string]int64)
	for i := range in.Requests {
		if q := &in.Requests[i].Value; failed(q) {
			bad[q.Load]++
		} else {
			counts[q.Load]++
		}
	}
	times = make(map[string][]int64, len(counts))
	for load, n := range counts {
		times[load] = make([]int64, 0, n)
	}
	for i := range in.Requests {
		if q := &in.Requests[i].Value; !failed(q) {
			times[q.Load] = append(times[q.Load], q.US)
		}
	}
	return times, bad
}

// loads lists the loads that have times, in the order in which they began.
func (in chartInput) loads(times map[string][]int64) []string {
	var out []string
	for i := range in.Requests {
		if name := in.Requests[i].Value.Load; times[name] != nil && !slices.Contains(out, name) {
			if out = append(out, name); len(out) == len(times) {
				break
			}
		}
	}
	return out
}

// ninesOf is the place of the i-th of n sorted values on the axis of nines:
// 0 for the fastest, 1 at 90 %, 2 at 99 % … The slowest of n stands where half
// a value is slower than it, since 100 % lies infinitely far to the right.
func ninesOf(i, n int) float64 { return -math.Log10(1 - (float64(i)+0.5)/float64(n)) }

// percentileCurve is the curve of sorted times, thinned to the first and the
// last value of each pixel column; between them it only rises.
func percentileCurve(us []int64) []figure.Point {
	n := len(us)
	points := make([]figure.Point, 0, 2*figure.Columns)
	end := ninesOf(n-1, n)
	column := -1
	var last figure.Point
	for i, v := range us {
		last = figure.Point{X: ninesOf(i, n), Y: float64(v) / 1000}
		if c := int(last.X / end * figure.Columns); c != column {
			column = c
			points = append(points, last)
		}
	}
	if points[len(points)-1] != last {
		points = append(points, last)
	}
	return points
}

// ninesTicks labels the axis of nines as far as there is data.
func ninesTicks(nines float64) []figure.Tick {
	out := []figure.Tick{
		{At: 0, Label: "0 %"},
		{At: -math.Log10(0.5), Label: "50 %"},
		{At: 1, Label: "90 %"},
		{At: -math.Log10(0.05), Label: "95 %"},
		{At: 2, Label: "99 %"},
	}
	if nines > 4 {
		out[2].Label = "" // it would touch its neighbour
	}
	label := "99.9"
	for k := 3; float64(k) <= nines*1.03; k++ {
		out = append(out, figure.Tick{At: float64(k), Label: label + " %"})
		label += "9"
	}
	return out
}
