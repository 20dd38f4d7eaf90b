package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
	"inventariolab/lab/probe"
)

// replicaFailover is the plan of the replica-failover scenario: its clients
// read, writers beside them register products.
var replicaFailover = failoverPlan{
	clients: 20, rate: 200,
	before: 1500 * time.Millisecond, during: 2500 * time.Millisecond, recover: 20 * time.Second,
	after: time.Second,
	least: 50,
}

// The writers of replica-failover.
const (
	productWriters    = 3
	productsPerSecond = 10
	leastWrites       = 10
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
	}
}

func runReplicaFailover(ctx context.Context, env *lab.Env, rec *lab.Recorder, plan failoverPlan) (err error) {
	c, err := member(ctx, env)
	if err != nil {
		return err
	}
	defer c.Close()
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

	rec.Step("%d connections read the products through the API, %.0f times a second together; %d more register products with codes of their own, %d a second. %v go by before anything is broken.",
		plan.clients, plan.rate, productWriters, productsPerSecond, plan.before)
	t := newTape(rec)
	reads, writes, err := startUsers(ctx, env, c, t, plan)
	if err != nil {
		return err
	}
	defer func() {
		reads.Stop()
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
		defer cancel()
		if derr := forget(clean, rec, c, env.Topology.Paths.Products, writes.Stop()); derr != nil && err == nil {
			err = derr
		}
	}()
	f, err := breakAndHeal(ctx, rec, t, "reads", fault, plan)
	if err != nil {
		return err
	}
	rec.Step("%s runs again. It has to apply what the source has executed by now.", victim)
	catchUp, caughtUp, err := catchUpTime(ctx, env, source, victim, plan.recover)
	if err != nil {
		return err
	}
	if err := observe(ctx, "the load after the catch-up", plan.after, nil); err != nil {
		return err
	}
	reads.Stop()
	made := writes.Stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	ledger := newLedger(made)
	rec.Step("%d products were acknowledged, %d were not. Each acknowledged one is looked for by SQL, at the source and at %s.", len(ledger.acked), ledger.refused, victim)
	missing, err := findAcked(ctx, env, source, victim, ledger.acked, plan.recover)
	if err != nil {
		return err
	}
	all := t.all()
	read, wrote := check.OfLoad(all, "reads"), check.Good(check.OfLoad(all, "writes"))
	rec.Check(
		check.Load("reads went on", plan.least,
			check.LoadWindow{Name: "before", Requests: len(check.Sent(read, f.began, f.asked))},
			check.LoadWindow{Name: "during", Requests: len(check.Sent(read, f.inEffect, f.healing))}),
		check.Load("writes went on", leastWrites,
			check.LoadWindow{Name: "before", Requests: len(check.Sent(wrote, f.began, f.asked))},
			check.LoadWindow{Name: "during", Requests: len(check.Sent(wrote, f.inEffect, f.healing))}),
		check.NoFailures("no read failed", "reads", read, plan.least),
		check.CaughtUp("the replica catches up", victim, catchUp, caughtUp, plan.recover),
		check.NothingMissing("nothing is missing", len(ledger.acked), missing),
	)
	rec.Metric("reads", float64(len(read)))
	rec.Metric("failed_reads", float64(check.Failures(read)))
	rec.Metric("writes", float64(len(ledger.acked)))
	if caughtUp {
		rec.Metric("catchup_ms", ms(catchUp))
	}
	rec.Metric("rows_missing", float64(missing[source.Name]+missing[victim]))
	return nil
}

// startUsers starts readers and writers of products, with the client's login.
func startUsers(ctx context.Context, env *lab.Env, c *probe.Client, t *tape, plan failoverPlan) (reads, writes *load.Running, err error) {
	url := c.URL(env.Topology.Paths.Products)
	header := http.Header{"Cookie": {c.Cookie()}, "Accept": {"application/json"}}
	common := load.Options{
		Identity: env.Topology.Balancer.IdentityHeader, Timeout: answerTime, Limit: 4 * time.Minute,
		OnSample: func(s load.Sample) { t.add(s.Sent, s.Event()) },
	}
	r := common
	r.Name, r.URL, r.Header, r.Clients, r.Rate = "reads", url, header, plan.clients, plan.rate
	if reads, err = load.Start(ctx, r); err != nil {
		return nil, nil, err
	}
	prefix := probe.NewID("LAB-")
	post := header.Clone()
	post.Set("Content-Type", "application/json")
	w := common
	w.Name, w.Clients, w.Rate, w.KeepBody = "writes", productWriters, productsPerSecond, true
	w.Next = func(n int) load.Request {
		code := fmt.Sprintf("%s-%05d", prefix, n)
		return load.Request{Method: http.MethodPost, URL: url, Header: post, Body: probe.ProductBody(code), Tag: code}
	}
	if writes, err = load.Start(ctx, w); err != nil {
		reads.Stop()
		return nil, nil, err
	}
	return reads, writes, nil
}

