package check

import (
	"fmt"
	"math"
	"time"

	"inventariolab/lab"
)

// P99RaisedBy checks that a fault raised the p99 of the load by at most so
// much: the p99 of the window during it, against the one before. It is Unknown
// without a p99 of both.
func P99RaisedBy(name string, w Windows, most time.Duration) lab.Check {
	want := fmt.Sprintf("a p99 of at most %v more than before", most)
	got := fmt.Sprintf("p99 %.1f ms before, %.1f ms during (%d requests)", w.Before.P99, w.During.P99, w.During.Requests)
	switch {
	case w.Fault.InEffect == Never || math.IsNaN(w.Before.P99) || math.IsNaN(w.During.P99):
		return unknown(name, want, got, lackingHint)
	case w.During.P99 > w.Before.P99+float64(most.Microseconds())/1000:
		return fail(name, want, got, "more than one request of a hundred waited longer than the balancer should let it: look at the tries in its access log "+
			"(read time-outs, several tries one after the other) and at how long it leaves a failed instance out")
	}
	return pass(name, want, got)
}

// Beside holds the requests that met one instance against those that did not,
// in the same window: whatever else slows the machine slows both. A request met
// it when the balancer tried it there, wherever its answer came from.
type Beside struct {
	Service      string
	Mine, Others Window
	Slow         int // of all, slower than 99 of 100 of the others'
}

// BesideOf sorts the requests sent in [from, to) by whether they met a service.
// Requests that are not in the log go by who answered.
func BesideOf(service string, log *Joined, reqs []Req, from, to time.Duration) Beside {
	met := make(map[string]bool)
	for i := range log.served {
		for _, try := range log.served[i].Value.Tries {
			if try.Service == service {
				met[log.served[i].Value.ID] = true
			}
		}
	}
	in := inOrder(reqs, sent(from, to))
	mine := func(r *Req) bool { return r.Value.Instance == service || r.Value.ID != "" && met[r.Value.ID] }
	b := Beside{
		Service: service,
		Mine:    windowOf("mine", in.where(mine), from, to),
		Others:  windowOf("others", in.where(func(r *Req) bool { return !mine(r) }), from, to),
	}
	for r := range in.all() {
		if float64(r.Value.US)/1000 > b.Others.P99 {
			b.Slow++
		}
	}
	return b
}

// Share is the part of all requests that was slow, from 0 to 1; NaN when that
// cannot be told.
func (b Beside) Share() float64 {
	if math.IsNaN(b.Others.P99) {
		return math.NaN()
	}
	return float64(b.Slow) / float64(b.Mine.Requests+b.Others.Requests)
}

func (b Beside) String() string {
	return fmt.Sprintf("at %s p50 %.1f ms, p95 %.1f ms (%d requests), elsewhere p50 %.1f ms, p95 %.1f ms, p99 %.1f ms (%d); %.1f %% of all took longer than that p99",
		b.Service, b.Mine.P50, b.Mine.P95, b.Mine.Requests, b.Others.P50, b.Others.P95, b.Others.P99, b.Others.Requests, b.Share()*100)
}

// slowerBy is how many times the others' p95 an instance's must be for it to be
// called slow: less is told of two equal ones by chance, on a busy machine.
const slowerBy = 1.5

// SlowerBeside checks that an instance was slow for those who met it. If not it
// is Unknown: a fault that nobody felt proves nothing.
func SlowerBeside(name string, b Beside) lab.Check {
	want := fmt.Sprintf("a p95 at %s of more than %g times that of the others, in the same window", b.Service, slowerBy)
	if !(b.Mine.P95 > slowerBy*b.Others.P95) { // NaN too
		return unknown(name, want, b.String(), "what the instance kept was enough for its load, or too few met it: raise the load, or leave it less")
	}
	return pass(name, want, b.String())
}

// OthersAsBefore checks that who did not meet an instance was answered as
// before: with the p99 that the band before allows. With fewer than least
// requests it is Unknown.
func OthersAsBefore(name string, b Beside, w Windows, least int) lab.Check {
	want := fmt.Sprintf("a p99 of at most %.1f ms for those who did not meet %s", w.Band.SlowMS, b.Service)
	switch {
	case w.Band.Why != "":
		return unknown(name, want, w.Band.String(), lackingHint)
	case b.Others.Requests < least || math.IsNaN(b.Others.P99):
		return unknown(name, want, fmt.Sprintf("%d requests", b.Others.Requests), fmt.Sprintf("at least %d are needed for the claim: look why the load was so thin", least))
	case b.Others.P99 > w.Band.SlowMS:
		return fail(name, want, b.String(), "the slow instance holds up what all share (processors, database connections, the balancer's workers), or "+
			"its retries pile up at the others; look at the tries by instance")
	}
	return pass(name, want, b.String())
}

// IfCalm is a check of times that presumes a machine with time to spare: another
// instance must be able to answer at once. When a request before the fault took
// longer than a limit already, what fails is Unknown: it says nothing of the
// fault.
func IfCalm(c lab.Check, w Windows, limit time.Duration) lab.Check {
	if limitMS := float64(limit.Microseconds()) / 1000; c.Verdict == lab.Fail && w.Before.Worst > limitMS {
		c.Verdict = lab.Unknown
		c.Got += fmt.Sprintf("; but before the fault a request took %.1f ms already (at most %.1f ms for this claim)", w.Before.Worst, limitMS)
		c.Hint = "the machine was too busy before anything was broken: try on a less busy one, or with less load"
	}
	return c
}
