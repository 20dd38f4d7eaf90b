package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// failoverPlan is the load and the windows of a failover scenario. It is
// recorded, since the judging depends on it.
type failoverPlan struct {
	Clients int     `json:"clients"`
	Rate    float64 `json:"rate"` // requests/s at most

	Before  time.Duration `json:"before_ns"`  // window before the fault
	During  time.Duration `json:"during_ns"`  // window from the proof of the fault to the healing
	Recover time.Duration `json:"recover_ns"` // how long the way back may take
	Settle  time.Duration `json:"settle_ns"`  // between the recovery and the next window: the old turns run out
	After   time.Duration `json:"after_ns"`   // window after the recovery
	Least   int           `json:"least"`      // requests in a window: it is stretched for them, and fewer prove nothing
}

// faultTimes are the moments of a fault, as the record counts time.
type faultTimes struct {
	began    time.Duration // of the window before
	asked    time.Duration
	inEffect time.Duration
	healing  time.Duration
	healed   time.Duration
	end      time.Duration // of the load
}

// The marks of a failover scenario.
const (
	markBefore = "before" // the window before the fault begins
	markEnd    = "end"    // the load ends
)

// breakAndHeal lets the window before the fault pass, injects it, lets the
// window of the fault pass and heals it. least says of which loads how many
// requests both windows take to carry the claims.
func breakAndHeal(ctx context.Context, rec *lab.Recorder, least map[string]int, fault lab.Fault, plan failoverPlan) error {
	allSince := func(since time.Duration) func() bool {
		return func() bool {
			for load, n := range least {
				if !enough(rec, load, since, n)() {
					return false
				}
			}
			return true
		}
	}
	began := rec.Mark(markBefore)
	if err := observe(ctx, "the load before the fault", plan.Before, allSince(began)); err != nil {
		return err
	}
	rec.Step("Now: %s.", fault.Spec())
	if err := rec.Inject(ctx, fault); err != nil {
		return err
	}
	rec.Step("The fault is in effect; the load goes on for %v.", plan.During)
	if err := observe(ctx, "the load during the fault", plan.During, allSince(rec.At(time.Now()))); err != nil {
		return err
	}
	return rec.Heal(ctx, fault)
}

// timesOf reads the moments of the scenario's one fault.
func timesOf(seen *lab.ScenarioRun) (f faultTimes, err error) {
	if f.began, f.end, err = span(seen, markBefore, markEnd); err != nil {
		return f, err
	}
	for phase, at := range map[lab.Phase]*time.Duration{
		lab.FaultAsked: &f.asked, lab.FaultInEffect: &f.inEffect, lab.FaultHealing: &f.healing, lab.FaultHealed: &f.healed,
	} {
		if *at, err = phaseAt(seen, phase); err != nil {
			return f, err
		}
	}
	return f, nil
}

// windowsOf holds a load before, during and after the fault against each other.
func windowsOf(seen *lab.ScenarioRun, reqs []check.Req, f faultTimes) check.Windows {
	return check.WindowsOf(check.Observed{
		Requests: reqs, Served: seen.Served, Began: f.began, End: f.end, Fault: check.FaultTimesOf(seen.Faults),
	})
}
