package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// How app-rolling-restart observes.
const (
	rollingVisits = 900             // requests/s on a machine that carries four times as many
	rollingLeast  = 20_000          // visits, for the claim
	rollingPause  = time.Second     // load between two restarts
	rollingMore   = 5 * time.Second // load after the last, at least; longer, to reach rollingLeast and rollingEdits
	rollingEdits  = 100             // acknowledged edits that the streams must tell, over all
)

// AppRollingRestart restarts all instances in turn, each one when the one before
// is healthy.
//
// Hypothesis: nobody notices: no request fails, a login stays good, and a live
// page misses nothing.
//
// Fault: restart. An instance gets its stop signal, answers what it has taken
// on, ends and is started again at once: an update with the same code. The
// containers mostly keep their addresses (app-recreate looks at the other case).
//
// Bound: 0 failed of at least 20,000 visits (fewer, and the claim is unknown),
// and none of the reads and edits of the sessions, which logged in once, before
// the first restart. One browser for each session is open on the live updates;
// when the stream is cut it connects again with the id of its last event. Each
// must be cut at least once, and must be told of every acknowledged edit exactly
// once and in order.
//
// Not asserted: registering products (POST), which nobody sends a second time,
// is counted in the ledger only; how slow the slowest answer is; browsers with
// other habits.
func AppRollingRestart() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "app-rolling-restart",
			Title:      "All app instances restart in turn, nobody notices",
			Hypothesis: "While all instances are restarted one after the other under load, no request fails, sessions go on without a new login, and live pages miss no change.",
			Fault:      "Every instance is stopped in good order and started again, each when the one before is healthy: an update without new code.",
			NotClaimed: "An update that changes the code or the tables, a restart of two at once, and any bound on the slowest answer.",
			Needs:      lab.Needs{Balancer: true, Instances: 2, Login: true, Live: true, Source: true, Replicas: 1},
			Limit:      6 * time.Minute,
		},
		plan: drillPlan{
			Visits: rollingVisits, Reads: 50, Writes: 5, Edits: true, Streams: true, Share: appShare,
			Before: 2 * time.Second, After: 2 * time.Second, Least: 900,
		},
		breaks: breakRolling,
		claims: claimRolling,
	}.scenario()
}

func breakRolling(ctx context.Context, x *exercise) error {
	for _, in := range x.env.Topology.Instances {
		f, err := x.inject(ctx, lab.FaultSpec{Kind: "restart", Service: in.Service})
		if err != nil {
			return err
		}
		if err := x.rec.Heal(ctx, f); err != nil { // returns when it is healthy
			return err
		}
		if err := observe(ctx, "the load after a restart", rollingPause, nil); err != nil {
			return err
		}
	}
	x.rec.Step("All have been restarted; the load goes on, until %d visits were sent.", rollingLeast)
	visits, edits := enough(x.rec, loadVisits, 0, rollingLeast), enough(x.rec, loadEdits, 0, rollingEdits*3/2) // not all of them are acknowledged
	// observe goes on for four times as long, where that takes longer: enough for all visits.
	needed := time.Duration(rollingLeast / x.plan.Visits * float64(time.Second))
	return observe(ctx, "the load after the restarts", max(rollingMore, needed/(stretch-1)), func() bool { return visits() && edits() })
}

func claimRolling(a *aftermath, j *lab.Judgement) error {
	streams, err := lab.ReadFact[check.Streams](a.seen, factStreams)
	if err != nil {
		return err
	}
	restarted := 0
	for _, f := range a.seen.Faults {
		if f.Value.Phase == lab.FaultHealed {
			restarted++
		}
	}
	told := check.ToldOf(streams, a.seen.Writes)
	j.Check(
		check.NoFailures("no visit failed", "visits", a.of(loadVisits), rollingLeast),
		check.NoFailures("no read failed", "reads", a.of(loadReads), a.plan.Least),
		check.NoFailures("sessions go on saving without a new login", "edits", a.of(loadEdits), rollingEdits),
		check.NoFailures("sessions go on reading without a new login", "session reads", a.of(loadLooks), rollingEdits),
		check.StreamsMissNothing("live pages miss nothing", told, rollingEdits),
	)
	j.Metric("restarted", float64(restarted))
	j.Metric("streams_again", float64(told.Again))
	j.Metric("stream_edits", float64(told.Due))
	return nil
}
