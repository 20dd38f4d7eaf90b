package scenarios

import (
	"context"
	"fmt"
	"slices"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// replicationPlan is what the replication scenario means to do.
type replicationPlan struct {
	Idle, Busy    time.Duration // lengths of the two phases
	Writers, Rate int           // of the busy phase: connections, and rows a second together
	LeastBeats    int           // heartbeat rows in each phase: enough for a p99 of each replica
	LeastLooks    int           // at half-written rows, at each replica
	CatchUp       time.Duration // how long a replica may take to apply everything
}

var replication = replicationPlan{
	Idle: 2 * time.Second, Busy: 4 * time.Second,
	Writers: 4, Rate: 200,
	LeastBeats: 120, LeastLooks: 20,
	CatchUp: 15 * time.Second,
}

// Marks and facts of a replication record.
const (
	markIdle, markBusy = "idle", "busy"

	factBefore   = "before"   // []check.Replica
	factArrived  = "arrived"  // map[string]bool: who got the lab's tables
	factLooks    = "looks"    // []check.OrderLook
	factUnseen   = "unseen"   // map[string]int: heartbeat rows never shown
	factAcked    = "acked"    // []int: acknowledged rows of each writer
	factReceived = "received" // []check.Received
	factContent  = "content"  // contentFact; none when somebody had not caught up
	factAfter    = "after"    // []check.Replica
)

// Replication writes rows at the source from several connections and follows
// them to every replica.
//
// Hypothesis: every replica receives everything, in order, and has the same
// content once it has caught up. Nothing is broken.
//
// Bound: exact. Every acknowledged row is at every replica once it has applied
// the source's GTID set as of after the last row (comparing earlier would prove
// nothing); every table of the schema hashes the same, row by row in the order
// of the primary key; no replica has a transaction of its own; receiver and
// applier run before and after. Order means: no look at a replica, while rows
// arrive, finds a row without all earlier ones of the same writer.
//
// Lag is measured in three ways, and not judged: on heartbeat rows, by the
// applier's time stamps, and by Seconds_Behind_Source; first with the heartbeat
// alone (100 rows a second), then with 200 rows a second in addition to it.
//
// Not asserted: order between different writers, and lag under a heavier load.
// What is written goes to the lab's own tables, which are dropped at the end.
func Replication() lab.Scenario {
	return lab.Scenario{
		Name:       "replication",
		Title:      "Every replica gets everything, in order",
		Hypothesis: "Every row that the source acknowledges reaches every replica, in the order in which it was written; after catching up all have the same content, and no replica has anything of its own.",
		NotClaimed: "Any bound on the lag, the order between different writers, and heavier write loads.",
		Needs:      lab.Needs{Source: true, Replicas: 1},
		Charts:     []lab.Chart{lab.ChartLag},
		Limit:      90 * time.Second,
		Run: func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
			return runReplication(ctx, env, rec, replication)
		},
		Judge: judgeReplication,
	}
}

func runReplication(ctx context.Context, env *lab.Env, rec *lab.Recorder, plan replicationPlan) error {
	s, err := openServers(ctx, env)
	if err != nil {
		return err
	}
	rec.Cleanup("close the connections", cleanUpLimit, func(context.Context) error { s.close(); return nil })
	rec.Fact(factPlan, plan)
	before, err := s.states(ctx)
	if err != nil {
		return err
	}
	rec.Fact(factBefore, before)
	if !replicates(before) {
		rec.Step("Replication stands still: there is nothing to follow.")
		return nil
	}
	arrived, err := makeTables(ctx, rec, s, plan)
	if err != nil {
		return err
	}
	rec.Fact(factArrived, arrived)
	if missing(arrived) {
		rec.Step("Not every replica has got the tables: there is nothing to follow.")
		return nil
	}
	acked, err := measureLag(ctx, rec, s, plan)
	if err != nil {
		return err
	}
	rec.Fact(factAcked, acked)
	rec.Step("%d rows were acknowledged. Every replica gets until %v later to apply what the source has executed (GTID set), then all tables are compared.", sum(acked), plan.CatchUp)
	received, err := s.received(ctx, acked, plan.CatchUp)
	if err != nil {
		return err
	}
	rec.Fact(factReceived, received)
	if !slices.ContainsFunc(received, func(r check.Received) bool { return r.Behind }) {
		var c contentFact
		if c.Source, c.Replicas, c.Settled, err = s.content(ctx, plan.CatchUp); err != nil {
			return err
		}
		rec.Fact(factContent, c)
	}
	after, err := s.states(ctx)
	if err != nil {
		return err
	}
	rec.Fact(factAfter, after)
	return nil
}

// contentFact is what the servers hold after catching up.
type contentFact struct {
	Source   []check.Table
	Replicas map[string][]check.Table
	Settled  bool // nothing changed while they were read
}

// makeTables makes the lab's tables and says which replicas get them.
func makeTables(ctx context.Context, rec *lab.Recorder, s *servers, plan replicationPlan) (map[string]bool, error) {
	rec.Step("Two tables of the lab are made at the source: %s and %s.", probe.RowsTable, probe.HeartbeatTable)
	rec.Cleanup("drop the lab's tables", cleanUpLimit, func(ctx context.Context) error {
		if err := probe.DropTable(ctx, s.source, probe.RowsTable); err != nil {
			return err
		}
		return probe.DropTable(ctx, s.source, probe.HeartbeatTable)
	})
	if err := probe.MakeRows(ctx, s.source); err != nil {
		return nil, err
	}
	if err := probe.MakeHeartbeat(ctx, s.source); err != nil {
		return nil, err
	}
	set, err := s.source.GTIDs(ctx)
	if err != nil {
		return nil, err
	}
	got := make([]bool, len(s.replicas))
	err = s.each(func(i int, r *probe.DB) (err error) {
		got[i], err = r.WaitGTIDs(ctx, set, plan.CatchUp)
		return err
	})
	arrived := make(map[string]bool)
	for i, r := range s.replicas {
		arrived[r.Name] = got[i]
	}
	return arrived, err
}

// received waits until every replica has applied what the source has executed
// by now, and counts what is there.
func (s *servers) received(ctx context.Context, acked []int, limit time.Duration) ([]check.Received, error) {
	set, err := s.source.GTIDs(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]check.Received, len(s.replicas))
	err = s.each(func(i int, r *probe.DB) error {
		ok, err := r.WaitGTIDs(ctx, set, limit)
		if err != nil {
			return err
		}
		rows, err := r.Rows(ctx)
		if err != nil {
			return err
		}
		rc := check.Received{Replica: r.Name, Behind: !ok}
		for writer, n := range acked {
			// The primary key keeps a row from being there twice, and each writer
			// numbers its own without gaps: counting them compares them.
			rc.Missing += max(n-rows[writer].Rows, 0)
			rc.Extra += max(rows[writer].Rows-n, 0)
		}
		all[i] = rc
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("follow the rows: %w", err)
	}
	return all, nil
}

// replicates says whether replication runs at every replica.
func replicates(states []check.Replica) bool {
	return !slices.ContainsFunc(states, func(r check.Replica) bool { return r.Receiver != "ON" || r.Applier != "ON" })
}

// missing says whether the tables have not arrived somewhere.
func missing(arrived map[string]bool) bool {
	for _, ok := range arrived {
		if !ok {
			return true
		}
	}
	return false
}

func sum(ns []int) (total int) {
	for _, n := range ns {
		total += n
	}
	return total
}
