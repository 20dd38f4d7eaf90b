package check

import (
	"slices"
	"time"

	"inventariolab/lab"
)

// Line is the balancer's word on one request, with the moment at which the
// answer was finished.
type Line = lab.Timed[lab.Served]

// Joined are requests and the lines of the balancer's log, joined by the
// request id: once, for all that is asked of both. It holds places and no
// copies, about five bytes a request. Requests without an id belong to no line.
type Joined struct {
	reqs   []Req
	served []Line
	first  []int32       // by request: its first line in the log, -1 without one
	more   map[int][]int // by first line: the others with the same id
	again  map[int]int   // by such another line: the first
	good   places        // first lines of requests that were answered well
}

// Join joins requests with lines. The order of neither matters.
func Join(reqs []Req, served []Line) *Joined {
	lines := idsOf(served)
	j := &Joined{
		reqs: reqs, served: served, first: make([]int32, len(reqs)),
		more: make(map[int][]int), again: lines.Again(), good: newPlaces(len(served)),
	}
	for i := range reqs {
		r := &reqs[i]
		j.first[i] = -1
		if r.Value.ID == "" {
			continue
		}
		if line := lines.First(r.Value.ID); line >= 0 {
			j.first[i] = int32(line)
			if !failed(r) {
				j.good.add(line)
			}
		}
	}
	for line, first := range j.again {
		j.more[first] = append(j.more[first], line)
	}
	for _, lines := range j.more {
		slices.Sort(lines)
	}
	return j
}

func idsOf(served []Line) *lab.IDs {
	return lab.IndexIDs(len(served), func(i int) string { return served[i].Value.ID })
}

func idsOfRequests(reqs []Req) *lab.IDs {
	return lab.IndexIDs(len(reqs), func(i int) string { return reqs[i].Value.ID })
}

// mine says whether a line is of a request that was answered well.
func (j *Joined) mine(line int) bool {
	if first, ok := j.again[line]; ok {
		line = first
	}
	return j.good.has(line)
}

// last is, of the lines that begin with first, the one that tells what the
// client got: the latest.
func (j *Joined) last(first int) *lab.Served {
	latest := &j.served[first]
	for _, line := range j.more[first] {
		if l := &j.served[line]; l.At > latest.At {
			latest = l
		}
	}
	return &latest.Value
}

// elsewhere goes through the turns of the log that were spent otherwise than on
// the good answers to the requests: on tries before, on requests that failed,
// and on everybody else's.
func (j *Joined) elsewhere(yield func(at time.Duration, service string)) {
	for i := range j.served {
		l := &j.served[i]
		tries := l.Value.Tries
		if len(tries) > 0 && j.mine(i) {
			tries = tries[:len(tries)-1]
		}
		for _, try := range tries {
			yield(l.At, try.Service)
		}
	}
}

// Taken counts the turns that went elsewhere in the window [from, to), by
// service: what Shares.Taken wants. See Turns.Taken.
func (j *Joined) Taken(from, to time.Duration) map[string]int {
	counts := make(map[string]int)
	j.elsewhere(func(at time.Duration, service string) {
		if at >= from && at < to {
			counts[service]++
		}
	})
	return counts
}

// Turns are the turns of the rotation; see TurnsOf.
func (j *Joined) Turns() Turns {
	t := Turns{By: make(map[string]string)}
	for i := range j.served {
		v := &j.served[i].Value
		if !j.mine(i) {
			continue
		}
		if n := len(v.Tries); n > 0 {
			t.By[v.ID] = v.Tries[n-1].Service
		} else {
			t.By[v.ID] = ""
		}
	}
	j.elsewhere(func(at time.Duration, service string) {
		t.Elsewhere = append(t.Elsewhere, Turn{At: at, Service: service})
	})
	return t
}

// places is a set of places in a list: a bit each.
type places []uint64

func newPlaces(n int) places { return make(places, (n+63)/64) }

func (p places) has(i int) bool { return p[i/64]&(1<<(i%64)) != 0 }

func (p places) add(i int) { p[i/64] |= 1 << (i % 64) }
