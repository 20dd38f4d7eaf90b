package scenarios

import (
	"context"
	"slices"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// How long replicas-all-down goes on, and what it allows.
const (
	semiSyncWait = 10 * time.Second // rpl_semi_sync_source_timeout of the reference stack (mysql/base.cnf)
	goingOn      = 20               // writes acknowledged that were sent after that: the writes go on
	stallBound   = semiSyncWait + 2*time.Second
	leastSelects = 100
	mostly       = 0.5 // of the SELECTs
)

const markBack = "replicas are back"

// ReplicasAllDown kills all replicas at once, under reads and writes.
//
// Hypothesis: reads fall back to the source and return to the replicas
// afterwards. The source waits for a replica to confirm what it commits; with
// none left it waits once, for its time-out, and then goes on alone.
//
// Bound: no read fails; none takes longer than 1.3 s while the replicas are gone,
// and none when they are back. While the replicas are
// there they execute at least half of the SELECTs, before and after; while they
// are not, the source does (its own statement digests count). Writes stand still
// for at most the time-out of 10 s, and 2 s for those that come first. Nothing
// that was acknowledged is missing anywhere.
//
// Not asserted: that no write fails. A write waits for at most 7 s in the app, so
// those under way during the stall are answered with an error that leaves open
// whether they were done; the ledger says what became of them. Neither how long
// a read takes while the replicas start: three servers that start at once want all
// the processors of a small machine (2 s were seen on two slow ones, with nothing
// failed), which says nothing of who is asked.
func ReplicasAllDown() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "replicas-all-down",
			Title:      "All replicas die at once, the source answers alone",
			Hypothesis: "With all replicas gone reads are answered by the source and none fails; writes stand still once, for the semi-synchronous time-out at most; afterwards the replicas answer again.",
			Fault:      "SIGKILL to all replicas at once; their ports refuse connections. Later all are started again on the same data.",
			NotClaimed: "That no write fails meanwhile: those that wait for a replica are given up by the app before the source goes on alone. How long a read takes while all replicas start at once.",
			Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 1, Login: true},
			Limit:      4 * time.Minute,
		},
		plan: drillPlan{
			Reads: 120, Writes: 10, Edits: true,
			Before: time.Second, After: 2 * time.Second, Least: 120,
		},
		breaks: func(ctx context.Context, x *exercise) error {
			stop := watchSelects(ctx, x.env, x.rec)
			defer stop()
			if err := x.hold(ctx, 2*time.Second); err != nil {
				return err
			}
			x.rec.Step("Now all %d replicas are killed at once.", len(x.env.Topology.Database.Replicas))
			faults, err := injectAll(ctx, x.env, x.rec, killsOf(x.env.Topology.Database.Replicas))
			if err != nil {
				return err
			}
			// Longer than the writes may stand still, and then until their going on is seen. When
			// it never is, that is a finding of the checks: the window ends after 48 s.
			after := x.rec.At(time.Now()) + semiSyncWait
			if err := observe(ctx, "the load meanwhile", stallBound, func() bool { return acknowledgedSince(x.rec, after) >= goingOn }); err != nil {
				return err
			}
			if err := healTogether(ctx, x.rec, faults); err != nil {
				return err
			}
			if err := settle(ctx, x.env, x.rec, settleLimit); err != nil {
				return err
			}
			if err := x.hold(ctx, 2*time.Second); err != nil { // until the app has found them
				return err
			}
			x.rec.Mark(markBack)
			return x.hold(ctx, 3*time.Second) // while the SELECTs are still watched
		},
		claims: func(a *aftermath, j *lab.Judgement) error {
			back, err := mark(a.seen, markBack)
			if err != nil {
				return err
			}
			f := a.windows.Fault
			source, replicas := []string{a.topology.Database.Source}, a.topology.Database.Replicas
			before := check.ReadWindow{Name: "before", Reads: check.ReadsAt(a.seen.Samples, a.began, f.Asked)}
			during := check.ReadWindow{Name: "during", Reads: check.ReadsAt(a.seen.Samples, f.InEffect, f.Healing)}
			after := check.ReadWindow{Name: "after", Reads: check.ReadsAt(a.seen.Samples, back, a.end)}
			reads := a.of(loadReads)
			j.Check(
				check.NoFailures("no read failed", "reads", reads, a.plan.Least),
				check.SlowestWithin("no read hangs", slices.Concat(check.Sent(reads, 0, f.Healing), check.Sent(reads, back, a.end)), readBound),
				check.ReadFrom("replicas answer before", before, replicas, mostly, leastSelects),
				check.ReadFrom("the source answers meanwhile", during, source, mostly, leastSelects),
				check.ReadFrom("replicas answer afterwards", after, replicas, mostly, leastSelects),
				check.StallWithin("writes stand still for one time-out at most", a.seen.Writes, f.Asked, f.Healing, stallBound),
			)
			stall, _ := check.LongestStall(a.seen.Writes, f.Asked, f.Healing)
			j.Metric("write_stall_ms", ms(stall))
			j.Table(check.ReadsTable([]check.ReadWindow{before, during, after}, databaseServers(a.topology)))
			return settled(a, j)
		},
	}.scenario()
}

// acknowledgedSince counts the acknowledged writes that were sent since a moment.
func acknowledgedSince(rec *lab.Recorder, since time.Duration) (n int) {
	for _, w := range rec.Seen().Writes {
		if w.At >= since && w.Value.Outcome == lab.Acknowledged {
			n++
		}
	}
	return n
}
