package scenarios

import (
	"context"
	"fmt"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
)

// How coordinated-omission asks. At the same rate both loops are far from what
// the stack can carry; the pause is more than one per cent of the open loop and
// less than one per cent of the closed one's requests.
const (
	omissionRate    = 200.0 // requests/s, of both loops
	omissionClients = 8     // of the closed loop
	omissionBefore  = 3 * time.Second
	omissionPause   = time.Second
	omissionAfter   = 3 * time.Second
	omissionLeast   = 400 // requests of each loop
)

// The loads of coordinated-omission, named after their loops.
const (
	loadClosed = "closed"
	loadOpen   = "open"
)

// CoordinatedOmission freezes the balancer for a second, once under a closed
// loop and once under an open one of the same rate.
//
// Hypothesis: both loops meet the same pause, and only the open loop's
// percentiles show it. The fault is a frozen balancer (docker pause): the kernel
// still accepts connections, and nobody answers.
//
// Asserted: that the p99 of the open loop, from the moment at which each request
// was due, is greater than that of the closed one, although both waited for the
// pause. How many requests the closed loop never sent is told.
//
// Not asserted: anything about the stack. It is the measuring that is looked at.
func CoordinatedOmission() lab.Scenario {
	return lab.Scenario{
		Name:       "coordinated-omission",
		Title:      "The same pause under a closed and an open loop",
		Hypothesis: "A closed loop hides most of a pause from its percentiles, since it asks nothing while it waits; an open loop at the same rate shows it.",
		Fault:      fmt.Sprintf("The balancer is frozen for %v, twice: once under each loop.", omissionPause),
		NotClaimed: "Anything about the stack: what is looked at is the way of measuring.",
		Needs:      lab.Needs{Balancer: true, Instances: 1},
		Charts:     []lab.Chart{lab.ChartOmission},
		Limit:      2 * time.Minute,
		ByName:     true,
		Run:        runOmission,
		Judge:      judgeOmission,
	}
}

func runOmission(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	base, err := env.BalancerURL(ctx)
	if err != nil {
		return err
	}
	length := omissionBefore + omissionPause + omissionAfter
	rec.Step("A closed loop: %d clients together ask %.0f times a second; in the middle %s is frozen for %v.", omissionClients, omissionRate, env.Topology.Balancer.Service, omissionPause)
	closed, err := load.Start(ctx, load.Options{
		Name: loadClosed, URL: base + env.Topology.Paths.Home, Identity: env.Topology.Balancer.IdentityHeader,
		Clients: omissionClients, Rate: omissionRate, Timeout: answerTime, Limit: 2 * length, OnSample: recordTo(rec),
	})
	if err != nil {
		return err
	}
	defer closed.Stop()
	if err := pauseBalancer(ctx, env, rec); err != nil {
		return err
	}
	closed.Stop()
	rec.Step("An open loop of the same rate, and the same pause.")
	users, err := visitors(ctx, env, rec, "home", int(4*omissionRate))
	if err != nil {
		return err
	}
	open, err := load.Open(ctx, load.OpenOptions{
		Name: loadOpen, Identity: env.Topology.Balancer.IdentityHeader, Users: users, Workers: len(users),
		Rate: omissionRate, Timeout: answerTime, Limit: 2 * length, OnSample: recordTo(rec),
	})
	if err != nil {
		return err
	}
	defer open.Stop()
	if err := pauseBalancer(ctx, env, rec); err != nil {
		return err
	}
	open.Stop()
	return ctx.Err()
}

// pauseBalancer lets a load go by, freezes the balancer, and lets it go by
// again.
func pauseBalancer(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	fault, err := env.Stack.NewFault(lab.FaultSpec{Kind: "pause", Service: env.Topology.Balancer.Service})
	if err != nil {
		return err
	}
	if err := observe(ctx, "the load before the pause", omissionBefore, nil); err != nil {
		return err
	}
	if err := rec.Inject(ctx, fault); err != nil {
		return err
	}
	if err := observe(ctx, "the pause", omissionPause, nil); err != nil {
		return err
	}
	if err := rec.Heal(ctx, fault); err != nil {
		return err
	}
	return observe(ctx, "the load after the pause", omissionAfter, nil)
}

func judgeOmission(seen *lab.ScenarioRun, _ *lab.Topology) (j lab.Judgement, err error) {
	loops := make([]check.Paused, 0, 2)
	for i, name := range []string{loadClosed, loadOpen} {
		p := check.Paused{Requests: check.OfLoad(seen.Requests, name)}
		if p.From, err = nthPhase(seen, lab.FaultInEffect, i); err != nil {
			return j, err
		}
		if p.To, err = nthPhase(seen, lab.FaultHealing, i); err != nil {
			return j, err
		}
		loops = append(loops, p)
	}
	o := check.OmissionOf(loops[0], loops[1])
	j.Check(
		check.OmissionShown("the open loop shows what the closed one hides", o, omissionLeast),
		check.NoFailures("nothing failed", "requests", seen.Requests, 2*omissionLeast),
	)
	j.Table(o.Table())
	j.Metric("closed_p99_ms", o.Closed.P99)
	j.Metric("open_p99_ms", o.FromDue.P99)
	j.Metric("unsent", o.Missing)
	return j, nil
}
