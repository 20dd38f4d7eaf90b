package check

import (
	"fmt"
	"math"
	"slices"
	"time"

	"inventariolab/lab"
)

// Omission sets a closed and an open loop beside each other that met the same
// kind of pause: what the closed one never asked, nobody measured.
type Omission struct {
	Closed, FromSending, FromDue Latencies
	Missing                      float64 // requests that the closed loop would have sent during its pause and did not, at its own rate; never below 0
	Pause                        time.Duration
}

// Latencies are percentiles of all requests of a loop in ms, failed ones too:
// in a pause the time until the error is what was waited. NaN when they are too
// few.
type Latencies struct {
	Requests                   int
	P50, P90, P99, P999, Worst float64
}

// Paused is one loop with the pause that it met.
type Paused struct {
	Requests []Req
	From, To time.Duration // the pause
}

// OmissionOf compares the loops. The closed loop's own rate is that of its
// requests outside the pause, over the time between its first and last
// request.
func OmissionOf(closed, open Paused) Omission {
	o := Omission{
		Closed:      latenciesOf(closed.Requests, func(q lab.Request) float64 { return float64(q.US) / 1000 }),
		FromSending: latenciesOf(open.Requests, func(q lab.Request) float64 { return float64(q.US) / 1000 }),
		FromDue:     latenciesOf(open.Requests, fromDue),
		Pause:       closed.To - closed.From,
		Missing:     math.NaN(),
	}
	first, latest := Never, time.Duration(0)
	inside := len(Sent(closed.Requests, closed.From, closed.To))
	for _, r := range closed.Requests {
		first, latest = min(first, r.At), max(latest, r.At)
	}
	outside := len(closed.Requests) - inside
	if length := latest - first - o.Pause; outside > 1 && length > 0 && o.Pause > 0 {
		o.Missing = max(float64(outside)/length.Seconds()*o.Pause.Seconds()-float64(inside), 0)
	}
	return o
}

func latenciesOf(reqs []Req, of func(lab.Request) float64) Latencies {
	ms := make([]float64, len(reqs))
	for i, r := range reqs {
		ms[i] = of(r.Value)
	}
	slices.Sort(ms)
	at := func(q float64) float64 {
		if !EnoughFor(q, len(ms)) {
			return math.NaN()
		}
		return Quantile(ms, q)
	}
	return Latencies{Requests: len(ms), P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999), Worst: Quantile(ms, 1)}
}

// Table shows the three views side by side.
func (o Omission) Table() lab.Table {
	t := lab.Table{
		Name: "omission", Rows: "loop",
		Columns: []string{"requests", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "worst_ms"},
		Note:    o.note(),
	}
	add := func(name string, l Latencies) {
		if l.Requests > 0 {
			t.Lines = append(t.Lines, lab.NewLine(name, float64(l.Requests), l.P50, l.P90, l.P99, l.P999, l.Worst))
		}
	}
	add("closed", o.Closed)
	add("open, from sending", o.FromSending)
	add("open, from due", o.FromDue)
	return t
}

func (o Omission) note() string {
	if math.IsNaN(o.Missing) {
		return "How many requests the closed loop left out cannot be told."
	}
	return fmt.Sprintf("In a pause of %v the closed loop left out about %.0f requests that it would have sent at its own rate; nobody waited for them, so no percentile has them. "+
		"The open loop sent them, and counts each from the moment at which it was due.", o.Pause.Round(time.Millisecond), o.Missing)
}

// OmissionShown checks that the pause is in the open loop's p99 and not in the
// closed one's, although both met it. It is Unknown when a loop has fewer than
// least requests, or no request that waited for half of the pause: then it met
// none.
func OmissionShown(name string, o Omission, least int) lab.Check {
	half := float64(o.Pause.Microseconds()) / 2000
	want := fmt.Sprintf("both loops meet the pause (slowest ≥ %.0f ms), and the open loop's p99 from due is greater than the closed loop's", half)
	got := fmt.Sprintf("p99 %.1f ms closed, %.1f ms open from due; slowest %.1f and %.1f ms", o.Closed.P99, o.FromDue.P99, o.Closed.Worst, o.FromDue.Worst)
	switch {
	case min(o.Closed.Requests, o.FromDue.Requests) < least || math.IsNaN(o.Closed.P99) || math.IsNaN(o.FromDue.P99):
		return unknown(name, want, fmt.Sprintf("%d requests closed, %d open", o.Closed.Requests, o.FromDue.Requests), "too few requests for a p99: let both run longer")
	case o.Pause <= 0 || min(o.Closed.Worst, o.FromDue.Worst) < half:
		return unknown(name, want, got, "a loop did not meet the pause: look at the proof of the fault, and whether the balancer asked another instance instead")
	case o.FromDue.P99 <= o.Closed.P99:
		return fail(name, want, got, "the pause is too short a part of the open loop for its p99, or long enough for the closed one's: it shows where more than one per cent "+
			"of the requests that were due fall into it")
	}
	return pass(name, want, got)
}
