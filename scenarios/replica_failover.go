package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// replicaFailover is the plan of the replica-failover scenario: its clients
// read, writers beside them register products.
var replicaFailover = failoverPlan{
	Clients: 20, Rate: 200,
	Before: 2 * time.Second, During: 2500 * time.Millisecond, Recover: 20 * time.Second,
	After: 1500 * time.Millisecond,
	Least: 50,
}

// The writers of replica-failover.
const (
	productWriters    = 3
	productsPerSecond = 10
	leastWrites       = 10
	leastPairs        = 30 // reads that could have shown an inconsistency
)

// ReplicaFailover kills a database replica while users read and write through
// the app, and starts it again.
//
// Hypothesis: no read fails, and nothing that was acknowledged is missing. The
// fault is a kill (SIGKILL) of the first replica's container: its port refuses
// connections at once, and its data survives on its volume.
//
// Bound: none of the reads fails, over the whole scenario. The replica applies
// everything that the source has executed when it is healed. Every write that
// was acknowledged (status 201) is found by SQL at the source and, after
// catch-up, at the killed replica; both are counted in rows_missing. Every
// write has a code of its own, so none can hide behind another.
//
// Metrics: catchup_ms runs from the moment at which the replica is proven to
// be healed (its container is healthy) to the moment at which it has applied
// the GTID set that the source had then; the container's start is not in it.
//
// Not asserted: that a write never fails (it need not, since the source lives;
// failed ones are told in a step), how old what a read shows may be, and lost
// data directories.
func ReplicaFailover() lab.Scenario {
	return lab.Scenario{
		Name:       "replica-failover",
		Title:      "A replica dies and comes back, no read fails and nothing is missing",
		Hypothesis: "While users read and register products, a replica is killed and comes back: no read fails, it catches up, and every acknowledged product is there.",
		Fault:      "SIGKILL of the first replica's container; later the container is started again on the same data. Its port refuses connections meanwhile.",
		NotClaimed: "How old what a read shows may be, replicas that hang or lose their data, and several at once.",
		Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 1, Login: true},
		Charts:     []lab.Chart{lab.ChartTimeline},
		Limit:      4 * time.Minute,
		Run: func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
			return runReplicaFailover(ctx, env, rec, replicaFailover)
		},
		Judge: judgeReplicaFailover,
	}
}

func runReplicaFailover(ctx context.Context, env *lab.Env, rec *lab.Recorder, plan failoverPlan) error {
	c, err := member(ctx, env)
	if err != nil {
		return err
	}
	victim := env.Topology.Database.Replicas[0]
	fault, err := env.Stack.NewFault(lab.FaultSpec{Kind: "kill", Service: victim})
	if err != nil {
		return err
	}
	source, err := openDB(ctx, env, env.Topology.Database.Source)
	if err != nil {
		return err
	}
	defer source.Close()
	part, err := fit(ctx, env, rec, 0, plan.Rate, readShare)
	if err != nil {
		return err
	}
	plan.Rate *= part
	rec.Fact(factPlan, plan)
	names, err := addresses(ctx, env)
	if err != nil {
		return err
	}
	started := time.Now()
	rec.Step("%d connections read the products through the API, %.0f times a second together; %d more register products with codes of their own, %d a second. %v go by before anything is broken.",
		plan.Clients, plan.Rate, productWriters, productsPerSecond, plan.Before)
	users, err := startUsers(ctx, env, rec, c, plan)
	if err != nil {
		return err
	}
	defer users.stop()
	if err := breakAndHeal(ctx, rec, map[string]int{"reads": plan.Least, "writes": leastWrites}, fault, plan); err != nil {
		return err
	}
	rec.Step("%s runs again. It has to apply what the source has executed by now.", victim)
	caught, err := catchUp(ctx, env, source, victim, plan.Recover)
	if err != nil {
		return err
	}
	rec.Fact("catch-up", caught)
	if err := observe(ctx, "the load after the catch-up", plan.After, nil); err != nil {
		return err
	}
	rec.Mark(markEnd)
	users.stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := recordServed(ctx, env, rec, started, names); err != nil {
		return err
	}
	rec.Step("Each product that was written is looked for by SQL, at the source and at every replica, after they have caught up.")
	return recordFound(ctx, env, rec, source, plan.Recover)
}

