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
	Clients: 50, Rate: 1000,
	Before: 2 * time.Second, During: 2500 * time.Millisecond, Recover: 20 * time.Second,
	Settle: 300 * time.Millisecond, After: 1500 * time.Millisecond,
	Least: 300,
}

// lostAllowance is for how many turns lost at the dead instance the window of
// the fault is long enough: two probes of it for each worker of the balancer, and
// the connections that it took with it.
const lostAllowance = 12

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
// The load before, during and after is held against each other (see
// check.WindowsOf): without a steady load before, or a fault that met it, the
// scenario is unknown.
//
// Metrics: worst_ms is the slowest request of the whole scenario; detect_ms and
// detect_log_ms run from asking for the fault to the first bad sign at a client
// and in the balancer's log, recover_ms from asking for the healing to the load
// being as before. restored_ms
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
		Judge: judgeAppFailover,
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
	part, err := fit(ctx, env, rec, plan.Rate, 0, plainShare)
	if err != nil {
		return err
	}
	plan.Rate *= part
	names, err := addresses(ctx, env)
	if err != nil {
		return err
	}
	rec.Fact(factPlan, plan)
	// Windows are stretched until the shares in them can be told, should the
	// machine be busy: with as many requests under way at both edges as can be.
	expected := sharesOf(env.Topology)
	expected.Edge = 2 * plan.Clients
	// How many turns the dead instance will take is known only afterwards, from
	// the log; each widens the bound, and with it the answers that it takes.
	expected.Taken = map[string]int{victim.Service: lostAllowance}
	stretched := plan
	stretched.Least = max(plan.Least, expected.Least(), expected.Without(victim.Service).Least())
	rec.Step("%d connections ask %s, %.0f times a second together; %v go by before anything is broken.", plan.Clients, env.Topology.Paths.Home, plan.Rate, plan.Before)
	started := time.Now()
	running, err := load.Start(ctx, load.Options{
		Name: "requests", URL: base + env.Topology.Paths.Home, Identity: env.Topology.Balancer.IdentityHeader,
		Clients: plan.Clients, Rate: plan.Rate, Timeout: answerTime, Limit: 2 * time.Minute,
		OnSample: recordTo(rec), Forget: true,
	})
	if err != nil {
		return err
	}
	defer running.Stop()
	if err := breakAndHeal(ctx, rec, map[string]int{"requests": stretched.Least}, fault, stretched); err != nil {
		return err
	}
	share := expected.Expected(victim.Service)
	rec.Step("%s runs again. The load goes on until it answers its share (%.0f %%) again.", victim.Service, share*100)
	healing, back, ok, err := awaitShare(ctx, rec, victim.Service, share, plan.Recover)
	if err != nil {
		return err
	}
	if ok {
		rec.Step("It does, since %d ms after the healing was asked for; the load goes on for %v more.", (back - healing).Milliseconds(), plan.After)
		if err := observe(ctx, "the load after the recovery", plan.After+plan.Settle, enough(rec, "requests", plan.settled(back), stretched.Least)); err != nil {
			return err
		}
	}
	rec.Mark(markEnd)
	running.Stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	return recordServed(ctx, env, rec, started, names)
}

// settled is when the window after a recovery begins.
func (p failoverPlan) settled(back time.Duration) time.Duration {
	return back + check.RecoveryWindow + p.Settle
}

func judgeAppFailover(seen *lab.ScenarioRun, t *lab.Topology) (j lab.Judgement, err error) {
	plan, err := lab.ReadFact[failoverPlan](seen, factPlan)
	if err != nil {
		return j, err
	}
	f, err := timesOf(seen)
	if err != nil {
		return j, err
	}
	victim := heaviest(t)
	reqs := seen.Requests
	back, ok := check.Recovered(reqs, victim.Service, sharesOf(t).Expected(victim.Service), f.healing)
	settled := plan.settled(back)
	windows := windowsOf(seen, reqs, f)
	log := check.Join(reqs, seen.Served)
	good := 0 // answers since the healing was asked for
	for _, n := range check.AnsweredBetween(reqs, f.healing, f.end) {
		good += n
	}
	j.Check(
		check.Enough("the windows carry a claim", windows, plan.Least),
		check.FaultWasSeen("the fault met the load", windows),
		check.NoFailures("nothing failed", "requests", reqs, plan.Least),
		check.TakenOver("the others take over", victim.Service, check.AnsweredWithin(reqs, victim.Service, f.inEffect, f.healing), window(t, seen, log, f.inEffect, f.healing)),
		check.CameBackAmong("it comes back", victim.Service, good, f.healing, back, ok, plan.Recover),
	)
	if ok {
		j.Check(window(t, seen, log, settled, f.end).Judge("shares are restored"))
		j.Metric("restored_ms", ms(back-f.healing))
	}
	bothViews(&j, t, log)
	j.Table(windows.Table())
	j.Metrics = append(j.Metrics, windows.Metrics()...)
	j.Metric("requests", float64(len(reqs)))
	j.Metric("failed", float64(check.Failures(reqs)))
	j.Metric("worst_ms", ms(check.Worst(reqs)))
	return j, nil
}

// heaviest is the instance with the greatest weight, the first of equals.
func heaviest(t *lab.Topology) lab.Instance {
	return slices.MaxFunc(t.Instances, func(a, b lab.Instance) int { return a.Weight - b.Weight })
}

// awaitShare waits until an instance gives its share of the answers again, and
// says since when, and when the healing was asked for. False when it does not
// within the limit: that is a finding, told by a check.
func awaitShare(ctx context.Context, rec *lab.Recorder, service string, share float64, limit time.Duration) (healing, back time.Duration, ok bool, err error) {
	_ = until(ctx, fmt.Sprintf("%s to answer its share again", service), limit, func(context.Context) (bool, error) {
		seen := rec.Seen()
		healing, _ = seen.PhaseAt(lab.FaultHealing)
		back, ok = check.Recovered(seen.Requests, service, share, healing)
		return ok, nil
	})
	return healing, back, ok, ctx.Err()
}

// window is what was answered to the requests sent in [from, to), and what the
// balancer's log (when there is one) says of the turns in it.
func window(t *lab.Topology, seen *lab.ScenarioRun, log *check.Joined, from, to time.Duration) check.Shares {
	s := sharesOf(t)
	s.Counts = check.AnsweredBetween(seen.Requests, from, to)
	s.Edge = check.UnderWay(seen.Requests, from) + check.UnderWay(seen.Requests, to)
	s.Taken = log.Taken(from, to)
	return s
}
