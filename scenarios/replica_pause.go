package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// readBound is what the slowest read may take while a replica is broken.
const (
	readBound = 1300 * time.Millisecond
)

// ReplicaPause freezes a replica for 6 s under reads and writes.
//
// Hypothesis: reads move away in time, the replica catches up, and nothing is
// missing. Its kernel goes on accepting connections, so a read that is sent to
// it hangs until the app gives up on it.
//
// Bound: no read fails and none takes longer than 1.3 s; every acknowledged
// write is at every server once it has caught up.
//
// Not asserted: how old what a read shows may be.
func ReplicaPause() lab.Scenario {
	return replicaDrill(
		lab.Scenario{
			Name:       "replica-pause",
			Title:      "A replica freezes, reads move away, nothing is missing",
			Hypothesis: "While a replica is frozen, reads move to the others in time; afterwards it catches up and nothing is missing.",
			Fault:      "The first replica's processes are frozen (docker pause). Its kernel still accepts connections.",
		},
		func(t *lab.Topology) lab.FaultSpec {
			return lab.FaultSpec{Kind: "pause", Service: t.Database.Replicas[0]}
		},
	)
}

// ReplicaPartition cuts a replica off for 6 s under reads and writes.
//
// Hypothesis, bounds and what is not asserted are those of replica-pause; here
// packets are dropped in both directions, so connecting to it hangs as well.
func ReplicaPartition() lab.Scenario {
	return replicaDrill(
		lab.Scenario{
			Name:       "replica-partition",
			Title:      "A replica is cut off, reads move away, nothing is missing",
			Hypothesis: "While a replica is cut off from everybody, reads move to the others in time; afterwards it catches up and nothing is missing.",
			Fault:      "All packets to and from the first replica are dropped without a word.",
		},
		func(t *lab.Topology) lab.FaultSpec {
			return lab.FaultSpec{Kind: "partition", Service: t.Database.Replicas[0]}
		},
	)
}

// replicaDrill breaks one replica and claims that the readers hardly notice.
func replicaDrill(s lab.Scenario, fault func(*lab.Topology) lab.FaultSpec) lab.Scenario {
	s.NotClaimed = "How old what a read shows may be, and several replicas at once."
	s.Needs = lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 2, Login: true}
	s.Limit = 3 * time.Minute
	return drill{
		Scenario: s,
		plan: drillPlan{
			Reads: 120, Writes: 10, Edits: true,
			Before: 2 * time.Second, After: 3 * time.Second, Least: 120,
		},
		breaks: func(ctx context.Context, x *exercise) error {
			return x.breakFor(ctx, frozenFor, fault(x.env.Topology))
		},
		claims: func(a *aftermath, j *lab.Judgement) error {
			reads := a.of(loadReads)
			j.Check(
				check.NoFailures("no read failed", "reads", reads, a.plan.Least),
				check.SlowestWithin("no read hangs", reads, readBound),
			)
			return nil
		},
	}.scenario()
}
