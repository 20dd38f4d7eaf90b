package check

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"inventariolab/lab"
)

// Never is a moment that did not come; every other is before it.
const Never = time.Duration(math.MaxInt64)

// FaultTimes are the moments of a fault since the run's start; Never for those
// that were not recorded.
type FaultTimes struct {
	Asked, InEffect, Healing, Healed time.Duration
}

// FaultTimesOf finds the moments of a scenario's fault. Of several faults it
// takes the first asking, the last proof of an effect before the first healing,
// and the last healing. It is in effect only if each one that was asked for is.
func FaultTimesOf(faults []lab.Timed[lab.FaultEvent]) FaultTimes {
	t := FaultTimes{Never, Never, Never, Never}
	firstHealing, asked, proven := Never, 0, 0
	for _, f := range faults {
		switch f.Value.Phase {
		case lab.FaultAsked:
			asked++
			t.Asked = min(t.Asked, f.At)
		case lab.FaultInEffect:
			proven++
		case lab.FaultHealing:
			firstHealing = min(firstHealing, f.At)
			t.Healing = last(t.Healing, f.At)
		case lab.FaultHealed:
			t.Healed = last(t.Healed, f.At)
		}
	}
	if proven == 0 || proven < asked {
		return t
	}
	for _, f := range faults {
		if f.Value.Phase == lab.FaultInEffect && f.At <= firstHealing {
			t.InEffect = last(t.InEffect, f.At)
		}
	}
	return t
}

func last(a, b time.Duration) time.Duration {
	if a == Never {
		return b
	}
	return max(a, b)
}

// Observed is what a fault scenario saw: the requests of one load, sent from
// Began to End, and the moments of the fault between. Served are lines of the
// balancer's log, if there is one.
type Observed struct {
	Requests   []Req
	Served     []Line
	Began, End time.Duration
	Fault      FaultTimes
}

// Window is a part of a load. Percentiles are of good answers, in ms, and NaN
// when these are too few for them; Worst is of all, failed ones too.
type Window struct {
	Name                 string
	From, To             time.Duration
	Requests, Failed     int
	Rate                 float64 // requests/s
	P50, P95, P99, Worst float64
}

// Span is a length of time that ends with an event; To is Never when it did
// not come.
type Span struct{ From, To time.Duration }

// Known says whether the event came.
func (s Span) Known() bool { return s.To != Never && s.From != Never }

// Length is how long it took; 0 when the event did not come.
func (s Span) Length() time.Duration {
	if !s.Known() {
		return 0
	}
	return max(s.To-s.From, 0)
}

// Windows is a fault scenario in three windows, and what lies between them.
type Windows struct {
	Fault FaultTimes
	Band  Band

	Before Window // sent from Began on, and finished before the fault was asked for
	During Window // under way then, or sent until the healing was asked for
	Back   Window // sent since then, until the load was as before
	After  Window // sent since then (when it never was: since the fault was gone)

	Detect    Span // from asking for the fault until its first bad sign reached a client: an error, or an answer slower than the band's slowest
	DetectLog Span // the same for the balancer's log: a failed try
	Absorb    Span // from the fault's proof until the load was as before, though the fault lasted
	Recover   Span // from asking for the healing until the load was as before

	End time.Duration
}

// WindowsOf cuts a fault scenario into its windows. The order of requests and
// lines does not matter, and neither do those after End.
func WindowsOf(o Observed) Windows {
	reqs := inOrder(o.Requests, sent(o.Began, o.End))
	f := o.Fault
	asked, healing := min(f.Asked, o.End), min(f.Healing, o.End)
	w := Windows{Fault: f, End: o.End, Band: bandOf(reqs, o.Began, asked)}

	early := reqs.between(o.Began, healing)
	before := early.where(func(r *Req) bool { return end(r.At, r.Value.US) <= asked })
	during := early.where(func(r *Req) bool { return end(r.At, r.Value.US) > asked })
	detected := Never
	if w.Band.Why == "" {
		for r := range during {
			if w.Band.bad(r) {
				detected = min(detected, end(r.At, r.Value.US))
			}
		}
	}
	w.Detect, w.DetectLog = Span{f.Asked, detected}, Span{f.Asked, firstFailedTry(o.Served, o.Began, asked, healing)}
	w.Absorb, w.Recover = Span{f.InEffect, Never}, Span{f.Healing, Never}
	if f.InEffect != Never {
		from := f.InEffect
		if detected != Never {
			from = max(from, detected)
		}
		w.Absorb.To = w.Band.back(reqs, from, healing)
	}
	if f.Healing != Never {
		w.Recover.To = w.Band.back(reqs, f.Healing, o.End)
	}
	after := min(w.Recover.To, o.End)
	if w.Recover.To == Never {
		after = min(max(healing, min(f.Healed, o.End)), o.End)
		if f.Healed == Never {
			after = healing
		}
	}
	w.Before, w.During = windowOf("before", before, o.Began, asked), windowOf("during", during, asked, healing)
	w.Back, w.After = windowOf("back", reqs.between(healing, after).all(), healing, after), windowOf("after", reqs.between(after, o.End).all(), after, o.End)
	return w
}

