package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
)

// failoverPlan is the load and the windows of a failover scenario.
type failoverPlan struct {
	clients int
	rate    float64 // requests/s at most

	before  time.Duration // window before the fault
	during  time.Duration // window from the proof of the fault to the healing
	recover time.Duration // how long the way back may take
	settle  time.Duration // between the recovery and the next window: the old turns run out
	after   time.Duration // window after the recovery
	least   int           // requests in a window: it is stretched for them, and fewer prove nothing
}

// faultTimes are the moments of a fault, as the record counts time.
type faultTimes struct {
	began    time.Duration // of the window before
	asked    time.Duration
	inEffect time.Duration
	healing  time.Duration
	healed   time.Duration
}

// breakAndHeal lets the window before the fault pass, injects it, lets the
// window of the fault pass and heals it. load is the one that is to be seen in
// both windows.
func breakAndHeal(ctx context.Context, rec *lab.Recorder, t *tape, load string, fault lab.Fault, plan failoverPlan) (f faultTimes, err error) {
	f.began = t.at(time.Now())
	if err := observe(ctx, "the load before the fault", plan.before, t.enough(load, f.began, plan.least)); err != nil {
		return f, err
	}
	f.asked = t.at(time.Now())
	rec.Step("Now: %s.", fault.Spec())
	if err := rec.Inject(ctx, fault); err != nil {
		return f, err
	}
	f.inEffect = t.at(time.Now())
	rec.Step("The fault is in effect; the load goes on for %v.", plan.during)
	if err := observe(ctx, "the load during the fault", plan.during, t.enough(load, f.inEffect, plan.least)); err != nil {
		return f, err
	}
	f.healing = t.at(time.Now())
	if err := rec.Heal(ctx, fault); err != nil {
		return f, err
	}
	f.healed = t.at(time.Now())
	return f, nil
}
