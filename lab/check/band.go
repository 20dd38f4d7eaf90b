package check

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// The before-band: what a load looked like before anything was broken, in bins
// of BandBin, each compared with windows of the same length later. A load is
// inside the band while, in each window, nothing fails, no request takes longer
// than the slowest of all bins and its margin, no p99 (with fewer than 100
// requests: no slowest) is above the highest of a bin and its margin, and there
// are not fewer requests than in the emptiest bin less its margin.
//
// The margins keep an undisturbed load inside: a second look at the same thing
// often finds a slower slowest, by chance alone. They are also the smallest
// disturbance that is noticed.
const (
	BandBin  = 500 * time.Millisecond
	BandHold = 2 * BandBin // so long a load must stay inside to be back
	BandBins = 3           // of these there must be, for a band

	slowMargin  = 1.5  // of the highest p99 of a bin …
	slowFloor   = 5.0  // … or so many ms more, if that is more
	worstMargin = 2.0  // of the slowest request before …
	worstFloor  = 20.0 // … or so many ms more
	thinMargin  = 0.75 // of the emptiest bin
	binLeast    = 20   // requests in a bin, fewer tell nothing
)

// Band is what a load must keep to in every window of BandBin to be as before.
type Band struct {
	Bins    int
	SlowMS  float64 // highest p99
	WorstMS float64 // slowest request
	Least   float64 // requests
	Why     string  // why there is no band; "" when there is one
}

// bandOf makes the band of the load sent in [from, to). Only requests that
// were finished by then tell of it: the others met the fault.
func bandOf(reqs ordered, from, to time.Duration) Band {
	b := Band{Bins: int(max(to-from, 0) / BandBin)}
	if b.Bins < BandBins {
		b.Why = fmt.Sprintf("only %v were observed before the fault, it takes %v", max(to-from, 0).Round(time.Millisecond), BandBins*BandBin)
		return b
	}
	slow, worst, least := 0.0, 0.0, math.MaxInt
	var ms []float64 // of one bin
	for bin := range b.Bins {
		until := to - time.Duration(bin)*BandBin
		in := reqs.between(until-BandBin, until)
		least = min(least, in.len())
		ms = ms[:0]
		for r := range in.all() {
			if end(r.At, r.Value.US) > to {
				continue
			}
			if failed(r) {
				b.Why = "requests failed already before the fault"
			}
			ms = append(ms, float64(r.Value.US)/1000)
		}
		slices.Sort(ms)
		if len(ms) > 0 {
			slow, worst = max(slow, Quantile(ms, 0.99)), max(worst, Quantile(ms, 1))
		}
	}
	if least < binLeast {
		b.Why = fmt.Sprintf("the load before the fault was idle or too thin: %d requests in some %v, it takes %d", least, BandBin, binLeast)
	}
	b.SlowMS = max(slow*slowMargin, slow+slowFloor)
	b.WorstMS = max(worst*worstMargin, worst+worstFloor)
	b.Least = float64(least) * thinMargin
	return b
}

// String tells the limits.
func (b Band) String() string {
	if b.Why != "" {
		return "no band: " + b.Why
	}
	return fmt.Sprintf("per %v no failure, p99 ≤ %.1f ms, slowest ≤ %.1f ms, %.0f requests or more", BandBin, b.SlowMS, b.WorstMS, math.Ceil(b.Least))
}

// bad says that one request alone is out of the band: it failed, or it took
// longer than the slowest may.
func (b Band) bad(r *Req) bool {
	return failed(r) || float64(r.Value.US)/1000 > b.WorstMS
}

// back finds the first request sent in [from, until) from which on the load
// stays inside the band for BandHold; Never when there is none. A hold that is
// not over at until does not count.
func (b Band) back(all ordered, from, until time.Duration) time.Duration {
	if b.Why != "" {
		return Never
	}
	reqs := all.between(from, until) // no window reaches beyond
	// How many of the requests before each are bad, and slower than a p99 may be.
	bad, slow := make([]int32, reqs.len()+1), make([]int32, reqs.len()+1)
	for i := range reqs.len() {
		r := reqs.at(i)
		bad[i+1], slow[i+1] = bad[i], slow[i]
		if b.bad(r) {
			bad[i+1]++
		}
		if float64(r.Value.US)/1000 > b.SlowMS {
			slow[i+1]++
		}
	}
	for first := 0; first < reqs.len() && reqs.at(first).At+BandHold <= until; first++ {
		inside, i, since := true, first, reqs.at(first).At
		for at := since; inside && at < since+BandHold; at += BandBin {
			next := reqs.position(at + BandBin)
			n := next - i
			most := n - int(math.Ceil(0.99*float64(n)-1e-9)) // so many may be slower than the p99
			inside = float64(n) >= b.Least && bad[next] == bad[i] && int(slow[next]-slow[i]) <= most
			i = next
		}
		if inside {
			return since
		}
	}
	return Never
}
