package report

import (
	"math"
	"slices"
	"strconv"
	"time"

	"inventariolab/lab"
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
	fig := figure.Figure{X: in.timeAxis(t.first, t.last), Bands: in.bands(t.last)}
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
	for i, load := range t.loads {
		look := figure.Look{Color: figure.Black, Dash: figure.Series(i).Dash}
		answers.Marks = append(answers.Marks, figure.Line{Points: t.medians(load), Look: look})
		label := l.t("timeline.median")
		if len(t.loads) > 1 {
			label = l.t("timeline.median.of", load)
		}
		fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: label})
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
	throughput.Hover, answers.Hover = t.hover(l)
	fig.Panels = []figure.Panel{throughput, answers}

	outcome := l.t("timeline.none")
	if t.failed > 0 {
		outcome = l.t("timeline.some", l.count(t.failed), seconds2(t.firstFail), seconds2(t.lastFail))
	}
	fig.Title = l.t("timeline.title", l.n("requests", int64(len(in.Requests))), outcome, l.ms(t.slowest), seconds2(t.slowestAt))
	return drawing{
		figure: fig, alt: fig.Title + ". " + joined(words),
		caption: fig.Title + ". " + l.t("timeline.caption", l.seconds(t.bin)) + in.bandsCaption() + in.silence(),
	}
}

// timeline is a scenario's requests, counted into bins and columns in one pass.
type timeline struct {
	first, last      float64 // s since the scenario's start
	bin              time.Duration
	bins             int
	instances, loads []string
	counts           map[string][]int // answers per bin, by instance
	totals           map[string]int64
	failedCounts     []int
	failed           int64
	failures         []figure.Point
	firstFail        float64
	lastFail         float64
	fastest, slowest float64 // ms
	slowestAt        float64
	cloud            *columns
	byLoad           map[string][][]int64 // answer times per bin, µs
}

func (in chartInput) gather() *timeline {
	t := &timeline{
		counts: make(map[string][]int), totals: make(map[string]int64), byLoad: make(map[string][][]int64),
		fastest: math.Inf(1), first: math.Inf(1), last: math.Inf(-1), firstFail: math.Inf(1),
	}
	for i := range in.Requests {
		r := &in.Requests[i]
		sent := in.since(r.At)
		t.first = min(t.first, sent)
		t.last = max(t.last, sent+float64(r.Value.US)/1e6)
	}
	t.first, t.last = in.reach(t.first, t.last)
	length := time.Duration((t.last - t.first) * float64(time.Second))
	t.bin = binWidth(length, len(in.Requests))
	t.bins = max(1, int(math.Ceil(float64(length)/float64(t.bin))))
	t.failedCounts = make([]int, t.bins)
	t.cloud = newColumns(t.first, max(t.last, t.first+1e-6), figure.Columns)
	for i := range in.Requests {
		t.add(&in.Requests[i].Value, in.since(in.Requests[i].At))
	}
	t.instances = in.inOrder(t.counts)
	t.loads = sortedNames(t.byLoad)
	return t
}

// add counts one request: its time where it was sent, since that is when what
// delayed it began; its answer where it came.
func (t *timeline) add(q *lab.Request, sent float64) {
	ms := float64(q.US) / 1000
	if ms > t.slowest {
		t.slowest, t.slowestAt = ms, sent
	}
	t.fastest = min(t.fastest, ms)
	done := t.binOf(sent + ms/1000)
	if failed(q) {
		t.failed++
		t.failedCounts[done]++
		t.failures = append(t.failures, figure.Point{X: sent, Y: ms})
		t.firstFail, t.lastFail = min(t.firstFail, sent), max(t.lastFail, sent)
		return
	}
	name := q.Instance
	if name == "" {
		name = q.Load
	}
	if t.counts[name] == nil {
		t.counts[name] = make([]int, t.bins)
	}
	t.counts[name][done]++
	t.totals[name]++
	t.cloud.add(sent, ms)
	if t.byLoad[q.Load] == nil {
		t.byLoad[q.Load] = make([][]int64, t.bins)
	}
	at := t.binOf(sent)
	t.byLoad[q.Load][at] = append(t.byLoad[q.Load][at], q.US)
}

func (t *timeline) binOf(s float64) int {
	return min(max(int((s-t.first)/t.bin.Seconds()), 0), t.bins-1)
}

// middle is the place of a bin on the x axis, and its width in seconds: the
// last bin may be cut off by the end.
func (t *timeline) middle(i int) (x, width float64) {
	from := t.first + float64(i)*t.bin.Seconds()
	to := from + t.bin.Seconds()
	if t.bins > 1 {
		to = min(to, max(t.last, from+1e-6))
	}
	return (from + to) / 2, to - from
}

// rate turns counts per bin into a rate per second.
func (t *timeline) rate(counts []int) []figure.Point {
	out := make([]figure.Point, 0, len(counts))
	for i, n := range counts {
		x, width := t.middle(i)
		if i > 0 && width < 0.5*t.bin.Seconds() {
			// Too short a rest to speak of a rate: it joins the bin before it.
			_, before := t.middle(i - 1)
			out[i-1].Y = float64(counts[i-1]+n) / (before + width)
			continue
		}
		out = append(out, figure.Point{X: x, Y: float64(n) / width})
	}
	return out
}

// medians is the median answer time of a load in each bin; NaN where it had
// no answer.
func (t *timeline) medians(load string) []figure.Point {
	out := make([]figure.Point, t.bins)
	for i, us := range t.byLoad[load] {
		x, _ := t.middle(i)
		out[i] = figure.Point{X: x, Y: math.NaN()}
		if len(us) > 0 {
			slices.Sort(us)
			out[i].Y = float64(quantile(us, 0.5)) / 1000
		}
	}
	return out
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
		var done []time.Duration
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
