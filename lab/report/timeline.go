package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/report/figure"
)

// timeline is a scenario's requests, counted into bins and columns.
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
	byLoad           map[string]*binned // answer times, µs
}

func (in chartInput) gather() *timeline {
	t := &timeline{
		counts: make(map[string][]int), totals: make(map[string]int64), byLoad: make(map[string]*binned),
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
	for _, b := range t.byLoad {
		b.makeRoom()
	}
	for i := range in.Requests {
		if q := &in.Requests[i].Value; !failed(q) {
			t.byLoad[q.Load].put(t.binOf(in.since(in.Requests[i].At)), q.US)
		}
	}
	for _, b := range t.byLoad {
		b.sort()
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
		t.byLoad[q.Load] = newBinned(t.bins)
	}
	t.byLoad[q.Load].announce(t.binOf(sent))
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

// quantiles is a quantile of a load's answer times in each bin; NaN where it
// had fewer than so many answers.
func (t *timeline) quantiles(load string, q float64, least int) []figure.Point {
	out := make([]figure.Point, t.bins)
	for i := range out {
		x, _ := t.middle(i)
		out[i] = figure.Point{X: x, Y: math.NaN()}
		if us := t.byLoad[load].of(i); len(us) >= least {
			out[i].Y = float64(quantile(us, q)) / 1000
		}
	}
	return out
}

// tail is the highest of p99, p95 and p90 that nine of ten bins of a load have enough
// answers for, with gaps where one has not; 0 when there is none. One line
// never changes its meaning on the way.
func (t *timeline) tail(load string) (float64, []figure.Point) {
	for _, q := range []float64{0.99, 0.95, 0.90} {
		filled, enough := 0, 0
		for i := range t.bins {
			if n := len(t.byLoad[load].of(i)); n > 0 {
				filled++
				if enoughFor(q, n) {
					enough++
				}
			}
		}
		if enough > 0 && 10*enough >= 9*filled {
			return q, t.quantiles(load, q, int(math.Ceil(1/(1-q)-1e-6)))
		}
	}
	return 0, nil
}

func tailLabel(l Lang, q float64, load string) string {
	name := "p" + strconv.FormatFloat(100*q, 'f', -1, 64)
	if load == "" {
		return l.t("timeline.tail", name)
	}
	return l.t("timeline.tail.of", name, load)
}

// drawnLoads is how many loads a timeline draws percentile lines of: more could
// not be told apart.
const drawnLoads = 2

// mainLoads are the loads with the most answers, by name. The others are in the
// bars, and under the pointer.
func (t *timeline) mainLoads() []string {
	most := slices.Clone(t.loads)
	slices.SortStableFunc(most, func(a, b string) int { return cmp.Compare(len(t.byLoad[b].values), len(t.byLoad[a].values)) })
	most = most[:min(len(most), drawnLoads)]
	slices.Sort(most)
	return most
}
