package scenarios

import (
	"context"
	"errors"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// cutFor is how long the source is cut off from its replicas only: longer than
// the 5 s after which they give it up, shorter than the 10 s after which it would
// go on without them.
const cutFor = 6 * time.Second

// markAlone is when the source begins to be cut off from everybody.
const markAlone = "alone"

// SourcePartition cuts the source off while it lives, twice: from its replicas,
// while the app still reaches it; then from everybody, while `lab promote
// --watch` looks on.
//
// Hypothesis: no write is acknowledged on both sides. Cut off from the replicas
// the source is not replaced, since it answers; cut off from everybody it is
// fenced before another one is opened. Afterwards every
// acknowledged write is at every server, and nobody has a transaction of its own:
// what the old source alone had was acknowledged to nobody, and it was rebuilt.
//
// Fault: packets are dropped without a word. The fence is a kill through the
// engine, which the cut does not reach: where machines have no such second way (a
// power switch, the hypervisor), nobody may be promoted.
//
// Bound: 0 writes acknowledged by the old source after another one was opened; a
// direct writer tries all the time, through the published port in the first cut
// and inside of the container in the second. Never two servers writable at a look
// each 50 ms, where a port leads to them.
//
// Not asserted: how long writes stand still (the replicas take 5 s to give a
// silent source up); that the source acknowledges nothing in the first cut (after
// 10 s it would, and they would be nowhere else until the cut ends; semisync-loss
// looks at that); and cuts of the engine itself.
func SourcePartition() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "source-partition",
			Title:      "The source is cut off alive, and never do two servers confirm writes",
			Hypothesis: "While the source is cut off but alive no write is acknowledged on both sides; afterwards every acknowledged write is at every server, and what only the old source had was acknowledged to nobody.",
			Fault:      "All packets between the source and its replicas are dropped for 6 s; then all packets to and from it, until it was fenced by a kill through the engine, which the cut does not reach.",
			NotClaimed: "How long writes stand still, and a cut that also keeps the fence from working. Inside of the second cut no port leads to the source: there only a writer in its container looks.",
			Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 2, Login: true, Operator: true},
			Limit:      5 * time.Minute,
		},
		plan: drillPlan{
			Reads: 60, Writes: 20,
			Before: 2 * time.Second, After: 2 * time.Second, Least: 60,
		},
		breaks: cutSource,
		claims: claimSourcePartition,
	}.scenario()
}

func cutSource(ctx context.Context, x *exercise) error {
	watchRoles(ctx, x.env, x.rec)
	if err := makeDirectTable(ctx, x.env, x.rec); err != nil {
		return err
	}
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
	if err := cutFromReplicas(ctx, x, p); err != nil {
		return err
	}
	if err := cutFromAll(ctx, x, p); err != nil {
		return err
	}
	return p.recordReplicas(ctx)
}

// cutFromReplicas leaves the source with the app and the lab.
func cutFromReplicas(ctx context.Context, x *exercise, p *promoter) error {
	d := x.env.Topology.Database
	insert, done, err := atPort(ctx, x.env, d.Source)
	if err != nil {
		return err
	}
	defer done()
	w := startDirect(ctx, x.rec, 1, insert)
	defer w.stop()
	x.rec.Step("Now %s is cut off from all %d replicas.", d.Source, len(d.Replicas))
	cuts, err := injectAll(ctx, x.env, x.rec, cutsBetween(d.Source, d.Replicas))
	if err != nil {
		return err
	}
	if err := x.hold(ctx, cutFor); err != nil {
		return err
	}
	if err := healTogether(ctx, x.rec, cuts); err != nil {
		return err
	}
	if err := p.awaitWhole(ctx); err != nil {
		return err
	}
	return x.hold(ctx, time.Second)
}

// cutFromAll leaves the source alone, until another one is the source.
func cutFromAll(ctx context.Context, x *exercise, p *promoter) error {
	victim := x.env.Topology.Database.Source
	w := startDirect(ctx, x.rec, 2, inContainer(x.env, victim))
	defer w.stop()
	x.rec.Mark(markAlone)
	f, err := x.inject(ctx, lab.FaultSpec{Kind: "partition", Service: victim})
	if err != nil {
		return err
	}
	if err := p.awaitPromotion(ctx, victim); err != nil {
		return err
	}
	if err := x.hold(ctx, 2*time.Second); err != nil {
		return err
	}
	w.stop()
	x.rec.Step("The cut ends and %s is started again.", victim)
	if err := errors.Join(x.rec.Heal(ctx, f), p.mendFences(ctx)); err != nil {
		return err
	}
	return p.awaitWhole(ctx)
}

func claimSourcePartition(a *aftermath, j *lab.Judgement) error {
	alone, err := mark(a.seen, markAlone)
	if err != nil {
		return err
	}
	opened, err := markSince(a.seen, markOpened, alone)
	if err != nil {
		return err
	}
	healing := check.FaultTimesOf(a.seen.Faults).Healing
	roles := check.RolesOf(a.seen.Samples)
	var inside, others []lab.Timed[lab.Write]
	for _, w := range a.seen.Writes {
		if w.Value.Session == sessionDirect {
			inside = append(inside, w)
		} else {
			others = append(others, w)
		}
	}
	j.Check(
		check.NotBothSides("no write is acknowledged on both sides", inside, others, alone, opened, healing),
		check.Fenced("the old source comes back fenced", roles, a.topology.Database.Source, healing, a.end, roleLeast),
	)
	resumeMetrics(j, a.of(loadWrites), alone, healing)
	return claimWhole(a.seen, roles, a.began, a.end, j)
}
