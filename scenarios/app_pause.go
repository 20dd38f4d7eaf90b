package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// frozenFor is how long an instance is frozen.
const frozenFor = 6 * time.Second

// readTimeout is how long the reference balancer waits for an instance's answer
// before it asks another one, and frozenBound what one request may cost then.
const (
	readTimeout = time.Second
	frozenBound = 1300 * time.Millisecond
)

// AppPause freezes the heaviest instance for 6 s under visits, reads and writes.
//
// Hypothesis: a frozen instance costs a visitor one read time-out at most, then
// gets no traffic; nothing fails that may be sent again. The kernel goes on
// accepting connections for it, so only a read time-out tells it from a slow
// one.
//
// Bound: no visit and no read fails. The slowest visit takes at most 1.3 s: the
// balancer's read time-out of 1 s, and another instance's answer. After the
// first second the frozen instance answers nothing.
//
// Not asserted: that no write is slow. A POST that reached the frozen instance
// is not sent to another one, so it waits, or its fate stays unknown; the ledger
// says what became of it.
func AppPause() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "app-pause",
			Title:      "An app instance freezes, and costs one time-out",
			Hypothesis: "While the heaviest instance is frozen, a visitor waits for one read time-out at most, then it gets no traffic; nothing fails that may be sent again.",
			Fault:      "The instance's processes are frozen (docker pause). Its kernel still accepts connections and data.",
			NotClaimed: "That no write is slow: a POST that reached the frozen instance must not be sent to another one.",
			Needs:      lab.Needs{Balancer: true, AccessLog: true, Instances: 2, Login: true, Source: true, Replicas: 1},
			Limit:      2 * time.Minute,
		},
		plan: drillPlan{
			Visits: 300, Reads: 50, Writes: 10, Edits: true, Share: visitShare,
			Before: 2 * time.Second, After: 4 * time.Second, Least: 300,
		},
		breaks: func(ctx context.Context, x *exercise) error {
			return x.breakFor(ctx, frozenFor, lab.FaultSpec{Kind: "pause", Service: heaviest(x.env.Topology).Service})
		},
		claims: func(a *aftermath, j *lab.Judgement) error {
			victim := heaviest(a.topology).Service
			inEffect, err := phaseAt(a.seen, lab.FaultInEffect)
			if err != nil {
				return err
			}
			healing, err := phaseAt(a.seen, lab.FaultHealing)
			if err != nil {
				return err
			}
			visits := a.of(loadVisits)
			j.Check(
				check.FaultWasSeen("the fault met the load", a.windows),
				check.NoFailures("no visit failed", "visits", visits, a.plan.Least),
				check.NoFailures("no read failed", "reads", a.of(loadReads), a.plan.Least/10),
				check.SlowestWithin("the slowest visit costs one time-out", visits, frozenBound),
				check.Silent("the frozen instance answers nothing", victim, visits, inEffect+readTimeout/4, healing, a.plan.Least),
			)
			return nil
		},
	}.scenario()
}
