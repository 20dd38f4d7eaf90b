package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// How app-slow leaves an instance a part of its processor time.
const (
	slowPart = 0.1              // of what it uses under this load
	slowUse  = 3 * time.Second  // for how long its use is measured before
	slowFor  = 10 * time.Second // three of the balancer's turns of leaving it out (fail_timeout, 3 s), should it do so
)

// calm is how long the slowest request before the fault may take: what the bound
// leaves for another instance's answer.
const calm = frozenBound - readTimeout

// slowBack is how long the load may take to be as before: one fail_timeout of
// the balancer (3 s), should it have left the instance out, and the way back.
const slowBack = 5 * time.Second

// factUse is the fact that holds what the slow instance uses.
const factUse = "processor use"

// AppSlow leaves the heaviest instance a tenth of its processor time for 10 s.
//
// Hypothesis: the visitors who get the slow instance wait; nobody waits longer
// than one read time-out, nothing fails, and all others are answered as before.
//
// Fault: the kernel's quota (slow-cpu). What the instance uses under the load is
// measured for 3 s, by the kernel's count for its container, and a tenth of that
// is left to it: about 1 ms of each 0.1 s. A tenth of a whole processor would be
// more than it uses, and nobody would notice. It runs at full speed and then
// stands still, so it stutters; an old machine would be evenly slow. The load
// needs ten times what it may use, so requests pile up at it.
//
// Bound: the balancer waits for an answer's beginning for 1 s at most (read
// time-out of the reference stack) and then asks another instance, which
// answers as before. So no p99 can rise by more than 1 s, and no visit takes
// more than 1.3 s, as in app-pause. Who does not get the slow instance is
// answered within the p99 that was usual before (check.Band). slow_share is the
// part of the visits that took longer than 99 of 100 at the other instances
// meanwhile: a machine that is busy with other things slows both alike.
//
// Not asserted: that the balancer avoids the slow instance. NGINX's round robin
// counts turns, not times.
func AppSlow() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "app-slow",
			Title:      "An app instance is slow, and only its own visitors wait",
			Hypothesis: "With a tenth of its processor time for the heaviest instance the p99 rises by one read time-out (1 s) at most, nothing fails, and who gets another instance notices nothing.",
			Fault:      "The instance's processor time is cut by the kernel's quota to a tenth of what it used under the same load just before: it stutters, at full speed for about 1 ms of every 0.1 s.",
			NotClaimed: "That the balancer avoids the slow instance: round robin counts turns, not times. Writes may wait longer, for they are not sent to a second instance.",
			Needs:      lab.Needs{Balancer: true, Instances: 2, Login: true, Source: true, Replicas: 1},
			Limit:      2 * time.Minute,
		},
		plan: drillPlan{
			Visits: 300, Reads: 50, Edits: true, Share: visitShare,
			Before: time.Second, After: 4 * time.Second, Least: 300,
		},
		breaks: breakSlow,
		claims: claimSlow,
	}.scenario()
}

func breakSlow(ctx context.Context, x *exercise) error {
	use := check.Use{Service: heaviest(x.env.Topology).Service}
	took := func(window string, d time.Duration) (cpus float64, err error) {
		return usedIn(ctx, x.env, use.Service, func() error { return observe(ctx, window, d, nil) })
	}
	var err error
	if use.Before, err = took("what "+use.Service+" uses", slowUse); err != nil {
		return err
	}
	x.rec.Step("%s uses %.3f processors under this load.", use.Service, use.Before)
	f, err := x.inject(ctx, lab.FaultSpec{Kind: "slow-cpu", Service: use.Service, CPUs: use.Before * slowPart})
	if err != nil {
		return err
	}
	if use.During, err = took("the load meanwhile", slowFor); err != nil {
		return err
	}
	x.rec.Fact(factUse, use)
	return x.rec.Heal(ctx, f)
}

// usedIn is how many processors a service kept busy while something else went by.
func usedIn(ctx context.Context, env *lab.Env, service string, by func() error) (cpus float64, err error) {
	before, err := env.Stack.CPUTime(ctx, service)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := by(); err != nil {
		return 0, err
	}
	after, err := env.Stack.CPUTime(ctx, service)
	return float64(after-before) / float64(time.Since(began)), err
}

func claimSlow(a *aftermath, j *lab.Judgement) error {
	use, err := lab.ReadFact[check.Use](a.seen, factUse)
	if err != nil {
		return err
	}
	for _, f := range a.seen.Faults {
		if f.Value.Kind == "slow-cpu" && f.Value.Phase == lab.FaultInEffect {
			use.Left = f.Value.CPUs
		}
	}
	// From the asking: the quota is there at once, and its proof takes a helper's start.
	// By then the balancer may have left the instance out, and who met it is over.
	asked, err := phaseAt(a.seen, lab.FaultAsked)
	if err != nil {
		return err
	}
	healing, err := phaseAt(a.seen, lab.FaultHealing)
	if err != nil {
		return err
	}
	visits := a.of(loadVisits)
	beside := check.BesideOf(heaviest(a.topology).Service, a.log, visits, asked, healing)
	j.Check(
		check.LeftWith("the instance had a tenth of its processor time", use, slowPart),
		check.SlowerBeside("the fault met the load", beside),
		check.NoFailures("no visit failed", "visits", visits, a.plan.Least),
		check.NoFailures("no read failed", "reads", a.of(loadReads), a.plan.Least/10),
		check.IfCalm(check.P99RaisedBy("the p99 rises by one time-out at most", a.windows, readTimeout), a.windows, calm),
		check.IfCalm(check.SlowestWithin("the slowest visit costs one time-out", visits, frozenBound), a.windows, calm),
		check.IfCalm(check.OthersAsBefore("who gets another instance notices nothing", beside, a.windows, a.plan.Least), a.windows, calm),
		check.Recovers("the load is as before after the healing", a.windows, slowBack, a.plan.Least),
	)
	j.Metric("used_cpus", use.Before)
	j.Metric("left_cpus", use.Left)
	j.Metric("slow_share", beside.Share())
	j.Metric("before_p99_ms", a.windows.Before.P99)
	j.Metric("during_p99_ms", a.windows.During.P99)
	return nil
}
