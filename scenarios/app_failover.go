package scenarios

import (
	"context"
	"fmt"
	"slices"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
)

// appFailover is the plan of the app-failover scenario. The rate keeps two
// cores from being saturated: under a saturated load the slowest answer would
// tell of the queue, not of the fault.
var appFailover = failoverPlan{
	clients: 50, rate: 1000,
	before: 1500 * time.Millisecond, during: 2500 * time.Millisecond, recover: 20 * time.Second,
	settle: 300 * time.Millisecond, after: 1500 * time.Millisecond,
	least: 300,
}

// AppFailover kills the heaviest app instance under the load of 50 connections
// and starts it again.
//
// Hypothesis: nobody notices. The fault is a kill (SIGKILL) of one container:
// its address refuses connections at once. It is the kindest way to die; a
// frozen or unreachable instance is harder to tell from a slow one.
//
// Bound: none of the requests fails, over the whole scenario. While the
// instance is dead it answers nothing and the others share its traffic by
// their weights; after it is back, all shares are the weights again. The bound
// on shares is the rotation's, widened by the requests under way at the edges
// of a window (counted) and, while the instance is dead, by two answers for
// each turn that the access log shows was lost there.
//
// Metrics: worst_ms is the slowest request of the whole scenario. recover_ms
// runs from the moment at which the healing was asked for to the sending of the
// first request from which on, over half a second, the instance answers at
// least 90 % of its share; it contains the container's start and the
// balancer's fail_timeout.
//
// Not asserted: how slow the slowest request may be (make bench looks at
// that), two instances dying together, requests that are not idempotent.
func AppFailover() lab.Scenario {
	return lab.Scenario{
		Name:       "app-failover",
		Title:      "An app instance dies and comes back, nobody notices",
		Hypothesis: "Under 50 connections the heaviest instance is killed and comes back: no request fails, the others take over its traffic, and it gets its share back.",
		Fault:      "SIGKILL of the instance's container; later the container is started again. Its port refuses connections meanwhile: it neither hangs nor loses packets.",
		NotClaimed: "Frozen or unreachable instances, several at once, requests that may not be repeated, and any bound on the slowest answer.",
		Needs:      lab.Needs{Balancer: true, Instances: 2},
		Charts:     []lab.Chart{lab.ChartTimeline},
		Limit:      2 * time.Minute,
		Run: func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
			return runAppFailover(ctx, env, rec, appFailover)
		},
	}
}

