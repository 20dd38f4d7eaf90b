package scenarios

import (
	"fmt"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// factPlan is the fact that holds what a scenario meant to do, as far as the
// judging depends on it.
const factPlan = "plan"

// mark is a moment that a judgement cannot do without.
func mark(seen *lab.ScenarioRun, name string) (time.Duration, error) {
	at, ok := seen.MarkAt(name)
	if !ok {
		return 0, fmt.Errorf("the record has no mark %q", name)
	}
	return at, nil
}

// markSince is the first moment with a name, at or after another.
func markSince(seen *lab.ScenarioRun, name string, since time.Duration) (time.Duration, error) {
	for _, m := range seen.Marks {
		if m.Value.Name == name && m.At >= since {
			return m.At, nil
		}
	}
	return 0, fmt.Errorf("the record has no mark %q after %.1f s", name, since.Seconds())
}

// phaseAt is the first moment at which a fault was in a phase.
func phaseAt(seen *lab.ScenarioRun, p lab.Phase) (time.Duration, error) {
	at, ok := seen.PhaseAt(p)
	if !ok {
		return 0, fmt.Errorf("the record has no fault that was %q", p)
	}
	return at, nil
}

// nthPhase is the n-th moment (from 0) at which a fault was in a phase.
func nthPhase(seen *lab.ScenarioRun, p lab.Phase, n int) (time.Duration, error) {
	for _, f := range seen.Faults {
		if f.Value.Phase != p {
			continue
		}
		if n == 0 {
			return f.At, nil
		}
		n--
	}
	return 0, fmt.Errorf("the record has too few faults that were %q", p)
}

// span is the time between two marks.
func span(seen *lab.ScenarioRun, first, last string) (from, to time.Duration, err error) {
	if from, err = mark(seen, first); err != nil {
		return 0, 0, err
	}
	to, err = mark(seen, last)
	return from, to, err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// bothViews sets what the clients saw of some requests beside what the
// balancer logged of them, where it keeps a log.
func bothViews(j *lab.Judgement, t *lab.Topology, log *check.Joined) (truth check.Truth) {
	if !t.Balancer.AccessLog {
		return truth
	}
	truth = log.Truth()
	j.Check(check.Agree("header and log agree", truth))
	j.Table(truth.Table())
	j.Metric("retries_unseen", float64(truth.Rescued))
	return truth
}
