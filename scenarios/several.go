package scenarios

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// injectAll breaks several services at once. It returns when every fault is
// proven; what was broken before an error is healed by the runner.
func injectAll(ctx context.Context, env *lab.Env, rec *lab.Recorder, specs []lab.FaultSpec) ([]lab.Fault, error) {
	faults := make([]lab.Fault, len(specs))
	for i, spec := range specs {
		f, err := env.Stack.NewFault(spec)
		if err != nil {
			return nil, err
		}
		faults[i] = f
	}
	return faults, together(faults, func(f lab.Fault) error { return rec.Inject(ctx, f) })
}

// healTogether heals faults at once: services that need each other come back
// only if none waits for another's healing.
func healTogether(ctx context.Context, rec *lab.Recorder, faults []lab.Fault) error {
	return together(faults, func(f lab.Fault) error { return rec.Heal(ctx, f) })
}

func together(faults []lab.Fault, do func(lab.Fault) error) error {
	errs := make([]error, len(faults))
	var wg sync.WaitGroup
	for i, f := range faults {
		wg.Go(func() { errs[i] = do(f) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// killsOf are faults that kill services.
func killsOf(services []string) []lab.FaultSpec {
	specs := make([]lab.FaultSpec, len(services))
	for i, s := range services {
		specs[i] = lab.FaultSpec{Kind: "kill", Service: s}
	}
	return specs
}

// cutsBetween are faults that cut a service off from each of some others.
func cutsBetween(service string, peers []string) []lab.FaultSpec {
	specs := make([]lab.FaultSpec, len(peers))
	for i, p := range peers {
		specs[i] = lab.FaultSpec{Kind: "partition", Service: service, Peer: p}
	}
	return specs
}

// databaseServers are the source and the replicas, by service.
func databaseServers(t *lab.Topology) []string {
	return append([]string{t.Database.Source}, t.Database.Replicas...)
}

// settle waits until replication runs at every replica and none has anything of
// its own, and records the states that it saw last, whatever they are.
func settle(ctx context.Context, env *lab.Env, rec *lab.Recorder, limit time.Duration) error {
	var states []check.Replica
	err := until(ctx, "replication at every replica", limit, func(ctx context.Context) (bool, error) {
		s, err := openServers(ctx, env)
		if err != nil {
			return false, err
		}
		defer s.close()
		states, err = s.states(ctx)
		return err == nil && replicates(states) && !slices.ContainsFunc(states, func(r check.Replica) bool { return r.Errant != "" }), err
	})
	if states == nil {
		return err // nobody could be asked
	}
	rec.Fact(factAfter, states)
	return ctx.Err()
}

// settleLimit is how long replication may take to run again everywhere.
const settleLimit = 30 * time.Second

// settled judges the states that settle has recorded.
func settled(a *aftermath, j *lab.Judgement) error {
	states, err := lab.ReadFact[[]check.Replica](a.seen, factAfter)
	if err != nil {
		return err
	}
	j.Check(check.Threads("replication runs at every replica again", states), check.NoErrant("no errant transactions", states))
	return nil
}

// sameContent compares every table of every replica with the source's and
// records it. Nothing may be written meanwhile.
func sameContent(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	s, err := openServers(ctx, env)
	if err != nil {
		return err
	}
	defer s.close()
	var c contentFact
	if c.Source, c.Replicas, c.Settled, err = s.content(ctx, foundLimit); err != nil {
		return err
	}
	rec.Fact(factContent, c)
	return nil
}

// selectsEvery is how often servers are asked how much was read from them.
const selectsEvery = 500 * time.Millisecond

// watchSelects records again and again how many SELECTs each database server has
// executed, until stop is called. A server that does not answer is asked again.
func watchSelects(ctx context.Context, env *lab.Env, rec *lab.Recorder) (stop func()) {
	return watchServers(ctx, env, selectsEvery, func(ctx context.Context, db *probe.DB) error {
		n, err := db.Selects(ctx)
		if err == nil {
			rec.Sample(time.Now(), check.Selects, db.Name, float64(n))
		}
		return err
	})
}

// watchServers calls look for each database server again and again. After an
// error it connects anew: a server that was started again has another port.
func watchServers(ctx context.Context, env *lab.Env, every time.Duration, look func(context.Context, *probe.DB) error) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, name := range databaseServers(env.Topology) {
		wg.Go(func() {
			var db *probe.DB
			defer func() {
				if db != nil {
					db.Close()
				}
			}()
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				if db == nil {
					db, _ = openDB(ctx, env, name)
				}
				if db != nil && look(ctx, db) != nil {
					db.Close()
					db = nil
				}
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}
