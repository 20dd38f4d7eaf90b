package scenarios

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// How replication writes and looks.
const (
	rowWriters      = 4
	rowsPerSecond   = 100 // and as many heartbeat rows
	rowsWindow      = 3 * time.Second
	rowsLookEvery   = 50 * time.Millisecond  // at every replica, for order
	applierEvery    = 100 * time.Millisecond // at every replica, for the applier's own times
	leastOrderLooks = 20                     // at each replica
	leastBeats      = 120                    // heartbeat rows: enough for a p99 of each replica
	catchUpLimit    = 15 * time.Second
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
// Lag is measured, not judged: on heartbeat rows, written every 10 ms with
// their time and looked for every 5 ms. Both times are taken in this process,
// so no clocks are compared; the lag includes the source's commit.
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
			return runReplication(ctx, env, rec, rowsWindow)
		},
	}
}

func runReplication(ctx context.Context, env *lab.Env, rec *lab.Recorder, window time.Duration) (err error) {
	s, err := openServers(ctx, env)
	if err != nil {
		return err
	}
	defer s.close()
	before, err := s.states(ctx)
	if err != nil {
		return err
	}
	rec.Check(check.Threads("replication runs before", before), check.ReadOnly("replicas refuse writes", before))

	rec.Step("Two tables of the lab are made at the source: %s and %s.", probe.RowsTable, probe.HeartbeatTable)
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
		defer cancel()
		for _, t := range []string{probe.RowsTable, probe.HeartbeatTable} {
			if derr := probe.DropTable(clean, s.source, t); derr != nil && err == nil {
				err = derr
			}
		}
	}()
	if err := probe.MakeRows(ctx, s.source); err != nil {
		return err
	}
	lag := newLagTape(rec)
	beat, err := probe.StartHeartbeat(ctx, s.source, s.replicas, lag.add)
	if err != nil {
		return err
	}
	rec.Step("%d connections write %d rows a second at %s for %v; beside them a heartbeat row every %v. Every replica is asked what it has, again and again.",
		rowWriters, rowsPerSecond, s.source.Name, window, probe.HeartbeatEvery)
	acked, looks, err := writeAndLook(ctx, rec, s, window, func() bool { return beat.Written() >= leastBeats })
	unseen, berr := beat.Stop(catchUpLimit)
	if err == nil {
		err = berr
	}
	if err != nil {
		return err
	}
	rows := 0
	for _, n := range acked {
		rows += n
	}
	rec.Step("%d rows were acknowledged. Every replica gets until %v later to apply what the source has executed (GTID set), then all tables are compared.", rows, catchUpLimit)
	received, err := s.received(ctx, acked)
	if err != nil {
		return err
	}
	rec.Check(
		check.ReceivedAll("every replica receives every row", rows, received, catchUpLimit),
		check.InOrder("rows arrive in order", looks, rows, s.names(), leastOrderLooks),
	)
	if !slices.ContainsFunc(received, func(r check.Received) bool { return r.Behind }) {
		source, replicas, settled, err := s.content(ctx)
		if err != nil {
			return err
		}
		rec.Check(check.SameContent("the content is equal after catch-up", source, replicas, settled))
	}
	after, err := s.states(ctx)
	if err != nil {
		return err
	}
	rec.Check(
		check.Threads("replication runs after", after),
		check.NoErrant("no errant transactions", after),
		check.LagMeasured("lag is measured on rows", lag.byReplica(), unseen, s.names()),
	)
	all := lag.all()
	rec.Metric("rows", float64(rows))
	rec.Metric("lag_p50_ms", check.Quantile(all, 0.50))
	rec.Metric("lag_p99_ms", check.Quantile(all, 0.99))
	rec.Metric("lag_max_ms", check.Quantile(all, 1))
	return nil
}

// writeAndLook writes rows for a window and looks at every replica meanwhile.
func writeAndLook(ctx context.Context, rec *lab.Recorder, s *servers, window time.Duration, enough func() bool) (acked []int, looks []check.OrderLook, err error) {
	w := probe.WriteRows(ctx, s.source, rowWriters, rowsPerSecond)
	looking, cancel := context.WithCancel(ctx)
	defer cancel()
	found := make([][]check.OrderLook, len(s.replicas))
	done := make(chan error, 1)
	go func() {
		done <- s.each(func(i int, r *probe.DB) (err error) {
			found[i], err = look(looking, rec, r)
			return err
		})
	}()
	werr := observe(ctx, "the writing", window, enough)
	acked, err = w.Stop()
	cancel()
	if lerr := <-done; err == nil {
		err = lerr
	}
	if werr != nil {
		err = werr
	}
	return acked, slices.Concat(found...), err
}

// look looks at one replica until ctx ends.
func look(ctx context.Context, rec *lab.Recorder, r *probe.DB) ([]check.OrderLook, error) {
	tick := time.NewTicker(rowsLookEvery)
	defer tick.Stop()
	var looks []check.OrderLook
	highest := make(map[int]int)
	applier := time.Now()
	for {
		select {
		case <-ctx.Done():
			return looks, nil
		case <-tick.C:
		}
		seen, err := r.Rows(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return looks, nil
			}
			return looks, err
		}
		l := check.OrderLook{Replica: r.Name}
		for writer, rows := range seen {
			l.Rows += rows.Rows
			l.Gaps += rows.Highest - rows.Rows
			l.Back += max(highest[writer]-rows.Highest, 0)
			highest[writer] = max(highest[writer], rows.Highest)
		}
		looks = append(looks, l)
		if time.Since(applier) < applierEvery {
			continue
		}
		applier = time.Now()
		times, err := r.Applied(ctx)
		if err != nil && ctx.Err() == nil {
			return looks, err
		}
		for _, t := range times {
			rec.Sample(t.At, "applier_ms", r.Name, float64(t.After.Microseconds())/1000)
		}
	}
}

// received waits until every replica has applied what the source has executed
// by now, and counts what is there.
func (s *servers) received(ctx context.Context, acked []int) ([]check.Received, error) {
	set, err := s.source.GTIDs(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]check.Received, len(s.replicas))
	err = s.each(func(i int, r *probe.DB) error {
		ok, err := r.WaitGTIDs(ctx, set, catchUpLimit)
		if err != nil {
			return err
		}
		rows, err := r.Rows(ctx)
		if err != nil && ok { // one that is behind may not even have the table
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

// lagTape records lag and keeps it for judging, in milliseconds.
type lagTape struct {
	rec *lab.Recorder
	mu  sync.Mutex
	ms  map[string][]float64
}

func newLagTape(rec *lab.Recorder) *lagTape {
	return &lagTape{rec: rec, ms: make(map[string][]float64)}
}

func (t *lagTape) add(b probe.Beat) {
	ms := float64(b.Lag.Microseconds()) / 1000
	t.rec.Sample(b.Seen, "lag_ms", b.Replica, ms)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ms[b.Replica] = append(t.ms[b.Replica], ms)
}

func (t *lagTape) byReplica() map[string][]float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	by := make(map[string][]float64, len(t.ms))
	for k, v := range t.ms {
		by[k] = slices.Clone(v)
	}
	return by
}

// all is every replica's lag, sorted.
func (t *lagTape) all() []float64 {
	var all []float64
	for _, ms := range t.byReplica() {
		all = append(all, ms...)
	}
	slices.Sort(all)
	return all
}
