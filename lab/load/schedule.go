package load

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Tolerance is how late an open loop may send. Below it lies what the
// operating system's timers and a busy processor always cost.
const Tolerance = 10 * time.Millisecond

// maxBehind is the share of requests that may be later than Tolerance before a
// schedule counts as not kept.
const maxBehind = 0.01

// Schedule says how well an open loop kept to its plan. Latencies from the due
// moment contain every delay, the lab's own too: when the schedule was not kept
// they may accuse the lab and not the stack.
type Schedule struct {
	Scheduled int // requests that were due before the load ended
	Sent      int
	// Behind of the sent were sent more than Tolerance after they were due: Full
	// of them because every user, or every worker, still waited for an answer;
	// the others because this machine did not get round to them.
	Behind, Full int
	P99, Worst   time.Duration // how late they were sent
	Workers      int           // the most that could wait for an answer at a time
}

// Kept says whether the latencies can be taken for the stack's; the sentence
// says what was the matter when not.
func (s Schedule) Kept() (bool, string) {
	if s.Scheduled == 0 {
		return false, "nothing was due: the load ended before its first request"
	}
	// What was due and never sent is behind as well.
	lost := s.Scheduled - s.Sent
	allowed := float64(s.Scheduled) * maxBehind
	switch {
	case float64(s.Behind+lost) <= allowed:
		return true, ""
	case s.Full < (s.Behind+1)/2: // most were late for no fault of the stack
		return false, fmt.Sprintf("the generator was behind its schedule: %d of %d requests were sent more than %v late (99 %% within %v), %d were not sent: "+
			"this machine is too busy for the rate, and its latencies are not the stack's", s.Behind, s.Scheduled, Tolerance, s.P99.Round(time.Millisecond), lost)
	}
	return false, fmt.Sprintf("%d requests waited at the generator because all %d workers waited for answers, and %d were not sent: "+
		"the stack held them all, but how long those requests would have taken was not seen; more workers would show it", s.Full, s.Workers, lost)
}

// lateness is how late the requests were sent: four bytes each, for loads that
// last.
type lateness struct {
	us           []int32 // at most; half an hour is more than any load lasts
	behind, full int
}

// add tells of a request how late it was sent, and whether all workers were
// taken meanwhile.
func (l *lateness) add(by time.Duration, full bool) {
	by = max(by, 0)
	l.us = append(l.us, int32(min(by.Microseconds(), math.MaxInt32)))
	if by > Tolerance {
		l.behind++
		if full {
			l.full++
		}
	}
}

// schedule is the whole; it sorts.
func (l *lateness) schedule(scheduled, workers int) Schedule {
	s := Schedule{Scheduled: scheduled, Sent: len(l.us), Behind: l.behind, Full: l.full, Workers: workers}
	if n := len(l.us); n > 0 {
		slices.Sort(l.us)
		s.P99, s.Worst = time.Duration(l.us[(n*99+99)/100-1])*time.Microsecond, time.Duration(l.us[n-1])*time.Microsecond
	}
	return s
}
