package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// TestTheWindowAfterBeginsWhenTheLoadIsAsBefore: what is waited for after the
// mending is the window that is judged, and not a longer one.
func TestTheWindowAfterBeginsWhenTheLoadIsAsBefore(t *testing.T) {
	plan := drillPlan{Reads: 80, Least: 120}
	fault := func(at time.Duration, phase lab.Phase) lab.Timed[lab.FaultEvent] {
		return lab.Timed[lab.FaultEvent]{At: at, Value: lab.FaultEvent{Phase: phase}}
	}
	const healed = 4 * time.Second
	seen := &lab.ScenarioRun{Faults: []lab.Timed[lab.FaultEvent]{
		fault(2*time.Second, lab.FaultAsked), fault(2100*time.Millisecond, lab.FaultInEffect),
		fault(3900*time.Millisecond, lab.FaultHealing), fault(healed, lab.FaultHealed),
	}}
	for at := time.Duration(0); at < 8*time.Second; at += time.Second / 80 {
		took := 2 * time.Millisecond
		if at > healed && at < healed+time.Second { // the machine is busy with what was mended
			took = 900 * time.Millisecond
		}
		seen.Requests = append(seen.Requests, lab.Timed[lab.Request]{At: at, Value: lab.Request{Load: loadReads, Status: 200, US: took.Microseconds()}})
	}
	since := func(end time.Duration) (mended int, shown bool) {
		s := *seen
		s.Requests = seen.Requests[:int(end.Seconds()*80)]
		return check.CountSince(s.Requests, loadReads, healed), plan.shown(plan.windows(&s, 0, end))
	}
	for _, end := range []time.Duration{5800 * time.Millisecond, 6200 * time.Millisecond} { // not yet as before for long enough; just so
		mended, shown := since(end)
		assert.GreaterOrEqual(t, mended, plan.Least)
		assert.False(t, shown, "%v: the busy second is not of it", end)
	}
	_, shown := since(7 * time.Second)
	assert.True(t, shown)
}
