package scenarios

import (
	"context"
	"fmt"
	"strings"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// How the balancer is reloaded.
const (
	refusedFor   = 5 * time.Second  // with the broken file
	reloads      = 3                // good ones, one after the other
	reloadPause  = 3 * time.Second  // load between two
	reloadLimit  = 30 * time.Second // for new workers; no claim, a busy engine takes seconds to start a command in a container
	reloadVisits = 600              // requests/s
)

// factReloads is the fact that holds how many reloads were proven by new
// workers.
const factReloads = "reloads"

// BalancerReload reloads the balancer's configuration under load: first a
// broken one, then its repair, then the good one three times more.
//
// Hypothesis: a reload loses no request; a broken file changes nothing.
//
// Fault: bad-config, a line that NGINX does not know. It refuses the file, and
// goes on with the old one and the same workers (proven by its log and the
// workers' process ids). The good reloads are no fault: each is proven by new
// workers.
//
// Bound: no request of any load fails over the whole scenario; while the broken
// file lies there, and again after the last reload, the shares are the weights,
// within the rotation's own bound. Across a reload they may be off: the new
// workers begin a rotation while the old ones end theirs.
//
// Not asserted: live updates, which the old workers cut after 10 s, and a start
// with the broken file, which would fail.
func BalancerReload() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "balancer-reload",
			Title:      "The balancer reloads under load, and refuses what is broken",
			Hypothesis: "A reload under load fails nothing, and a broken configuration changes nothing: it is refused, and the balancer serves on with the same shares.",
			Fault:      "A line that NGINX does not know is put into its configuration, and it is told to reload; later the file is repaired and reloaded, and reloaded three times more.",
			NotClaimed: "Live updates, which the old workers cut after 10 s and browsers open again; a start with the broken file; the shares across a reload.",
			Needs:      lab.Needs{Balancer: true, AccessLog: true, Instances: 2, Login: true, Source: true, Replicas: 1},
			Limit:      3 * time.Minute,
		},
		plan: drillPlan{
			Visits: reloadVisits, Reads: 50, Edits: true, Share: appShare,
			Before: 2 * time.Second, After: 4 * time.Second, Least: 600,
		},
		breaks: breakReload,
		claims: claimReload,
	}.scenario()
}

func breakReload(ctx context.Context, x *exercise) error {
	service := x.env.Topology.Balancer.Service
	if err := x.breakFor(ctx, refusedFor, lab.FaultSpec{Kind: "bad-config", Service: service}); err != nil {
		return err
	}
	if err := x.hold(ctx, reloadPause); err != nil {
		return err
	}
	done := 1 // the repair
	for n := range reloads {
		x.rec.Step("Good reload %d of %d.", n+1, reloads)
		x.rec.Mark(fmt.Sprintf("reload %d", n+1))
		if err := reloadBalancer(ctx, x.env, service); err != nil {
			return err
		}
		done++
		x.rec.Mark("reloaded")
		if n == reloads-1 {
			break // the window after the mending follows
		}
		if err := observe(ctx, "the load after a reload", reloadPause, nil); err != nil {
			return err
		}
	}
	x.rec.Fact(factReloads, done)
	return nil
}

// balancerWorkers prints the ids of the balancer's workers that are not on their
// way out.
const balancerWorkers = `for p in /proc/[0-9]*; do
	case "$({ tr '\0' ' ' < "$p/cmdline"; } 2>/dev/null)" in *"shutting down"*) ;; "nginx: worker"*) echo "${p#/proc/}";; esac
done`

// reloadBalancer tells NGINX to reload and returns when new workers serve.
func reloadBalancer(ctx context.Context, env *lab.Env, service string) error {
	workers := func(ctx context.Context) ([]string, error) {
		out, err := env.Stack.Exec(ctx, service, "sh", "-c", balancerWorkers)
		return strings.Fields(out), err
	}
	old, err := workers(ctx)
	if err != nil {
		return err
	}
	if _, err := env.Stack.Exec(ctx, service, "nginx", "-e", "/dev/stderr", "-s", "reload"); err != nil {
		return fmt.Errorf("reload %s: %w", service, err)
	}
	return until(ctx, "the new workers of "+service, reloadLimit, func(ctx context.Context) (bool, error) {
		now, err := workers(ctx)
		return len(now) > 0 && !shareAny(now, old), err
	})
}

func shareAny(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

func claimReload(a *aftermath, j *lab.Judgement) error {
	inEffect, err := phaseAt(a.seen, lab.FaultInEffect)
	if err != nil {
		return err
	}
	healing, err := phaseAt(a.seen, lab.FaultHealing)
	if err != nil {
		return err
	}
	done, err := lab.ReadFact[int](a.seen, factReloads)
	if err != nil {
		return err
	}
	last, err := mark(a.seen, "reloaded") // the last one
	if err != nil {
		return err
	}
	settled := last + keepAliveMin
	visits := a.of(loadVisits)
	j.Check(
		check.NoFailures("no visit failed", "visits", visits, a.plan.Least*(reloads+1)),
		check.NoFailures("no read failed", "reads", a.of(loadReads), a.plan.Least/10),
		check.NoFailures("no edit failed", "edits", a.of(loadEdits), leastPairs),
		check.NoFailures("no read of a session failed", "session reads", a.of(loadLooks), leastPairs),
		window(a.topology, a.seen, a.log, inEffect, healing).Judge("the shares are the weights while the broken file lies there"),
		window(a.topology, a.seen, a.log, settled, a.end).Judge("the shares are the weights after the last reload"),
	)
	j.Metric("reloads", float64(done))
	return nil
}

// keepAliveMin is how long old workers of the reference balancer may still
// answer on connections that are kept alive (keepalive_min_timeout).
const keepAliveMin = 2 * time.Second
