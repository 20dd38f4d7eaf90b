package check

import (
	"fmt"
	"math"
	"slices"
	"time"

	"inventariolab/lab"
)

// Pace is how well an open loop was sent as planned.
type Pace struct {
	Rate      float64 // requests/s that were due
	Due, Sent int
	First     time.Duration // when the first was due
	SentRate  float64       // requests/s, from the first to the last that was sent; NaN with fewer than two
	LateP99   float64       // how late 99 of 100 were sent at most, in ms; NaN without requests
	LateWorst float64

	Kept bool   // the generator's own word, which knows why a request was late
	Why  string // when it was not kept
}

// PaceOf looks at the requests of an open loop of which so many were due at a
// rate. Kept and Why are the generator's to say.
func PaceOf(rate float64, due int, reqs []Req) Pace {
	p := Pace{Rate: rate, Due: due, Sent: len(reqs), First: FirstDue(reqs), SentRate: math.NaN(), LateP99: math.NaN(), LateWorst: math.NaN()}
	if len(reqs) == 0 {
		return p
	}
	late := make([]int64, len(reqs))
	first, last := reqs[0].At, reqs[0].At
	for i := range reqs {
		late[i] = reqs[i].Value.LateUS
		first, last = min(first, reqs[i].At), max(last, reqs[i].At)
	}
	slices.Sort(late)
	p.LateP99 = float64(late[(len(late)*99+99)/100-1]) / 1000
	p.LateWorst = float64(late[len(late)-1]) / 1000
	if last > first {
		p.SentRate = float64(len(reqs)-1) / (last - first).Seconds()
	}
	return p
}

// PaceKept checks that the generator kept its schedule. It never fails: when it
// did not, what was measured is not the stack's alone, and it is Unknown.
func PaceKept(name string, p Pace) lab.Check {
	want := fmt.Sprintf("%d requests, %g a second, 99 of 100 sent when they were due", p.Due, p.Rate)
	got := fmt.Sprintf("%d sent, %.1f a second; 99 of 100 at most %.1f ms late, the latest %.0f ms", p.Sent, p.SentRate, p.LateP99, p.LateWorst)
	if !p.Kept {
		return unknown(name, want, got, p.Why+"; try a lower rate, or a machine that does nothing else")
	}
	return pass(name, want, got)
}

// Parts is a load in parts of equal length, and as a whole. Times are in ms from
// the moment at which a request was due.
type Parts struct {
	Parts []Window
	Whole Window
}

// PartsOf cuts a load whose first request was due at a moment, and which was to
// take so long, into n parts by when its requests were due.
func PartsOf(reqs []Req, first, length time.Duration, n int) Parts {
	bin := func(r *Req) int {
		due := r.At - time.Duration(r.Value.LateUS)*time.Microsecond - first
		return min(max(int(float64(due)/float64(length)*float64(n)), 0), n-1)
	}
	good := make([]int, n)
	p := Parts{Parts: make([]Window, n)}
	for i := range reqs {
		r := &reqs[i]
		w := &p.Parts[bin(r)]
		w.Requests++
		if failed(r) {
			w.Failed++
		} else {
			good[bin(r)]++
		}
	}
	// One piece of memory holds the times of all: a part's lie side by side.
	all := make([]float64, 0, len(reqs))
	times := make([][]float64, n)
	for i, k := range good {
		times[i] = all[len(all) : len(all) : len(all)+k]
		all = all[:len(all)+k]
	}
	for i := range reqs {
		r := &reqs[i]
		at := bin(r)
		ms := fromDue(r.Value)
		p.Parts[at].Worst = max(p.Parts[at].Worst, ms)
		if !failed(r) {
			times[at] = append(times[at], ms)
		}
	}
	p.Whole = Window{Name: "all", From: first, To: first + length}
	for i := range p.Parts {
		w := &p.Parts[i]
		w.From, w.To = first+length*time.Duration(i)/time.Duration(n), first+length*time.Duration(i+1)/time.Duration(n)
		w.Name = fmt.Sprintf("%s – %s s", seconds(w.From-first), seconds(w.To-first))
		w.sum(times[i])
		p.Whole.Requests += w.Requests
		p.Whole.Failed += w.Failed
		p.Whole.Worst = max(p.Whole.Worst, w.Worst)
	}
	p.Whole.sum(all)
	return p
}

func seconds(d time.Duration) string {
	return fmt.Sprint(math.Round(d.Seconds()*10) / 10)
}

// sum fills in what follows from the times of the good answers, which it sorts.
func (w *Window) sum(ms []float64) {
	slices.Sort(ms)
	w.Rate, w.P50, w.P95, w.P99 = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	if w.To > w.From {
		w.Rate = float64(len(ms)) / (w.To - w.From).Seconds()
	}
	for q, p := range map[float64]*float64{0.50: &w.P50, 0.95: &w.P95, 0.99: &w.P99} {
		if EnoughFor(q, len(ms)) {
			*p = Quantile(ms, q)
		}
	}
	if w.Requests == 0 {
		w.Worst = math.NaN()
	}
}

// Table shows the parts and the whole.
func (p Parts) Table() lab.Table {
	t := lab.Table{
		Name: "parts", Rows: "part",
		Columns: []string{"requests", "failed", "rps", "p50_ms", "p95_ms", "p99_ms", "worst_ms"},
		Note:    "By when the requests were due; their times count from that moment.",
	}
	for _, w := range append(slices.Clone(p.Parts), p.Whole) {
		t.Lines = append(t.Lines, lab.NewLine(w.Name, float64(w.Requests), float64(w.Failed), w.Rate, w.P50, w.P95, w.P99, w.Worst))
	}
	return t
}