// firstFailedTry is when the log first told of a failed try of a request that
// was there while the fault was; Never when it did not, and when tries failed
// already before.
func firstFailedTry(served []Line, began, asked, healing time.Duration) time.Duration {
	first := Never
	for n := range served {
		l := &served[n]
		came := l.At - time.Duration(l.Value.US)*time.Microsecond
		if l.At < began || came >= healing {
			continue
		}
		for i := range l.Value.Tries {
			if failedTry(&l.Value, i) {
				first = min(first, l.At)
			}
		}
	}
	if first+logTick <= asked {
		return Never
	}
	return max(first, asked)
}

// logTick is what a line's time may be too early by: the balancer cuts it off to
// whole milliseconds.
const logTick = time.Millisecond

func windowOf(name string, reqs iter.Seq[*Req], from, to time.Duration) Window {
	w := Window{
		Name: name, From: from, To: to, Requests: count(reqs),
		Rate: math.NaN(), P50: math.NaN(), P95: math.NaN(), P99: math.NaN(), Worst: math.NaN(),
	}
	if to > from {
		w.Rate = float64(w.Requests) / (to - from).Seconds()
	}
	ms, worst := make([]float64, 0, w.Requests), int64(0)
	for r := range reqs {
		worst = max(worst, r.Value.US)
		if failed(r) {
			w.Failed++
			continue
		}
		ms = append(ms, float64(r.Value.US)/1000)
	}
	slices.Sort(ms)
	for q, p := range map[float64]*float64{0.50: &w.P50, 0.95: &w.P95, 0.99: &w.P99} {
		if EnoughFor(q, len(ms)) {
			*p = Quantile(ms, q)
		}
	}
	if w.Requests > 0 {
		w.Worst = float64(worst) / 1000
	}
	return w
}

// Table shows the three windows.
func (w Windows) Table() lab.Table {
	t := lab.Table{
		Name: "windows", Rows: "window",
		Columns: []string{"requests", "failed", "rps", "p50_ms", "p95_ms", "p99_ms", "worst_ms"},
		Note:    w.note(),
	}
	for _, x := range []Window{w.Before, w.During, w.After} {
		t.Lines = append(t.Lines, lab.NewLine(x.Name, float64(x.Requests), float64(x.Failed), x.Rate, x.P50, x.P95, x.P99, x.Worst))
	}
	return t
}

func (w Windows) note() string {
	parts := []string{"the band before: " + w.Band.String()}
	tell := func(s Span, yes string) {
		if s.Known() {
			parts = append(parts, fmt.Sprintf(yes, s.Length().Round(100*time.Microsecond)))
		}
	}
	tell(w.Detect, "the first bad sign reached a client %v after the fault was asked for")
	if !w.Detect.Known() && w.Band.Why == "" {
		parts = append(parts, "no client saw a bad sign of the fault")
	}
	tell(w.DetectLog, "the first failed try stood in the balancer's log after %v")
	tell(w.Absorb, "the load was inside the band again %v after the fault was in effect, while it lasted")
	tell(w.Recover, "it was inside the band %v after the healing was asked for")
	if w.Back.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d requests failed on the way back, between the windows", w.Back.Failed))
	}
	return strings.Join(parts, "; ") + "."
}

// Metrics are the spans that ended: detect_ms, detect_log_ms, absorb_ms,
// recover_ms.
func (w Windows) Metrics() []lab.Metric {
	var m []lab.Metric
	for _, s := range []struct {
		name string
		span Span
	}{{"detect_ms", w.Detect}, {"detect_log_ms", w.DetectLog}, {"absorb_ms", w.Absorb}, {"recover_ms", w.Recover}} {
		if s.span.Known() {
			m = append(m, lab.Metric{Name: s.name, Value: float64(s.span.Length().Microseconds()) / 1000})
		}
	}
	return m
}
