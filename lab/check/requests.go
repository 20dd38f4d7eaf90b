package check

import (
	"fmt"
	"math"
	"slices"
	"time"

	"inventariolab/lab"
)

// Failure says why a request failed, or "" when it did not: it got no answer,
// or one whose status is not of the 2xx class. A redirect is a failure too,
// since the lab asks only for pages that answer themselves (a lost session
// would show as a redirect to the login page).
func Failure(q lab.Request) string {
	switch {
	case q.Err != "":
		return q.Err
	case q.Status < 200 || q.Status > 299:
		return fmt.Sprintf("status %d", q.Status)
	}
	return ""
}

// failed is Failure without the reason: it is asked of each request many times.
func failed(r *Req) bool {
	return r.Value.Err != "" || r.Value.Status < 200 || r.Value.Status > 299
}

// Failures counts the failed requests.
func Failures(reqs []Req) int {
	n := 0
	for i := range reqs {
		if failed(&reqs[i]) {
			n++
		}
	}
	return n
}

// NoFailures checks that every request was answered well. what names the
// requests in a sentence: "reads", "requests". It is Unknown when fewer than
// least requests were sent: nothing fails under an idle load.
func NoFailures(name, what string, reqs []Req, least int) lab.Check {
	want := fmt.Sprintf("0 failed %s (no answer, or a status other than 2xx)", what)
	failures := make(tally)
	var first time.Duration
	for i := range reqs {
		if r := &reqs[i]; failed(r) {
			if len(failures) == 0 || r.At < first {
				first = r.At
			}
			failures[Failure(r.Value)]++
		}
	}
	bad := Failures(reqs)
	got := fmt.Sprintf("%d of %d failed", bad, len(reqs))
	if bad > 0 {
		return fail(name, want, got+": "+failures.String(), fmt.Sprintf("the first failed %.1f s after the run's start: "+
			"compare that with the moments of the faults, and look there in the balancer's error log and access log "+
			"(upstream_status shows every try); try more tries, shorter connect time-outs or max_fails", first.Seconds()))
	}
	if len(reqs) < least {
		return unknown(name, want, got, fmt.Sprintf("at least %d %s are needed for the claim: look why the load was so thin", least, what))
	}
	return pass(name, want, got)
}

// pick picks requests, and keeps their order. Where they stand side by side it
// copies nothing: the result is to be read, not changed.
func pick(reqs []Req, keep func(*Req) bool) []Req {
	n, first, last := 0, 0, 0
	for i := range reqs {
		if keep(&reqs[i]) {
			if n == 0 {
				first = i
			}
			n, last = n+1, i
		}
	}
	switch {
	case n == 0:
		return nil
	case last-first+1 == n:
		return reqs[first : last+1 : last+1]
	}
	picked := make([]Req, 0, n)
	for i := first; i <= last; i++ {
		if keep(&reqs[i]) {
			picked = append(picked, reqs[i])
		}
	}
	return picked
}

// sent says of a request whether it was sent in the window [from, to).
func sent(from, to time.Duration) func(*Req) bool {
	return func(r *Req) bool { return r.At >= from && r.At < to }
}

// Sent picks the requests that were sent in the window [from, to).
func Sent(reqs []Req, from, to time.Duration) []Req { return pick(reqs, sent(from, to)) }

// Good picks the requests that did not fail.
func Good(reqs []Req) []Req { return pick(reqs, func(r *Req) bool { return !failed(r) }) }

// Answered counts the good answers by instance.
func Answered(reqs []Req) map[string]int { return AnsweredBetween(reqs, math.MinInt64, Never) }

// AnsweredBetween is Answered for the requests that were sent in the window
// [from, to).
func AnsweredBetween(reqs []Req, from, to time.Duration) map[string]int {
	counts := make(map[string]int)
	for i := range reqs {
		if r := &reqs[i]; r.At >= from && r.At < to && !failed(r) {
			counts[r.Value.Instance]++
		}
	}
	return counts
}