func judgeReplicaFailover(seen *lab.ScenarioRun, t *lab.Topology) (j lab.Judgement, err error) {
	plan, err := lab.ReadFact[failoverPlan](seen, factPlan)
	if err != nil {
		return j, err
	}
	caught, err := lab.ReadFact[catchUpFact](seen, "catch-up")
	if err != nil {
		return j, err
	}
	f, err := timesOf(seen)
	if err != nil {
		return j, err
	}
	victim := t.Database.Replicas[0]
	read, wrote := check.OfLoad(seen.Requests, "reads"), check.Good(check.OfLoad(seen.Requests, "writes"))
	book := check.LedgerOf(seen.Writes, seen.Found)
	sessions := check.SessionsOf(seen.Writes, seen.Reads)
	windows := windowsOf(seen, read, f)
	j.Check(
		check.Enough("the windows carry a claim", windows, plan.Least),
		check.Load("writes went on", leastWrites,
			check.LoadWindow{Name: "before", Requests: len(check.Sent(wrote, f.began, f.asked))},
			check.LoadWindow{Name: "during", Requests: len(check.Sent(wrote, f.inEffect, f.healing))}),
		check.NoFailures("no read failed", "reads", read, plan.Least),
		check.CaughtUp("the replica catches up", victim, caught.Took, caught.Done, plan.Recover),
		check.NothingLost("nothing is missing", book),
		check.NotDuplicated("nothing is there twice", book),
		check.RefusedNotApplied("what was refused is not there", book),
		check.ReadYourWrites("every session sees what it saved", sessions, leastPairs),
		check.MonotonicReads("no session sees time go back", sessions, leastPairs),
	)
	j.Table(windows.Table())
	j.Metrics = append(j.Metrics, windows.Metrics()...)
	bothViews(&j, t, check.Join(seen.Requests, seen.Served))
	j.Table(book.Table())
	j.Table(book.InstanceTable())
	j.Table(sessions.Table())
	j.Metric("reads", float64(len(read)))
	j.Metric("failed_reads", float64(check.Failures(read)))
	j.Metric("writes", float64(len(book.With(lab.Acknowledged))))
	if caught.Done {
		j.Metric("catchup_ms", ms(caught.Took))
	}
	j.Metric("rows_missing", float64(len(book.Lost())))
	bookMetrics(&j, book, sessions)
	return j, nil
}

// bookMetrics are the counts of what became of the writes and of what the
// sessions saw.
func bookMetrics(j *lab.Judgement, book check.Ledger, sessions check.Sessions) {
	j.Metric("unsure", float64(len(book.With(lab.Unsure))))
	j.Metric("unsure_applied", float64(len(book.UnknownApplied())))
	j.Metric("duplicated", float64(len(book.Duplicated())))
	j.Metric("stale_reads", float64(sessions.All.Stale))
	j.Metric("ryw_violations", float64(sessions.All.OwnLost))
	j.Metric("monotonic_violations", float64(sessions.All.WentBack))
}

// catchUpFact is how a healed replica caught up with the source.
type catchUpFact struct {
	Done bool          `json:"done"` // within the limit
	Took time.Duration `json:"took_ns"`
}

// catchUp waits until a replica has applied what the source has executed now.
func catchUp(ctx context.Context, env *lab.Env, source *probe.DB, replica string, limit time.Duration) (f catchUpFact, err error) {
	from := time.Now()
	set, err := source.GTIDs(ctx)
	if err != nil {
		return f, err
	}
	// Its published port may be another one since the restart.
	r, err := openDB(ctx, env, replica)
	if err != nil {
		return f, err
	}
	defer r.Close()
	f.Done, err = r.WaitGTIDs(ctx, set, limit)
	f.Took = time.Since(from)
	return f, err
}
