package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// SourceRestart restarts the database source under reads and writes.
//
// Hypothesis: while it is away writes wait or are refused clearly and reads go
// on; nothing that was acknowledged is lost, and the replicas follow again by
// themselves. The source is stopped in good order and starts read-only; it opens
// itself when a majority of the servers takes it for the source.
//
// Bound: no read fails and none takes longer than 1.3 s. Of the writes sent
// meanwhile each is acknowledged or refused; unsure ones are at most as many as
// there are writers, since each may be at a commit when the source goes. Every
// acknowledged write is at every server afterwards, both threads of every
// replica run, and none has a transaction of its own.
//
// Not asserted: how long writes are refused (write_stall_ms tells), and what a
// source that does not come back means: that is promotion.
func SourceRestart() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "source-restart",
			Title:      "The source restarts, nothing acknowledged is lost",
			Hypothesis: "While the source restarts, writes are done late or refused clearly and no read fails; afterwards everything acknowledged is everywhere and the replicas follow by themselves.",
			Fault:      "The source's container is stopped in good order and started at once (docker restart). It mostly keeps its address.",
			NotClaimed: "How long writes are refused, and a source that dies without a farewell or does not come back.",
			Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 1, Login: true},
			Limit:      4 * time.Minute,
		},
		plan: drillPlan{
			Reads: 120, Writes: 10, Edits: true,
			Before: 3 * time.Second, After: 3 * time.Second, Least: 120,
			StaleAllowed: true,
		},
		breaks: func(ctx context.Context, x *exercise) error {
			if err := x.breakFor(ctx, time.Second, lab.FaultSpec{Kind: "restart", Service: x.env.Topology.Database.Source}); err != nil {
				return err
			}
			return settle(ctx, x.env, x.rec, settleLimit)
		},
		claims: func(a *aftermath, j *lab.Judgement) error {
			f := a.windows.Fault
			reads := a.of(loadReads)
			j.Check(
				check.NoFailures("no read failed", "reads", reads, a.plan.Least),
				check.SlowestWithin("no read hangs", reads, readBound),
				check.RefusedClearly("writes are refused clearly", a.seen.Writes, f.Asked, f.Healed, writerCount+sessionCount),
			)
			stall, _ := check.LongestStall(a.seen.Writes, f.Asked, a.end)
			j.Metric("write_stall_ms", ms(stall))
			return settled(a, j)
		},
	}.scenario()
}
