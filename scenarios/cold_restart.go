package scenarios

import (
	"context"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// coldPlan is what cold-restart does.
type coldPlan struct {
	Writes float64       `json:"writes"`    // products registered a second at most
	Before time.Duration `json:"before_ns"` // of writing
	Least  int           `json:"least"`     // acknowledged writes before
	Watch  time.Duration `json:"watch_ns"`  // the servers are watched after all are up
	Limit  time.Duration `json:"limit_ns"`  // for a write to be acknowledged again
}

var coldRestart = coldPlan{Writes: 40, Before: 2 * time.Second, Least: 50, Watch: 3 * time.Second, Limit: 60 * time.Second}

const (
	factWriters = "writers" // []check.WriterLook
	factAgain   = "writable again"
	leastLooks  = 5
	lookAtEvery = 300 * time.Millisecond
)

// againFact is when a write was acknowledged again after the restart.
type againFact struct {
	Done  bool          `json:"done"`
	Took  time.Duration `json:"took_ns"` // since all services were healthy
	Start time.Duration `json:"start_ns"`
}

// ColdRestart kills the whole stack at once, under writes, and starts all of it
// again, as after a power cut in the room.
//
// Hypothesis: all that was acknowledged is there, and exactly one server becomes
// writable, without anybody's help.
//
// Simplifications: the machine lives, so what the servers had handed to the
// kernel is not lost as it would be in a power cut; the source waits for the
// disk at each commit, the replicas do not. Files on a tmpfs (slave3's relay log)
// are lost. All services are started at the same moment, in no order.
//
// Bound: every acknowledged write is at every server after it has caught up. At
// no look are two servers writable, and in the end one is. A write is
// acknowledged again within 60 s of all services being healthy. Both threads of
// every replica run and none has a transaction of its own.
//
// Not asserted: how long the start takes, and what a lost disk means.
func ColdRestart() lab.Scenario {
	return lab.Scenario{
		Name:       "cold-restart",
		Title:      "Everything is killed at once and started again, nothing is lost",
		Hypothesis: "After all services were killed at once under writes and started again, everything acknowledged is there and exactly one database server has become writable by itself.",
		Fault:      "SIGKILL to every container of the stack at once; later all are started at once. The machine lives, so no cache of the kernel is lost; tmpfs are.",
		NotClaimed: "A real power cut, lost disks, and how long the start takes.",
		Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 1, Login: true},
		Charts:     []lab.Chart{lab.ChartTimeline},
		Limit:      6 * time.Minute,
		ByName:     true,
		Run: func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
			return runColdRestart(ctx, env, rec, coldRestart)
		},
		Judge: judgeColdRestart,
	}
}

func runColdRestart(ctx context.Context, env *lab.Env, rec *lab.Recorder, plan coldPlan) error {
	rec.Fact(factPlan, plan)
	m, err := member(ctx, env)
	if err != nil {
		return err
	}
	defer m.Close()
	made := new(products)
	rec.Cleanup("delete the registered products", cleanUpLimit, func(ctx context.Context) error {
		c, err := member(ctx, env) // the balancer has another port since
		if err != nil {
			return err
		}
		return made.delete(rec, c, env.Topology.Paths.Products)(ctx)
	})
	rec.Step("%d writers register products, %.0f a second together.", writerCount, plan.Writes)
	w := startWriters(ctx, env, rec, m, made, plan.Writes)
	defer w.stop()
	began := rec.Mark(markBefore)
	if err := observe(ctx, "the writing before", plan.Before, enough(rec, loadWrites, began, plan.Least)); err != nil {
		return err
	}
	all := env.Stack.Services()
	rec.Step("Now all %d services are killed at once.", len(all))
	faults, err := injectAll(ctx, env, rec, killsOf(all))
	w.stop()
	if err != nil {
		return err
	}
	rec.Step("All are started again at once.")
	looks := watchWriters(ctx, env, rec)
	err = healTogether(ctx, rec, faults)
	if err == nil {
		err = writeAgain(ctx, env, rec, made, plan.Limit)
	}
	if err == nil {
		err = observe(ctx, "the servers", plan.Watch, nil)
	}
	rec.Fact(factWriters, looks())
	rec.Mark(markEnd)
	if err != nil {
		return err
	}
	if err := settle(ctx, env, rec, settleLimit); err != nil {
		return err
	}
	rec.Step("Every server is asked which of the writes it holds, after it has caught up.")
	return recordFoundEverywhere(ctx, env, rec)
}

