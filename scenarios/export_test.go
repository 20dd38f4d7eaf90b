package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
)

// AppFailoverQuick is app-failover with shorter windows and a thinner load,
// for stacks inside a test.
func AppFailoverQuick() lab.Scenario {
	s := AppFailover()
	s.Run = func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
		return runAppFailover(ctx, env, rec, failoverPlan{
			Clients: 10, Rate: 400,
			Before: 1600 * time.Millisecond, During: 1200 * time.Millisecond, Recover: 5 * time.Second,
			Settle: 100 * time.Millisecond, After: 1500 * time.Millisecond,
			Least: 60,
		})
	}
	return s
}

// ReplicationQuick is replication with shorter windows.
func ReplicationQuick() lab.Scenario {
	s := Replication()
	s.Run = func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
		plan := replication
		plan.Idle, plan.Busy = 1200*time.Millisecond, 2100*time.Millisecond
		return runReplication(ctx, env, rec, plan)
	}
	return s
}

// ReplicaFailoverQuick is replica-failover with shorter windows.
func ReplicaFailoverQuick() lab.Scenario {
	s := ReplicaFailover()
	s.Run = func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
		plan := replicaFailover
		plan.Before, plan.During, plan.After = 1600*time.Millisecond, time.Second, 1200*time.Millisecond
		plan.Least = 20
		return runReplicaFailover(ctx, env, rec, plan)
	}
	return s
}