func runAppFailover(ctx context.Context, env *lab.Env, rec *lab.Recorder, plan failoverPlan) error {
	base, err := env.BalancerURL(ctx)
	if err != nil {
		return err
	}
	victim := heaviest(env.Topology)
	fault, err := env.Stack.NewFault(lab.FaultSpec{Kind: "kill", Service: victim.Service})
	if err != nil {
		return err
	}
	names, err := addresses(ctx, env)
	if err != nil {
		return err
	}
	// Windows are stretched until the shares in them can be told, should the
	// machine be busy: with as many requests under way at both edges as can be.
	expected := sharesOf(env.Topology)
	expected.Edge = 2 * plan.clients
	enough := plan
	enough.least = max(plan.least, expected.Least(), expected.Without(victim.Service).Least())
	t := newTape(rec)
	rec.Step("%d connections ask %s, %.0f times a second together; %v go by before anything is broken.", plan.clients, env.Topology.Paths.Home, plan.rate, plan.before)
	started := time.Now()
	running, err := load.Start(ctx, load.Options{
		Name: "requests", URL: base + env.Topology.Paths.Home, Identity: env.Topology.Balancer.IdentityHeader,
		Clients: plan.clients, Rate: plan.rate, Timeout: answerTime, Limit: 2 * time.Minute,
		OnSample: func(s load.Sample) { t.add(s.Sent, s.Event()) },
	})
	if err != nil {
		return err
	}
	defer running.Stop()
	f, err := breakAndHeal(ctx, rec, t, "requests", fault, enough)
	if err != nil {
		return err
	}
	share := expected.Expected(victim.Service)
	rec.Step("%s runs again. The load goes on until it answers its share (%.0f %%) again.", victim.Service, share*100)
	back, ok, err := awaitShare(ctx, t, victim.Service, share, f.healing, plan.recover)
	if err != nil {
		return err
	}
	settled := back + check.RecoveryWindow + plan.settle
	if ok {
		rec.Step("It does, since %d ms after the healing was asked for; the load goes on for %v more.", (back - f.healing).Milliseconds(), plan.after)
		if err := observe(ctx, "the load after the recovery", plan.after+plan.settle, t.enough("requests", settled, enough.least)); err != nil {
			return err
		}
	}
	end := t.at(time.Now())
	running.Stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	reqs := t.all()
	before := check.Sent(reqs, f.began, f.asked)
	during := check.Sent(reqs, f.inEffect, f.healing)
	after := check.Sent(reqs, settled, end)

	log, err := logOf(ctx, env, started, reqs, names)
	if err != nil {
		return err
	}
	rec.Check(
		check.Load("there was load", plan.least, check.LoadWindow{Name: "before", Requests: len(before)}, check.LoadWindow{Name: "during", Requests: len(during)}),
		check.NoFailures("nothing failed", "requests", reqs, plan.least),
		check.TakenOver("the others take over", victim.Service, window(env.Topology, t, reqs, log, f.inEffect, f.healing)),
		check.CameBack("it comes back", victim.Service, check.Sent(reqs, f.healing, end), f.healing, back, ok, plan.recover),
	)
	if ok {
		rec.Check(
			check.Load("there was load after", plan.least, check.LoadWindow{Name: "after", Requests: len(after)}),
			window(env.Topology, t, reqs, log, settled, end).Judge("shares are restored"),
		)
		rec.Metric("recover_ms", ms(back-f.healing))
	}
	rec.Metric("requests", float64(len(reqs)))
	rec.Metric("failed", float64(check.Failures(reqs)))
	rec.Metric("worst_ms", ms(check.Worst(reqs)))
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// heaviest is the instance with the greatest weight, the first of equals.
func heaviest(t *lab.Topology) lab.Instance {
	return slices.MaxFunc(t.Instances, func(a, b lab.Instance) int { return a.Weight - b.Weight })
}

// awaitShare waits until an instance gives its share of the answers again, and
// says since when. False when it does not within the limit.
func awaitShare(ctx context.Context, t *tape, service string, share float64, from time.Duration, limit time.Duration) (back time.Duration, ok bool, err error) {
	err = until(ctx, fmt.Sprintf("%s to answer its share again", service), limit, func(context.Context) (bool, error) {
		back, ok = check.Recovered(t.since(from), service, share, from)
		return ok, nil
	})
	if cerr := ctx.Err(); cerr != nil {
		return 0, false, cerr
	}
	if err != nil {
		return t.at(time.Now()), false, nil // it took too long: a finding, told by a check
	}
	return back, ok, nil
}

// window is what was answered to the requests sent in [from, to), and what the
// balancer's log (nil without one) says of the turns in it.
func window(t *lab.Topology, tp *tape, reqs []check.Req, log *turns, from, to time.Duration) check.Shares {
	s := sharesOf(t)
	s.Counts = check.Answered(check.Sent(reqs, from, to))
	s.Edge = check.UnderWay(reqs, from) + check.UnderWay(reqs, to)
	if log != nil {
		s.Taken = log.taken(tp.rec.Start().Add(from), tp.rec.Start().Add(to))
	}
	return s
}

// logOf reads what the balancer's log says about the answered requests; nil
// when there is none. names maps addresses to services as they were before the
// fault, since a container may get another one.
func logOf(ctx context.Context, env *lab.Env, since time.Time, reqs []check.Req, names map[string]string) (*turns, error) {
	if !env.Topology.Balancer.AccessLog {
		return nil, nil
	}
	want := ids(slices.DeleteFunc(slices.Clone(reqs), func(r check.Req) bool { return r.Value.Status == 0 }))
	entries, err := accessLog(ctx, env, since, want)
	if err != nil {
		return nil, err
	}
	now, err := addresses(ctx, env)
	if err != nil {
		return nil, err
	}
	for address, service := range now {
		if _, ok := names[address]; !ok {
			names[address] = service
		}
	}
	t := readTurns(entries, want, names)
	return &t, nil
}