// catchUpTime waits until a replica has applied what the source has executed
// now. False when it has not within the limit.
func catchUpTime(ctx context.Context, env *lab.Env, source *probe.DB, replica string, limit time.Duration) (time.Duration, bool, error) {
	from := time.Now()
	set, err := source.GTIDs(ctx)
	if err != nil {
		return 0, false, err
	}
	// Its published port may be another one since the restart.
	r, err := openDB(ctx, env, replica)
	if err != nil {
		return 0, false, err
	}
	defer r.Close()
	ok, err := r.WaitGTIDs(ctx, set, limit)
	return time.Since(from), ok, err
}

// ledger is what became of the writes.
type ledger struct {
	acked   []string // codes, status 201
	refused int      // another status or no answer
}

func newLedger(made []load.Sample) ledger {
	var l ledger
	for _, s := range made {
		if s.Err == nil && s.Status == http.StatusCreated {
			l.acked = append(l.acked, s.Tag)
		} else {
			l.refused++
		}
	}
	return l
}

// findAcked counts the acknowledged codes that are not at the source, and those
// that are not at the replica after it has applied all that the source has.
func findAcked(ctx context.Context, env *lab.Env, source *probe.DB, replica string, acked []string, limit time.Duration) (map[string]int, error) {
	missing := make(map[string]int)
	if len(acked) == 0 {
		return missing, nil // judged by the check: nothing was shown
	}
	column, ok, err := findColumn(ctx, source, acked)
	if err != nil {
		return nil, err
	}
	if !ok {
		missing[source.Name], missing[replica] = len(acked), len(acked)
		return missing, nil
	}
	r, err := openDB(ctx, env, replica)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	set, err := source.GTIDs(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := r.WaitGTIDs(ctx, set, limit); err != nil {
		return nil, err
	}
	for _, db := range []*probe.DB{source, r} {
		found, err := db.FindCodes(ctx, column, acked)
		if err != nil {
			return nil, err
		}
		missing[db.Name] = len(acked) - len(found)
	}
	return missing, nil
}

// findColumn finds where the app keeps the codes, by looking for one of them:
// the first may just be the one that is missing.
func findColumn(ctx context.Context, source *probe.DB, acked []string) (probe.Column, bool, error) {
	for _, code := range []string{acked[0], acked[len(acked)/2], acked[len(acked)-1]} {
		c, ok, err := source.FindColumn(ctx, code)
		if ok || err != nil {
			return c, ok, err
		}
	}
	return probe.Column{}, false, nil
}

// forgetters is how many products are deleted at a time.
const forgetters = 4

// forget deletes the products that were made, through the API.
func forget(ctx context.Context, rec *lab.Recorder, c *probe.Client, path string, made []load.Sample) error {
	var products []probe.Product
	for _, s := range made {
		if s.Status != http.StatusCreated {
			continue
		}
		p, err := probe.ParseProduct(s.Body)
		if err != nil {
			return err
		}
		products = append(products, p)
	}
	if len(products) == 0 {
		return nil
	}
	rec.Step("The %d products are deleted again.", len(products))
	var next atomic.Int64
	errs := make([]error, forgetters)
	var wg sync.WaitGroup
	for k := range forgetters {
		wg.Go(func() {
			twin := c.Twin()
			defer twin.Close()
			for i := int(next.Add(1)) - 1; i < len(products); i = int(next.Add(1)) - 1 {
				if errs[k] = twin.Delete(ctx, path, products[i].ID); errs[k] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("put the products away: %w", err)
	}
	return nil
}
