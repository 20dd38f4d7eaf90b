package check

import (
	"fmt"
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

// Failures counts the failed requests.
func Failures(reqs []Req) int {
	n := 0
	for _, r := range reqs {
		if Failure(r.Value) != "" {
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
	for _, r := range reqs {
		if why := Failure(r.Value); why != "" {
			if len(failures) == 0 || r.At < first {
				first = r.At
			}
			failures[why]++
		}
	}
	failed := Failures(reqs)
	got := fmt.Sprintf("%d of %d failed", failed, len(reqs))
	if failed > 0 {
		return fail(name, want, got+": "+failures.String(), fmt.Sprintf("the first failed %.1f s after the run's start: "+
			"compare that with the moments of the faults, and look there in the balancer's error log and access log "+
			"(upstream_status shows every try); try more tries, shorter connect time-outs or max_fails", first.Seconds()))
	}
	if len(reqs) < least {
		return unknown(name, want, got, fmt.Sprintf("at least %d %s are needed for the claim: look why the load was so thin", least, what))
	}
	return pass(name, want, got)
}

// Sent picks the requests that were sent in the window [from, to).
func Sent(reqs []Req, from, to time.Duration) []Req {
	var in []Req
	for _, r := range reqs {
		if r.At >= from && r.At < to {
			in = append(in, r)
		}
	}
	return in
}

// Good picks the requests that did not fail.
func Good(reqs []Req) []Req {
	var good []Req
	for _, r := range reqs {
		if Failure(r.Value) == "" {
			good = append(good, r)
		}
	}
	return good
}

// Answered counts the good answers by instance.
func Answered(reqs []Req) map[string]int {
	counts := make(map[string]int)
	for _, r := range reqs {
		if Failure(r.Value) == "" {
			counts[r.Value.Instance]++
		}
	}
	return counts
}

// Worst is the longest time until an answer or an error, 0 without requests.
func Worst(reqs []Req) time.Duration {
	var worst int64
	for _, r := range reqs {
		worst = max(worst, r.Value.US)
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
	var of []Req
	for _, r := range reqs {
		if r.Value.Load == load {
			of = append(of, r)
		}
	}
	return of
}
