package calibrate

import (
	"fmt"
	"math"
	"slices"

	"inventariolab/lab"
)

// Goals of the lab's own generator.
const (
	Agreement = 0.10 // its p50 may differ from ab's by this share
	minRounds = 5    // fewer tell nothing about a median
)

// Ratios are one generator's rounds divided by another's, round by round.
type Ratios struct{ Rate, P50, P99, CPU []float64 }

// sameRate is what the ratios of the p50 would be at the same rate. In a closed loop
// all clients wait all the time, so clients ÷ rate is the mean latency (Little's law): a
// generator at which the stack answers a tenth more shows latencies that are shorter by as
// much, and rightly. What is left when that is taken out is how they are told.
func (r Ratios) sameRate() Ratios {
	p50 := make([]float64, len(r.P50))
	for i := range p50 {
		p50[i] = r.P50[i] * r.Rate[i]
	}
	r.P50 = p50
	return r
}

// Compare divides the rounds of one generator by those of another; empty
// when one of them has none.
func (m Mode) Compare(name, to string) Ratios {
	a, b := m.row(name), m.row(to)
	var r Ratios
	for i := range min(len(a), len(b)) {
		r.Rate = append(r.Rate, a[i].Rate/b[i].Rate)
		r.P50 = append(r.P50, a[i].P50.Seconds()/b[i].P50.Seconds())
		r.P99 = append(r.P99, a[i].P99.Seconds()/b[i].P99.Seconds())
		if a[i].CPU > 0 && b[i].CPU > 0 {
			r.CPU = append(r.CPU, a[i].CPU.Seconds()/b[i].CPU.Seconds())
		}
	}
	return r
}

func (m Mode) row(name string) []Measured {
	for _, r := range m.Rows {
		if r.Name == name {
			return r.Rounds
		}
	}
	return nil
}

// Judge says whether the lab's own generator can be believed: it agrees with
// ab, and it is as fast as ab and hey, so that it does not take from the stack
// what it is to measure.
func Judge(modes []Mode, missing []Missing) []lab.Check {
	var checks []lab.Check
	for _, m := range modes {
		checks = append(checks, m.judge(missing, "ours agrees with ab on the p50", AB, agrees))
		checks = append(checks, m.judge(missing, "ours agrees with ab on the p50 at the same rate", AB, func(r Ratios) lab.Check { return agrees(r.sameRate()) }))
		checks = append(checks, m.judge(missing, "ours is at least as fast as ab", AB, fast))
		hey := HeyLibrary
		if len(m.row(Hey)) > 0 {
			hey = Hey
		}
		checks = append(checks, m.judge(missing, "ours is at least as fast as "+hey, hey, fast))
	}
	return checks
}

func (m Mode) judge(missing []Missing, claim, to string, rule func(Ratios) lab.Check) lab.Check {
	r := m.Compare(Ours, to)
	c := rule(r)
	c.Name = claim + ", " + m.String()
	if len(r.Rate) >= minRounds {
		return c
	}
	c.Verdict, c.Got = lab.Unknown, fmt.Sprintf("%d rounds, and %d are the least", len(r.Rate), minRounds)
	c.Hint = "Measure more rounds: --rounds."
	for _, name := range []string{to, Ours} {
		if why := m.Out[name]; why != "" {
			c.Got, c.Hint = name+" gave no comparable result: "+why, "Ask another page with --url, or look at why its requests fail."
		}
	}
	for _, x := range missing {
		if x.Name == to {
			c.Got, c.Hint = to+" was not found", x.Install
		}
	}
	return c
}

// agrees judges the ratios of the p50.
func agrees(r Ratios) lab.Check {
	c := lab.Check{Want: fmt.Sprintf("the median of the rounds' ratios between %.2f and %.2f", 1-Agreement, 1+Agreement), Got: describe(r.P50)}
	low, high := medianInterval(r.P50)
	switch mid := median(r.P50); {
	case math.Abs(mid-1) <= Agreement:
		c.Verdict = lab.Pass
	case low > 1+Agreement || high < 1-Agreement:
		c.Verdict = lab.Fail
		c.Hint = "Both saw the same stack in turn, so one of them sees something else: compare their rates and the processor time of each."
	default:
		c.Verdict = lab.Unknown
		c.Hint = "The rounds differ too much to tell: close other programs, and measure more and longer rounds."
	}
	return c
}

// fast judges the ratios of the rates.
func fast(r Ratios) lab.Check {
	c := lab.Check{Want: "the median of the rounds' ratios of requests/s at least 1.00", Got: describe(r.Rate)}
	_, high := medianInterval(r.Rate)
	switch {
	case median(r.Rate) >= 1:
		c.Verdict = lab.Pass
	case high < 1:
		c.Verdict = lab.Fail
		c.Hint = "The generator takes processor time that the stack then lacks: rates and latencies of this lab are pessimistic by this share."
	default:
		c.Verdict = lab.Unknown
		c.Hint = "The rounds differ too much to tell: close other programs, and measure more and longer rounds."
	}
	return c
}

func describe(ratios []float64) string {
	if len(ratios) == 0 {
		return "nothing"
	}
	low, high := medianInterval(ratios)
	return fmt.Sprintf("%.2f in %d rounds (median; with about 95 %% confidence %.2f to %.2f)", median(ratios), len(ratios), low, high)
}

// median of values in any order; NaN without any.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	if n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[n/2]
}

// medianInterval holds the true median with a probability of 95 % or more, by
// the sign test, which assumes no distribution: from the k-th smallest to the
// k-th largest value. Fewer than 6 values cannot promise that; then it is all
// of them.
func medianInterval(values []float64) (low, high float64) {
	n := len(values)
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	k := 1
	beyond := math.Pow(0.5, float64(n)) // probability that fewer than k values lie below the median
	choose := 1.0
	for next := k; ; next++ {
		choose *= float64(n-next+1) / float64(next)
		beyond += choose * math.Pow(0.5, float64(n))
		if 2*beyond > 0.05 || next+1 > n/2 {
			break
		}
		k = next + 1
	}
	return s[k-1], s[n-k]
}