// AnsweredWithin counts an instance's good answers to the requests that were sent and
// answered in the window [from, to].
func AnsweredWithin(reqs []Req, instance string, from, to time.Duration) (n int) {
	for i := range reqs {
		r := &reqs[i]
		if r.At >= from && end(r.At, r.Value.US) <= to && !failed(r) && r.Value.Instance == instance {
			n++
		}
	}
	return n
}

// Worst is the longest time until an answer or an error, 0 without requests.
func Worst(reqs []Req) time.Duration {
	var worst int64
	for i := range reqs {
		worst = max(worst, reqs[i].Value.US)
	}
	return time.Duration(worst) * time.Microsecond
}

// Complete checks that a load generator really sent what it was asked for and
// that all of it was answered well.
func Complete(name string, asked int, reqs []Req) lab.Check {
	c := NoFailures(name, "requests", reqs, asked)
	c.Want = fmt.Sprintf("%d requests sent, %s", asked, c.Want)
	if c.Verdict == lab.Pass && len(reqs) != asked {
		return unknown(name, c.Want, c.Got, "the generator sent more than it was asked for: this is a bug of the lab")
	}
	return c
}

// OfLoad picks the requests of one load.
func OfLoad(reqs []Req, load string) []Req {
	return pick(reqs, func(r *Req) bool { return r.Value.Load == load })
}

// CountSince counts the requests of a load that were sent at a moment or later.
func CountSince(reqs []Req, load string, since time.Duration) int {
	n := 0
	for i := range reqs {
		if r := &reqs[i]; r.At >= since && r.Value.Load == load {
			n++
		}
	}
	return n
}

// WithAnswer picks the requests that got a whole answer, of whatever status.
func WithAnswer(reqs []Req) []Req {
	return pick(reqs, func(r *Req) bool { return r.Value.Err == "" })
}

// Milliseconds are the times of the requests in milliseconds, sorted.
func Milliseconds(reqs []Req) []float64 {
	ms := make([]float64, len(reqs))
	for i := range reqs {
		ms[i] = float64(reqs[i].Value.US) / 1000
	}
	slices.Sort(ms)
	return ms
}

// WithID picks the requests that can be found in the balancer's log.
func WithID(reqs []Req) []Req { return pick(reqs, func(r *Req) bool { return r.Value.ID != "" }) }

// WithoutID picks the others.
func WithoutID(reqs []Req) []Req {
	return pick(reqs, func(r *Req) bool { return r.Value.ID == "" })
}

// SlowestWithin checks that no request took longer than a bound, failed or not.
func SlowestWithin(name string, reqs []Req, bound time.Duration) lab.Check {
	worst := Worst(reqs)
	want := fmt.Sprintf("the slowest of the requests takes at most %v", bound)
	got := fmt.Sprintf("%v, of %d requests", worst.Round(time.Millisecond), len(reqs))
	switch {
	case len(reqs) == 0:
		return unknown(name, want, "no request was sent", "look why there was no load")
	case worst > bound:
		return fail(name, want, got, "look at that request's tries in the balancer's access log: a long time-out, several tries one after the other, "+
			"or a machine too busy to answer in time")
	}
	return pass(name, want, got)
}

// Silent checks that an instance answered none of the requests sent since from,
// up to to: what was sent to it before and answered after to is no answer of a
// silent one. With fewer than least answers of the others it is Unknown.
func Silent(name, service string, reqs []Req, from, to time.Duration, least int) lab.Check {
	want := fmt.Sprintf("no answer of %s to a request sent from %.1f s to %.1f s after the run's start", service, from.Seconds(), to.Seconds())
	mine, others := 0, 0
	for i := range reqs {
		r := &reqs[i]
		if r.At < from || end(r.At, r.Value.US) >= to || r.Value.Status == 0 {
			continue
		}
		if r.Value.Instance == service {
			mine++
		} else {
			others++
		}
	}
	got := fmt.Sprintf("%d answers of it, %d of others", mine, others)
	switch {
	case mine > 0:
		return fail(name, want, got, "it still gets requests, and answers them: look at the proof of the fault, and at whom the balancer's log names")
	case others < least:
		return unknown(name, want, got, "too few answers to tell: look why the load was so thin")
	}
	return pass(name, want, got)
}
