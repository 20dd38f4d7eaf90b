package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// resumeBound is how long writes may stand still when the source dies: three
// looks at 200 ms until the watcher is sure, the promotion, and the app's own
// search for the new source, on a machine that does other things too.
const resumeBound = 3 * time.Second

// SourceFailover kills the source under writes while `lab promote --watch` runs.
//
// Hypothesis: a replica is promoted and writes go on; no acknowledged write is
// lost and none is there twice, although writers that got no answer asked again
// with the same key; the old source comes back read-only and becomes a replica.
//
// Fault: SIGKILL. The kernel of the machine lives and closes the sockets, so
// everybody is told at once; a power cut tells nobody (see source-partition).
//
// Bound: the longest pause between two acknowledged writes ends at most 3 s
// after the kill was asked for, as the writers see it. 0 acknowledged writes lost
// or doubled. Never two servers writable, at a look each 50 ms; the old source in
// no look.
//
// Not asserted: that no request fails or waits meanwhile; the death of the source
// together with the one replica that confirmed.
//
// At the end the topology's source is the source again, by a planned switch-over.
func SourceFailover() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "source-failover",
			Title:      "The source dies, a replica takes over, nothing acknowledged is lost",
			Hypothesis: "When the source is killed under writes a replica is promoted and writes go on within 3 s; no acknowledged write is lost or doubled, and the old source comes back read-only, as a replica.",
			Fault:      "SIGKILL to the source's process. The machine lives, so its sockets are closed and everybody is told.",
			NotClaimed: "That no write waits or is refused meanwhile, and the loss of the source together with the replica that confirmed its last writes.",
			Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 2, Login: true, Operator: true},
			Limit:      4 * time.Minute,
		},
		plan: drillPlan{
			Reads: 60, Writes: 20,
			Before: 2 * time.Second, After: 2 * time.Second, Least: 60,
		},
		breaks: failOverSource,
		claims: claimSourceFailover,
	}.scenario()
}

func failOverSource(ctx context.Context, x *exercise) error {
	victim := x.env.Topology.Database.Source
	watchRoles(ctx, x.env, x.rec)
	p, err := openPromoter(ctx, x.env, x.rec)
	if err != nil {
		return err
	}
	x.rec.Step("`lab promote --watch` looks at the servers, five times a second.")
	stop, err := p.watch(ctx)
	if err != nil {
		return err
	}
	defer stop()
	f, err := x.inject(ctx, lab.FaultSpec{Kind: "kill", Service: victim})
	if err != nil {
		return err
	}
	if err := p.awaitPromotion(ctx, victim); err != nil {
		return err
	}
	if err := x.hold(ctx, 3*time.Second); err != nil {
		return err
	}
	x.rec.Step("%s is started again: it must not be writable, and must become a replica.", victim)
	if err := x.rec.Heal(ctx, f); err != nil {
		return err
	}
	if err := p.awaitWhole(ctx); err != nil {
		return err
	}
	return p.recordReplicas(ctx)
}

func claimSourceFailover(a *aftermath, j *lab.Judgement) error {
	asked, err := phaseAt(a.seen, lab.FaultAsked)
	if err != nil {
		return err
	}
	healing, err := phaseAt(a.seen, lab.FaultHealing)
	if err != nil {
		return err
	}
	writes, roles := a.of(loadWrites), check.RolesOf(a.seen.Samples)
	j.Check(
		check.ResumesWithin("writes go on", "acknowledged writes", writes, asked, healing, resumeBound),
		check.Fenced("the old source comes back fenced", roles, a.topology.Database.Source, healing, a.end, roleLeast),
	)
	resumeMetrics(j, writes, asked, healing)
	return claimWhole(a.seen, roles, a.began, a.end, j)
}
