package check

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"inventariolab/lab"
)

// Load checks that there was load in every window that a failover claim rests
// on. Idle windows make it Unknown, never a pass: a fault that nobody could
// notice proves nothing.
func Load(name string, least int, windows ...LoadWindow) lab.Check {
	want := fmt.Sprintf("at least %d requests sent in every window", least)
	var got, idle []string
	for _, w := range windows {
		got = append(got, fmt.Sprintf("%d %s", w.Requests, w.Name))
		if w.Requests < least {
			idle = append(idle, w.Name)
		}
	}
	if len(idle) > 0 {
		return unknown(name, want, few(got, 9), fmt.Sprintf("hardly any load %s: the generator was starved or the balancer hung; "+
			"look at the slowest request, and try on a less busy machine", few(idle, 9)))
	}
	return pass(name, want, few(got, 9))
}

// LoadWindow is how much load there was in a part of a scenario.
type LoadWindow struct {
	Name     string // "before", "during"
	Requests int
}

// TakenOver checks that, while an instance is dead, the others share its
// traffic by their weights. sh.Counts are the answers to the requests that
// were sent between the proof of the fault and the start of the healing.
//
// undead is how many answers the dead instance gave in that time (AnsweredWithin).
// Any makes it Unknown: then the fault was not in effect, and nothing was shown.
// What was only sent in that time it may have answered when it was back.
func TakenOver(name, dead string, undead int, sh Shares) lab.Check {
	if undead > 0 {
		return unknown(name, "no answer of "+dead+" while it is dead", fmt.Sprintf("%d answers of it", undead),
			"the fault did not take effect: look whether something restarts the container, or another one uses its name")
	}
	return sh.Without(dead).Judge(name)
}

// Without is what is expected of the others while an instance is dead.
func (s Shares) Without(dead string) Shares {
	// One more than the log has: the instance died with turns of its own.
	s.Lost = s.Taken[dead] + 1
	s.Counts = maps.Clone(s.Counts)
	delete(s.Counts, dead) // given when it was back, and so within the edge
	s.Instances = slices.DeleteFunc(slices.Clone(s.Instances), func(in lab.Instance) bool { return in.Service == dead })
	return s
}

// UnderWay counts the requests that were sent before a moment and answered
// after it: whether the balancer gave them their turn before or after it
// cannot be told.
func UnderWay(reqs []Req, at time.Duration) int {
	n := 0
	for i := range reqs {
		if r := &reqs[i]; r.At < at && end(r.At, r.Value.US) >= at {
			n++
		}
	}
	return n
}

// RecoveryWindow and RecoveryShare define when an instance is back: at the first of its answers from
// which on, over one RecoveryWindow, it gives at least RecoveryShare of the
// answers that are expected of it.
const (
	RecoveryWindow = 500 * time.Millisecond
	RecoveryShare  = 0.9
	recoveryLeast  = 20 // answers in a window, fewer tell nothing
)

// Recovered finds the moment at which service is back after from: see
// RecoveryWindow. share is its expected share, from 0 to 1. A window that is
// not over at the end of reqs does not count. Moments are send times since
// the run's start. False when it did not come back.
func Recovered(reqs []Req, service string, share float64, from time.Duration) (time.Duration, bool) {
	good := inOrder(reqs, func(r *Req) bool { return r.At >= from && !failed(r) })
	end, mine := 0, 0 // the window that begins with the i-th goes to before end; mine of it are service's
	for i := range good.len() {
		r := good.at(i)
		for end < good.len() && good.at(end).At < r.At+RecoveryWindow {
			if good.at(end).Value.Instance == service {
				mine++
			}
			end++
		}
		if end == good.len() {
			return 0, false // the window is not over
		}
		if r.Value.Instance != service {
			continue
		}
		if n := end - i; n >= recoveryLeast && float64(mine) >= RecoveryShare*share*float64(n) {
			return r.At, true
		}
		mine--
	}
	return 0, false
}

// CameBack turns the result of Recovered into a check. since are the requests
// sent since healing, the moment at which the healing was asked for; waited is
// how long was waited after it was done. It is Unknown when they are so few
// that no window of them could have shown a share.
func CameBack(name, service string, since []Req, healing, at time.Duration, ok bool, waited time.Duration) lab.Check {
	return CameBackAmong(name, service, len(since)-Failures(since), healing, at, ok, waited)
}

// CameBackAmong is CameBack for those who know how many good answers the
// requests since healing got, and need not pick them.
func CameBackAmong(name, service string, good int, healing, at time.Duration, ok bool, waited time.Duration) lab.Check {
	want := fmt.Sprintf("%s answers at least %.0f %% of its share over %v again, within %v of being healed",
		service, RecoveryShare*100, RecoveryWindow, waited.Round(time.Second))
	if ok {
		return pass(name, want, fmt.Sprintf("it did %v after the healing was asked for", (at-healing).Round(time.Millisecond)))
	}
	if windows := float64(waited) / float64(RecoveryWindow); float64(good) < 2*recoveryLeast*windows {
		return unknown(name, want, fmt.Sprintf("only %d requests were answered meanwhile", good),
			"the load was too thin to show a share: look at the slowest request, and try on a less busy machine")
	}
	return fail(name, want, "it did not", "the balancer does not send it requests again: look whether the balancer still uses its old address "+
		"(a restarted container may get another one) and how long fail_timeout is")
}
