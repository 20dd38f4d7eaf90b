package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"inventariolab/lab"
)

// closedByClient is the status that NGINX logs for a client that left before
// its answer; what was tried for it then did not fail.
const closedByClient = 499

// failedTry says whether try i of a line failed, as NGINX counts it. Whatever
// was followed by another try did. The last one did when it gave no answer, or
// one of those that NGINX writes itself for an instance that did not answer
// (502, 504; an app that says so of its own accord is taken for one). Any other
// status, 500 and 503 too, is an answer.
func failedTry(v *lab.Served, i int) bool {
	if i < len(v.Tries)-1 {
		return true
	}
	switch v.Tries[i].Status {
	case 0:
		return v.Status != closedByClient
	case 502, 504:
		return true
	}
	return false
}

// LinesOf picks the lines of some requests, and of those that nobody of ours
// sent the ones finished in [from, to). all are all of our requests. A line may
// be written a little after its answer was read, so the times of our own do not
// count.
func LinesOf(reqs, all []Req, served []Line, from, to time.Duration) []Line {
	want, ours := idsOfRequests(reqs), idsOfRequests(all)
	var in []Line
	for _, l := range served {
		if want.First(l.Value.ID) >= 0 || ours.First(l.Value.ID) < 0 && l.At >= from && l.At < to {
			in = append(in, l)
		}
	}
	return in
}

// Turns is what the balancer's log says of the turns of its rotation: which of
// them gave the answers to some requests, and which went elsewhere.
type Turns struct {
	By        map[string]string // request id → service whose answer the client got; "" when the balancer answered by itself
	Elsewhere []Turn            // in the order of the log
}

// Turn is one turn of the rotation.
type Turn struct {
	At      time.Duration // when its request was finished
	Service string
}

// TurnsOf sorts the tries in a log into the good answers to the requests, and
// turns that were spent otherwise: on tries before, on requests that failed,
// and on everybody else's. So what it counts is what Answered counts.
func TurnsOf(served []Line, reqs []Req) Turns { return Join(reqs, served).Turns() }

// Answered counts the answers by service.
func (t Turns) Answered() map[string]int {
	counts := make(map[string]int)
	for _, service := range t.By {
		counts[service]++
	}
	return counts
}

// Taken counts the turns that went elsewhere in the window [from, to), by
// service: what Shares.Taken wants.
func (t Turns) Taken(from, to time.Duration) map[string]int {
	counts := make(map[string]int)
	for _, x := range t.Elsewhere {
		if x.At >= from && x.At < to {
			counts[x.Service]++
		}
	}
	return counts
}

// SerialTries are the tries of a serial run in the order of time, as
// SerialOrder wants them. Requests stand in the order in which they were sent,
// since two workers may log theirs the other way round in the same
// millisecond; the lines of others stand between them by the time of the log.
// Without reqs the order is the log's.
//
// Which instances were out when a try was made is not in the log: a run with
// failed tries cannot be replayed from it (see Serial).
func SerialTries(reqs []Req, served []Line) []Try {
	// Of several requests with one id the last counts.
	last := lab.IndexIDs(len(reqs), func(i int) string { return reqs[len(reqs)-1-i].Value.ID })
	type placed struct {
		line *Line
		at   time.Duration
	}
	var ours, others []placed
	for i := range served {
		l := &served[i]
		if r := last.First(l.Value.ID); r >= 0 {
			ours = append(ours, placed{l, reqs[len(reqs)-1-r].At})
		} else {
			others = append(others, placed{l, l.At})
		}
	}
	for _, lines := range [][]placed{ours, others} {
		slices.SortStableFunc(lines, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	}
	var tries []Try
	add := func(l *Line) {
		for i, try := range l.Value.Tries {
			tries = append(tries, Try{Service: try.Service, Failed: failedTry(&l.Value, i), Retry: i > 0})
		}
	}
	for _, our := range ours {
		for len(others) > 0 && others[0].at < our.line.At {
			add(others[0].line)
			others = others[1:]
		}
		add(our.line)
	}
	for _, other := range others {
		add(other.line)
	}
	return tries
}

// Serial is SerialOrder for a run of requests, one after the other, and the
// balancer's log of it. It is Unknown when a try failed, since the turns after
// it depend on what the log does not tell, and when the log is not complete.
func Serial(name string, instances []lab.Instance, reqs []Req, served []Line) lab.Check {
	tries := SerialTries(reqs, served)
	c := SerialOrder(name, instances, 0, tries)
	logged := idsOf(served)
	absent, failed := 0, 0
	for i := range reqs {
		if logged.First(reqs[i].Value.ID) < 0 {
			absent++
		}
	}
	for _, t := range tries {
		if t.Failed {
			failed++
		}
	}
	switch {
	case failed > 0:
		return unknown(name, c.Want, fmt.Sprintf("%d of %d tries failed", failed, len(tries)),
			"which turns follow a failed try depends on when the instance is let in again: look at the instances' logs, and repeat the run without failures")
	case absent > 0:
		return unknown(name, c.Want, fmt.Sprintf("%d of %d requests are not in the log", absent, len(reqs)),
			"turns are missing from the replay: look whether all workers log, and whether the log was rotated away")
	}
	return c
}
