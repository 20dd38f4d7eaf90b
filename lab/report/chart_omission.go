package report

import (
	"math"
	"slices"
	"strings"

	"inventariolab/lab/report/figure"
)

// drawOmission draws what a closed and an open loop saw of the same pause: the
// answer times over time, one panel a loop, and both distributions.
func drawOmission(in chartInput) drawing {
	loops, first, last := in.gatherLoops()
	if len(loops) == 0 {
		return in.noData("chart.omission", "nodata.omission")
	}
	l := in.Lang
	first, last = in.reach(first, last)
	fig := figure.Figure{X: in.timeAxis(first, last), Bands: in.bands(last), Notes: in.notes(first, last)}
	lo, hi, nines := math.Inf(1), 0.0, 2.0
	times := make(map[string][]int64)
	var names, words []string
	for _, p := range loops {
		n := len(p.us)
		lo, hi = min(lo, float64(p.us[0])/1000), max(hi, float64(p.us[n-1])/1000)
		nines = max(nines, ninesOf(n-1, n))
		names, times[p.name] = append(names, p.name), p.us
	}
	y, short := in.valueAxis("axis.answer", lo, hi), in.valueAxis("axis.short", lo, hi)
	own := figure.Axis{Label: l.t("axis.percentile"), Min: 0, Max: nines * 1.03, Ticks: ninesTicks(nines)}
	spread := figure.Panel{Title: l.t("omission.spread"), X: &own, Y: y, Height: 240}
	for i, p := range loops {
		n := len(p.us)
		worst := l.ms(float64(p.us[n-1]) / 1000)
		look := figure.Series(i)
		panel := figure.Panel{Title: l.t("omission.panel", p.name, l.count(int64(n)), worst), Y: short, Height: 120}
		cells := newColumns(first, max(last, first+1e-6), figure.Columns)
		for _, q := range p.points {
			cells.add(q.X, q.Y)
		}
		panel.Marks = marks(figure.Ranges{Ranges: cells.ranges(), Color: look.Color})
		panel.Hover = lagHover(p.name, p.points, first, last, l)
		fig.Panels = append(fig.Panels, panel)

		line, stems := look, figure.Stems{Look: look}
		line.Glyph = nil
		for _, q := range []float64{0.50, 0.95, 0.99} {
			if enoughFor(q, n) {
				stems.Points = append(stems.Points, figure.Point{X: -math.Log10(1 - q), Y: float64(quantile(p.us, q)) / 1000})
			}
		}
		spread.Marks = append(spread.Marks, figure.Line{Points: percentileCurve(p.us), Look: line}, stems)
		text := l.t("latency.entry", p.name, l.percentiles(p.us, 1000, 0.50, 0.95, 0.99), worst, l.count(int64(n)))
		if p.failed > 0 {
			text += l.t("latency.failed", l.count(p.failed))
		}
		fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: text})
		words = append(words, text)
	}
	spread.Hover = latencyHover(names, oneLine, times, nines, l)
	fig.Panels = append(fig.Panels, spread)
	fig.Title = in.omissionTitle(loops)
	return drawing{
		figure: fig, alt: l.t("omission.alt", joined(words)),
		caption: fig.Title + ". " + l.t("omission.caption") + in.bandsCaption(),
	}
}

func (in chartInput) omissionTitle(loops []*loopTimes) string {
	var names []string
	p99 := make(map[bool]string)
	for _, p := range loops {
		names = append(names, p.name)
		if enoughFor(0.99, len(p.us)) {
			p99[p.open] = in.Lang.ms(float64(quantile(p.us, 0.99)) / 1000)
		}
	}
	if len(loops) != 2 || len(p99) != 2 {
		return in.Lang.t("omission.title.few", strings.Join(names, ", "))
	}
	return in.Lang.t("omission.title", p99[false], p99[true])
}

// loopTimes are the answer times of one load; those of an open loop count from
// when the request was due.
type loopTimes struct {
	name   string
	open   bool
	failed int64
	points []figure.Point // when it was due (s), how long it took (ms); by time
	us     []int64        // sorted
}

// openLoop begins the names of loads that send whether answers come or not.
const openLoop = "open"

// gatherLoops are the loads that had answers, the closed ones first.
func (in chartInput) gatherLoops() (out []*loopTimes, first, last float64) {
	first, last = math.Inf(1), math.Inf(-1)
	loops := make(map[string]*loopTimes)
	for i := range in.Requests {
		q := &in.Requests[i].Value
		p := loops[q.Load]
		if p == nil {
			p = &loopTimes{name: in.Lang.loop(q.Load), open: strings.HasPrefix(q.Load, openLoop)}
			loops[q.Load] = p
		}
		if failed(q) {
			p.failed++
			continue
		}
		due, us := in.since(in.Requests[i].At), q.US
		if p.open {
			due, us = due-float64(q.LateUS)/1e6, us+q.LateUS
		}
		first, last = min(first, due), max(last, due+float64(us)/1e6)
		p.points = append(p.points, figure.Point{X: due, Y: float64(us) / 1000})
		p.us = append(p.us, us)
	}
	for _, open := range []bool{false, true} {
		for _, name := range sortedNames(loops) {
			p := loops[name]
			if p.open != open || len(p.us) == 0 {
				continue
			}
			slices.Sort(p.us)
			slices.SortStableFunc(p.points, byX)
			out = append(out, p)
		}
	}
	return out, first, last
}

// loop names a load after its kind of loop, if it is called just that.
func (l Lang) loop(load string) string {
	if p, ok := tablePhrases["prefix."+load]; ok {
		return p.in(l)
	}
	return oneLine(load)
}
