package scenarios

import (
	"context"
	"fmt"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// How app-recreate observes.
const (
	movedFor   = 20 * time.Second           // the way back to its share may take so long
	movedAfter = 5 * time.Second            // load after it
	movedGrace = keepAliveMin + time.Second // see AppRecreate
)

// factMoved is the fact that holds the tries at the old and the new address.
const factMoved = "moved"

// AppRecreate replaces the container of the heaviest instance by a new one at
// another address.
//
// Hypothesis: the balancer finds the new address, loses nothing meanwhile, and
// asks nobody at the old one any more.
//
// Fault: recreate. The old container is stopped in good order and removed, a new
// one of the same configuration gets another address: what an update of the
// image does, or a cluster that moves a service. A real update also brings other
// code.
//
// Bound: no request fails. The instance answers its share of the requests again
// within 20 s of being healthy; then the shares are the weights, within the
// rotation's bound. By the balancer's log (tries, by address) nothing goes to
// the old address once the new one serves, but for 3 s: a reload lets the old
// workers, which know only the old address, finish with the connections that
// are kept alive (keepalive_min_timeout, 2 s), and one try of theirs may wait
// 1 s. Such a try is repeated elsewhere, so the client does not see it.
//
// Not asserted: what another container gets that takes the old address at once.
func AppRecreate() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "app-recreate",
			Title:      "An app instance moves to another address, and is found",
			Hypothesis: "An instance that comes back at another address gets its share again, nothing fails meanwhile, and the old address gets nothing.",
			Fault:      "The instance's container is stopped, removed and made anew from the same configuration, at another address.",
			NotClaimed: "An update to other code, and what somebody gets who takes the old address in the same moment.",
			Needs:      lab.Needs{Balancer: true, AccessLog: true, Instances: 2, Login: true, Source: true, Replicas: 1},
			Limit:      3 * time.Minute,
		},
		plan: drillPlan{
			Visits: 400, Reads: 50, Edits: true, Share: visitShare,
			Before: 2 * time.Second, After: movedAfter, Least: 400,
		},
		breaks: breakRecreate,
		claims: claimRecreate,
	}.scenario()
}

func breakRecreate(ctx context.Context, x *exercise) error {
	victim := heaviest(x.env.Topology)
	before, err := x.env.Stack.State(ctx, victim.Service)
	if err != nil {
		return err
	}
	began := time.Now()
	f, err := x.inject(ctx, lab.FaultSpec{Kind: "recreate", Service: victim.Service})
	if err != nil {
		return err
	}
	if err := x.rec.Heal(ctx, f); err != nil {
		return err
	}
	now, err := x.env.Stack.State(ctx, victim.Service)
	if err != nil {
		return err
	}
	x.rec.Step("%s was at %s and is at %s now. The load goes on until it answers its share again.", victim.Service, before.Address, now.Address)
	share := sharesOf(x.env.Topology).Expected(victim.Service)
	if _, _, _, err := awaitShare(ctx, x.rec, victim.Service, share, movedFor); err != nil {
		return err
	}
	x.after = func(ctx context.Context) error {
		return recordMoved(ctx, x, began, check.Moved{Service: victim.Service, Old: before.Address, New: now.Address})
	}
	return nil
}

// recordMoved records the tries at an instance's old and new address since a
// moment, as the balancer's log has them.
func recordMoved(ctx context.Context, x *exercise, since time.Time, m check.Moved) error {
	// All lines are there: recordServed has waited for them.
	log, err := x.env.Stack.Logs(ctx, x.env.Topology.Balancer.Service, since.Add(-time.Second))
	if err != nil {
		return err
	}
	defer log.Close()
	entries, _, err := probe.ReadAccessLog(log)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at := e.Time.Add(-e.Took)
		for _, try := range e.Tries {
			t := check.AddressTry{AtUS: x.rec.At(at).Microseconds(), Status: try.Status}
			if !at.Before(since) {
				switch try.Host() {
				case m.Old:
					m.AtOld = append(m.AtOld, t)
				case m.New:
					m.AtNew = append(m.AtNew, t)
				}
			}
			at = at.Add(max(try.Whole, 0))
		}
	}
	x.rec.Fact(factMoved, m)
	return nil
}

func claimRecreate(a *aftermath, j *lab.Judgement) error {
	victim := heaviest(a.topology)
	healing, err := phaseAt(a.seen, lab.FaultHealing)
	if err != nil {
		return err
	}
	moved, err := lab.ReadFact[check.Moved](a.seen, factMoved)
	if err != nil {
		return err
	}
	visits := a.of(loadVisits)
	back, ok := check.Recovered(visits, victim.Service, sharesOf(a.topology).Expected(victim.Service), healing)
	since := check.Sent(visits, healing, a.end)
	j.Check(
		check.NoFailures("no visit failed", "visits", visits, a.plan.Least),
		check.NoFailures("no read failed", "reads", a.of(loadReads), a.plan.Least/10),
		check.NoFailures("no edit failed", "edits", a.of(loadEdits), leastPairs),
		check.CameBack(fmt.Sprintf("%s gets its share again", victim.Service), victim.Service, since, healing, back, ok, movedFor),
		check.OldAddressIsLeft("the old address gets nothing", moved, movedGrace, a.plan.Least),
	)
	if ok {
		j.Check(window(a.topology, a.seen, a.log, max(back, moved.Serves())+movedGrace, a.end).Judge("the shares are the weights again"))
		j.Metric("restored_ms", ms(back-healing))
	}
	j.Metric("old_address_tries", float64(moved.OldAfter(0)))
	return nil
}
