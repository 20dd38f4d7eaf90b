package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"inventariolab/lab"
)

// Session is what the reads of one session, or of all, amount to. A read saw a
// version of a key; what it might have seen are the versions that had been
// acknowledged before it was sent. What was acknowledged while it was under
// way is not held against it.
type Session struct {
	Name   string
	Reads  int // that were answered: well, or with 404, which is version 0
	Failed int // that were not, and say nothing

	Stale     int           // saw less than anybody's newest acknowledged version
	WorstLate time.Duration // at most so long had a version been acknowledged that a stale read, when sent, was still missing

	OwnPairs int // reads of a key that the session had written before, with an acknowledgement
	OwnLost  int // of those, saw less than the session's own newest version: read-your-writes violations

	AgainPairs int // reads of a key that the session had seen before
	WentBack   int // of those, saw less than before: monotonic-read violations
}

// Sessions is what the reading sessions of a run saw.
type Sessions struct {
	All Session   // the sum
	Of  []Session // by name

	own, back []string // examples of violations
}

// SessionsOf holds reads against writes. The order of neither matters.
func SessionsOf(writes []lab.Timed[lab.Write], reads []lab.Timed[lab.Read]) Sessions {
	type sessionKey struct{ session, key string }
	all, own := make(map[string][]seen), make(map[sessionKey][]seen)
	for _, w := range writes {
		if w.Value.Outcome != lab.Acknowledged {
			continue
		}
		v := seen{at: end(w.At, w.Value.US), version: w.Value.Version}
		all[w.Value.Key] = append(all[w.Value.Key], v)
		k := sessionKey{w.Value.Session, w.Value.Key}
		own[k] = append(own[k], v)
	}
	before := make(map[sessionKey][]seen)
	for _, r := range reads {
		if sawSomething(r.Value) {
			k := sessionKey{r.Value.Session, r.Value.Key}
			before[k] = append(before[k], seen{at: end(r.At, r.Value.US), version: r.Value.Version})
		}
	}
	newest := newestOf(all)
	newestOwn, newestSeen := newestOf(own), newestOf(before)

	ordered := slices.Clone(reads)
	slices.SortStableFunc(ordered, func(a, b lab.Timed[lab.Read]) int {
		return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.Value.Session, b.Value.Session), strings.Compare(a.Value.Key, b.Value.Key),
			cmp.Compare(a.Value.Version, b.Value.Version))
	})
	var s Sessions
	by := make(map[string]*Session)
	for _, r := range ordered {
		one := by[r.Value.Session]
		if one == nil {
			one = &Session{Name: r.Value.Session}
			by[r.Value.Session] = one
		}
		if !sawSomething(r.Value) {
			one.Failed++
			continue
		}
		one.Reads++
		k := sessionKey{r.Value.Session, r.Value.Key}
		if v, ok := newest[r.Value.Key].before(r.At); ok && v > r.Value.Version {
			one.Stale++
			one.WorstLate = max(one.WorstLate, r.At-firstAbove(all[r.Value.Key], r.Value.Version))
		}
		if v, ok := newestOwn[k].before(r.At); ok {
			one.OwnPairs++
			if v > r.Value.Version {
				one.OwnLost++
				s.own = append(s.own, violation(r, "had written", v))
			}
		}
		if v, ok := newestSeen[k].before(r.At); ok {
			one.AgainPairs++
			if v > r.Value.Version {
				one.WentBack++
				s.back = append(s.back, violation(r, "had seen", v))
			}
		}
	}
	for _, one := range by {
		s.Of = append(s.Of, *one)
		s.All.add(*one)
	}
	s.All.Name = "all"
	slices.SortFunc(s.Of, func(a, b Session) int { return strings.Compare(a.Name, b.Name) })
	return s
}

func (s *Session) add(o Session) {
	s.Reads += o.Reads
	s.Failed += o.Failed
	s.Stale += o.Stale
	s.WorstLate = max(s.WorstLate, o.WorstLate)
	s.OwnPairs += o.OwnPairs
	s.OwnLost += o.OwnLost
	s.AgainPairs += o.AgainPairs
	s.WentBack += o.WentBack
}

// sawSomething says whether a read tells a version. "Not found" does: 0.
func sawSomething(r lab.Read) bool {
	return r.Err == "" && (r.Status >= 200 && r.Status <= 299 || r.Status == 404)
}

func end(at time.Duration, us int64) time.Duration {
	return at + time.Duration(us)*time.Microsecond
}

func violation(r lab.Timed[lab.Read], what string, v int64) string {
	return fmt.Sprintf("at %.3f s %s read version %d of %s from %s and %s %d", r.At.Seconds(), label(r.Value.Session), r.Value.Version, r.Value.Key, label(r.Value.Instance), what, v)
}

