package report

import (
	"math"
	"slices"
	"strconv"
	"time"

	"inventariolab/lab/report/figure"
)

// drawTimeline draws what the clients saw over time: above, the answers per
// second of each instance; below, how long the answers took; both with the
// faults behind them.
func drawTimeline(in chartInput) drawing {
	if len(in.Requests) == 0 {
		return in.noData("chart.timeline", "nodata.requests")
	}
	l := in.Lang
	t := in.gather()
	fig := figure.Figure{X: in.timeAxis(t.first, t.last), Bands: in.bands(t.last), Notes: in.notes(t.first, t.last)}
	throughput := figure.Panel{Height: 210}
	answers := figure.Panel{Height: 210}

	top := 0.0
	words := []string{}
	for i, name := range t.instances {
		points := t.rate(t.counts[name])
		look := figure.Series(i)
		every := max(1, len(points)/10)
		throughput.Marks = append(throughput.Marks, figure.Line{
			Points: points, Look: look, Every: every, Offset: i * every / len(t.instances),
		})
		fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: name})
		top = max(top, highest(points))
		words = append(words, l.t("timeline.alt.instance", name, l.n("requests", t.totals[name])))
	}
	if t.failed > 0 {
		points := t.rate(t.failedCounts)
		look := figure.Wrong()
		look.Glyph = nil
		throughput.Marks = append(throughput.Marks, figure.Line{Points: onlyAround(points), Look: look})
		throughput.Marks = append(throughput.Marks, figure.Markers{Points: above(points, 0), Look: figure.Wrong()})
		top = max(top, highest(points))
	}
	throughput.Y = figure.Axis{Label: l.t("axis.rate"), Min: 0, Max: max(1, top*1.12)}

	answers.Y = in.valueAxis("axis.answer", t.fastest, t.slowest)
	answers.Marks = append(answers.Marks, figure.Ranges{Ranges: t.cloud.ranges(), Color: figure.Sky})
	tails := ""
	drawn := t.mainLoads()
	for i, load := range drawn {
		look := figure.Look{Color: figure.Black, Dash: figure.Series(i).Dash}
		answers.Marks = append(answers.Marks, figure.Line{Points: t.quantiles(load, 0.5, 1), Look: look})
		label, of := l.t("timeline.median"), ""
		if len(t.loads) > 1 {
			label, of = l.t("timeline.median.of", in.name(load)), in.name(load)
		}
		fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: label})
		q, tail := t.tail(load)
		if q == 0 {
			continue // too few answers a step for any: the bars have the slowest
		}
		look.Width, look.Glyph = 1.2, figure.Peak
		every := max(1, t.bins/9)
		answers.Marks = append(answers.Marks, figure.Line{Points: tail, Look: look, Every: every, Offset: (i + 1) * every / (len(drawn) + 1)})
		fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: tailLabel(l, q, of)})
		tails = " " + l.t("timeline.tail.caption")
	}
	if len(t.loads) > 0 {
		fig.Legend = append(fig.Legend, figure.Entry{
			Kind: figure.RangeEntry, Look: figure.Look{Color: figure.Sky}, Label: l.t("timeline.range"),
		})
	}
	if t.failed > 0 {
		answers.Marks = append(answers.Marks, figure.Markers{Points: t.failures, Look: figure.Wrong()})
		fig.Legend = append(fig.Legend, figure.Entry{Look: figure.Wrong(), Label: l.t("timeline.failed", l.count(t.failed))})
	}
	throughput.Hover, answers.Hover = t.hover(l, in.name)
	fig.Panels = []figure.Panel{throughput, answers}

	outcome := l.t("timeline.none")
	if t.failed > 0 {
		outcome = l.t("timeline.some", l.count(t.failed), seconds2(t.firstFail), seconds2(t.lastFail))
	}
	fig.Title = l.t("timeline.title", l.n("requests", int64(len(in.Requests))), outcome, l.ms(t.slowest), seconds2(t.slowestAt))
	return drawing{
		figure: fig, alt: fig.Title + ". " + joined(words),
		caption: fig.Title + ". " + l.t("timeline.caption", l.seconds(t.bin)) + tails + in.bandsCaption() + in.silence(),
	}
}

// inOrder lists names as the topology does, then the others by name.
func (in chartInput) inOrder(counts map[string][]int) []string {
	var out []string
	if in.Topology != nil {
		for _, i := range in.Topology.Instances {
			if counts[i.Service] != nil {
				out = append(out, i.Service)
			}
		}
	}
	for _, name := range sortedNames(counts) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// bandsCaption explains the bands, if the scenario has any.
func (in chartInput) bandsCaption() string {
	if len(in.Faults) == 0 {
		return ""
	}
	return " " + in.Lang.t("bands.caption")
}

// silence says for how long the instances that were broken answered nothing.
func (in chartInput) silence() string {
	out := ""
	seen := make(map[string]bool)
	for _, f := range in.Faults {
		target := f.Value.Service
		if seen[target] {
			continue
		}
		seen[target] = true
		n := 0
		for i := range in.Requests {
			if r := &in.Requests[i].Value; r.Instance == target && !failed(r) {
				n++
			}
		}
		done := make([]time.Duration, 0, n)
		for i := range in.Requests {
			r := &in.Requests[i]
			if r.Value.Instance == target && !failed(&r.Value) {
				done = append(done, r.At+time.Duration(r.Value.US)*time.Microsecond)
			}
		}
		slices.Sort(done)
		var from, to time.Duration
		for i := 1; i < len(done); i++ {
			if done[i] > f.At && done[i]-done[i-1] > to-from {
				from, to = done[i-1], done[i]
			}
		}
		if to > from {
			out += " " + in.Lang.t("timeline.silent", target, seconds2(in.since(from)), seconds2(in.since(to)))
		}
	}
	return out
}

func highest(points []figure.Point) float64 {
	top := 0.0
	for _, p := range points {
		top = max(top, p.Y)
	}
	return top
}

// onlyAround leaves of a line what is above zero, with the zeros right beside
// it; the rest would be a line along the axis that says nothing.
func onlyAround(points []figure.Point) []figure.Point {
	out := slices.Clone(points)
	for i := range points {
		before, after := points[max(i-1, 0)].Y, points[min(i+1, len(points)-1)].Y
		if points[i].Y == 0 && before == 0 && after == 0 {
			out[i].Y = math.NaN()
		}
	}
	return out
}

func above(points []figure.Point, y float64) []figure.Point {
	var out []figure.Point
	for _, p := range points {
		if p.Y > y {
			out = append(out, p)
		}
	}
	return out
}

func seconds2(s float64) string { return strconv.FormatFloat(s, 'f', 2, 64) + " s" }