// watchWriters looks again and again which servers can be written to; stop gives
// the looks.
func watchWriters(ctx context.Context, env *lab.Env, rec *lab.Recorder) (stop func() []check.WriterLook) {
	var mu sync.Mutex
	type state struct {
		at       time.Time
		writable bool
	}
	states := make(map[string]state)
	unwatch := watchServers(ctx, env, lookAtEvery, func(ctx context.Context, db *probe.DB) error {
		st, err := db.Writable(ctx)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			delete(states, db.Name)
			return err
		}
		states[db.Name] = state{time.Now(), st}
		return nil
	})
	// A look is what the servers have answered within the last two rounds.
	var looks []check.WriterLook
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(lookAtEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				l := check.WriterLook{At: rec.At(now)}
				mu.Lock()
				for _, name := range databaseServers(env.Topology) {
					if s, ok := states[name]; ok && now.Sub(s.at) < 2*lookAtEvery {
						l.Answered++
						if s.writable {
							l.Writable = append(l.Writable, name)
						}
					}
				}
				mu.Unlock()
				looks = append(looks, l)
			}
		}
	}()
	return func() []check.WriterLook {
		close(done)
		<-over
		unwatch()
		return looks
	}
}

// writeAgain registers a product as soon as that works, and records the write.
func writeAgain(ctx context.Context, env *lab.Env, rec *lab.Recorder, made *products, limit time.Duration) error {
	from := time.Now()
	f := againFact{Start: rec.At(from)}
	m, err := member(ctx, env)
	if err != nil {
		return err
	}
	defer m.Close()
	one := &writer{
		client: m, path: env.Topology.Paths.Products, key: env.Topology.IdempotencyHeader,
		rec: rec, made: made, prefix: probe.NewID("LAB-"),
	}
	defer func() { rec.Fact(factAgain, f) }()
	for n := 0; time.Since(from) < limit && ctx.Err() == nil; n++ {
		if one.register(ctx, one.code(n)) == lab.Acknowledged {
			f.Done, f.Took = true, time.Since(from)
			return nil
		}
		wait(ctx, writePause)
	}
	return ctx.Err()
}

func judgeColdRestart(seen *lab.ScenarioRun, t *lab.Topology) (j lab.Judgement, err error) {
	plan, err := lab.ReadFact[coldPlan](seen, factPlan)
	if err != nil {
		return j, err
	}
	looks, err := lab.ReadFact[[]check.WriterLook](seen, factWriters)
	if err != nil {
		return j, err
	}
	again, err := lab.ReadFact[againFact](seen, factAgain)
	if err != nil {
		return j, err
	}
	states, err := lab.ReadFact[[]check.Replica](seen, factAfter)
	if err != nil {
		return j, err
	}
	book := check.LedgerOf(seen.Writes, seen.Found)
	f := check.FaultTimesOf(seen.Faults)
	acked := len(book.With(lab.Acknowledged))
	j.Check(
		check.Killed("everything was killed under writes", f, seen.Writes, plan.Least),
		check.OneWriterInTheEnd("exactly one server becomes writable", looks, len(databaseServers(t)), leastLooks),
		check.NothingLost("no acknowledged write is lost", book),
		check.NotDuplicated("no write is there twice", book),
		check.RefusedNotApplied("what was refused is not there", book),
		check.WritableAgain("writes are acknowledged again", again.Done, again.Took, plan.Limit),
		check.Threads("replication runs at every replica again", states),
		check.NoErrant("no errant transactions", states),
	)
	j.Table(book.Table())
	j.Metric("writes", float64(acked))
	j.Metric("lost", float64(len(book.Lost())))
	j.Metric("unsure", float64(len(book.With(lab.Unsure))))
	j.Metric("unsure_applied", float64(len(book.UnknownApplied())))
	j.Metric("duplicated", float64(len(book.Duplicated())))
	if again.Done && f.Healing != check.Never {
		first := firstHealing(seen)
		j.Metric("start_ms", ms(again.Start-first))
		j.Metric("writable_ms", ms(again.Start+again.Took-first))
	}
	return j, nil
}

// firstHealing is when the first service was asked to start again.
func firstHealing(seen *lab.ScenarioRun) time.Duration {
	at, _ := phaseAt(seen, lab.FaultHealing)
	return at
}