// seen is a version that was known at a moment.
type seen struct {
	at      time.Duration
	version int64
}

// history is versions in the order of time, each the greatest so far.
type history []seen

func newestOf[K comparable](known map[K][]seen) map[K]history {
	out := make(map[K]history, len(known))
	for k, vs := range known {
		slices.SortFunc(vs, func(a, b seen) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.version, b.version)) })
		h := make(history, len(vs))
		top := vs[0].version
		for i, v := range vs {
			top = max(top, v.version)
			h[i] = seen{v.at, top}
		}
		out[k] = h
	}
	return out
}

// before is the greatest version known before a moment; false when none was.
// Times are cut to whole microseconds, so what is known in the same one is not
// yet known.
func (h history) before(at time.Duration) (int64, bool) {
	i, _ := slices.BinarySearchFunc(h, at, func(s seen, at time.Duration) int { return cmp.Compare(s.at, at) })
	if i == 0 {
		return 0, false
	}
	return h[i-1].version, true
}

// firstAbove is when the first version above one was known; vs are in the
// order of time, and one of them is.
func firstAbove(vs []seen, version int64) time.Duration {
	i := slices.IndexFunc(vs, func(v seen) bool { return v.version > version })
	return vs[i].at
}

// mostSessions is how many sessions a table shows.
const mostSessions = 12

// Table shows all sessions together and then each, the ones with the most
// findings first when there are too many.
func (s Sessions) Table() lab.Table {
	t := lab.Table{
		Name: "sessions", Rows: "session",
		Columns: []string{"reads", "failed", "stale", "stalest_ms", "after_own_write", "read_your_writes", "read_again", "monotonic"},
		Note: "Stale reads are counted and not failed: a replica may be behind. A session that misses its own write, or sees a value go back, " +
			"was promised otherwise.",
	}
	if len(s.Of) == 0 {
		return t
	}
	shown := slices.Clone(s.Of)
	if len(shown) > mostSessions {
		slices.SortStableFunc(shown, func(a, b Session) int {
			return cmp.Or(cmp.Compare(b.OwnLost+b.WentBack, a.OwnLost+a.WentBack), cmp.Compare(b.Stale, a.Stale))
		})
		shown = shown[:mostSessions]
		t.Note += fmt.Sprintf(" %d of %d sessions are shown, those with the most findings.", mostSessions, len(s.Of))
	}
	for _, o := range append([]Session{s.All}, shown...) {
		t.Lines = append(t.Lines, lab.NewLine(label(o.Name), float64(o.Reads), float64(o.Failed), float64(o.Stale), float64(o.WorstLate.Microseconds())/1000,
			float64(o.OwnPairs), float64(o.OwnLost), float64(o.AgainPairs), float64(o.WentBack)))
	}
	return t
}

// ReadYourWrites checks that no session missed what it had written itself. It
// is Unknown with fewer than least reads after own writes.
func ReadYourWrites(name string, s Sessions, least int) lab.Check {
	want := fmt.Sprintf("a session reads what it has written, or newer (%d or more reads after own acknowledged writes)", least)
	got := fmt.Sprintf("%d of %d such reads in %d sessions missed it", s.All.OwnLost, s.All.OwnPairs, len(s.Of))
	switch {
	case s.All.OwnLost > 0:
		return fail(name, want, got+"; "+few(s.own, 2), "a read after a write went to a replica that did not have it yet: look at how the app routes reads after a write "+
			"(the source for a while, or a replica that has applied the write's GTID), and whether that travels with the session from instance to instance")
	case s.All.OwnPairs < max(least, 1):
		return unknown(name, want, got, "too few sessions read what they had written: look at the answers to the writes, or let it run longer")
	}
	return pass(name, want, got)
}

// MonotonicReads checks that no session saw a key go back to an older version.
// It is Unknown with fewer than least reads of keys that the session had read
// before.
func MonotonicReads(name string, s Sessions, least int) lab.Check {
	want := fmt.Sprintf("what a session reads never gets older (%d or more reads of the same key by the same session)", least)
	got := fmt.Sprintf("%d of %d such reads in %d sessions went back", s.All.WentBack, s.All.AgainPairs, len(s.Of))
	switch {
	case s.All.WentBack > 0:
		return fail(name, want, got+"; "+few(s.back, 2), "reads of one session went to replicas that are not equally far: look at how the app chooses a replica, "+
			"and whether a session stays with one or asks for what it has seen")
	case s.All.AgainPairs < max(least, 1):
		return unknown(name, want, got, "too few sessions read the same key twice: let it run longer")
	}
	return pass(name, want, got)
}
