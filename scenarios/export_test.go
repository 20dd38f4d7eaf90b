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
			clients: 10, rate: 400,
			before: 600 * time.Millisecond, during: time.Second, recover: 5 * time.Second,
			settle: 100 * time.Millisecond, after: time.Second,
			least: 60,
		})
	}
	return s
}

// ReplicationQuick is replication with a shorter window.
func ReplicationQuick() lab.Scenario {
	s := Replication()
	s.Run = func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
		return runReplication(ctx, env, rec, 1500*time.Millisecond)
	}
	return s
}

// ReplicaFailoverQuick is replica-failover with shorter windows.
func ReplicaFailoverQuick() lab.Scenario {
	s := ReplicaFailover()
	s.Run = func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
		plan := replicaFailover
		plan.before, plan.during, plan.after = time.Second, time.Second, 100*time.Millisecond
		plan.least = 20
		return runReplicaFailover(ctx, env, rec, plan)
	}
	return s
}
