package scenarios

import (
	"context"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// drill is what the scenarios that break something under load have in common:
// a crowd puts load on the stack, a window goes by, something is broken and
// mended, and a window goes by again. All that the crowd saw, the balancer's log
// and what the servers hold afterwards are recorded; judging sets them against
// each other and adds the drill's own claims.
type drill struct {
	lab.Scenario           // without Run and Judge
	plan         drillPlan // recorded: the judging depends on it

	// breaks breaks and mends. It begins after the window before, under load.
	breaks func(ctx context.Context, x *exercise) error
	// looks looks at the servers when the load is over and they have been asked for
	// the writes. nil for nothing.
	looks func(ctx context.Context, x *exercise) error
	// claims adds what this drill claims beside what all do. nil for nothing.
	claims func(a *aftermath, j *lab.Judgement) error
}

// drillPlan is the load of a drill and its windows. A rate of 0 leaves that load
// out.
type drillPlan struct {
	Visits  float64 `json:"visits"`            // requests/s to the home page, an open loop
	Reads   float64 `json:"reads"`             // requests/s to the product list, an open loop
	Writes  float64 `json:"writes"`            // products registered a second at most, by writers that wait for their answers
	Edits   bool    `json:"edits"`             // sessions that edit, read back and read each other's products
	Streams bool    `json:"streams,omitempty"` // browsers that are told of the sessions' edits
	Share   float64 `json:"share,omitempty"`   // of what the machine carries that visits and reads take at most; 0 for readShare

	Before time.Duration `json:"before_ns"` // window before the fault
	After  time.Duration `json:"after_ns"`  // window after the mending
	Least  int           `json:"least"`     // requests in a window of the main load; fewer prove nothing

	// StaleAllowed says that a session may miss its own writes: with the source
	// gone the freshest replica answers, rather than nobody.
	StaleAllowed bool `json:"stale_allowed,omitempty"`
}

// main is the load by which the windows are judged: what visitors see, or else
// what readers do.
func (p drillPlan) main() string {
	if p.Visits > 0 {
		return loadVisits
	}
	return loadReads
}

// windows are those of the main load, as far as it has been seen.
func (p drillPlan) windows(seen *lab.ScenarioRun, began, end time.Duration) check.Windows {
	return check.WindowsOf(check.Observed{
		Requests: check.OfLoad(seen.Requests, p.main()), Served: seen.Served, Began: began, End: end, Fault: check.FaultTimesOf(seen.Faults),
	})
}

// shown says whether the window after the mending holds enough. As it is judged it
// begins when the load is as before, on a busy machine well after the mending.
// Where the load before gives no band, no load is ever as before.
func (p drillPlan) shown(w check.Windows) bool {
	return w.Band.Why != "" || w.Recover.Known() && w.After.Requests >= p.Least
}

// fitted is the plan with the load that this machine carries, and windows as long as that takes.
func (p drillPlan) fitted(ctx context.Context, env *lab.Env, rec *lab.Recorder) (drillPlan, error) {
	share := p.Share
	if share == 0 {
		share = readShare
	}
	part, err := fit(ctx, env, rec, p.Visits, p.Reads, share)
	if err != nil {
		return p, err
	}
	p.Visits *= part
	p.Reads *= part
	// As much has to be seen before and after as under the whole load.
	p.Before = time.Duration(float64(p.Before) / part)
	p.After = time.Duration(float64(p.After) / part)
	return p, nil
}

// scenario makes the lab's scenario of it.
func (d drill) scenario() lab.Scenario {
	s := d.Scenario
	s.Run, s.Judge = d.run, d.judge
	s.ByName = true
	if s.Charts == nil {
		s.Charts = []lab.Chart{lab.ChartTimeline}
	}
	return s
}

func (d drill) run(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	plan, err := d.plan.fitted(ctx, env, rec)
	if err != nil {
		return err
	}
	rec.Fact(factPlan, plan)
	names, err := addresses(ctx, env)
	if err != nil {
		return err
	}
	started := time.Now()
	crowd, err := startCrowd(ctx, env, rec, plan)
	if err != nil {
		return err
	}
	defer crowd.stop()
	began := rec.Mark(markBefore)
	if err := observe(ctx, "the load before the fault", plan.Before, enough(rec, plan.main(), began, plan.Least)); err != nil {
		return err
	}
	x := &exercise{env: env, rec: rec, plan: plan}
	if err := d.breaks(ctx, x); err != nil {
		return err
	}
	mended := enough(rec, plan.main(), rec.At(time.Now()), plan.Least)
	shown := func() bool { return mended() && plan.shown(plan.windows(rec.Seen(), began, rec.At(time.Now()))) }
	if err := observe(ctx, "the load after the mending", plan.After, shown); err != nil {
		return err
	}
	rec.Mark(markEnd)
	if err := crowd.stop(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := recordServed(ctx, env, rec, started, names); err != nil {
		return err
	}
	if x.after != nil {
		if err := x.after(ctx); err != nil {
			return err
		}
	}
	if plan.Writes > 0 || plan.Edits {
		rec.Step("Every server is asked which of the writes it holds, after it has caught up.")
		if err := recordFoundEverywhere(ctx, env, rec); err != nil {
			return err
		}
	}
	if d.looks != nil {
		return d.looks(ctx, &exercise{env: env, rec: rec, plan: plan})
	}
	return nil
}

// exercise is a drill under way, as its breaks sees it.
type exercise struct {
	env  *lab.Env
	rec  *lab.Recorder
	plan drillPlan

	// after is called when the load is over and the balancer's log is complete,
	// if breaks has set it.
	after func(ctx context.Context) error
}

// inject makes a fault and injects it.
func (x *exercise) inject(ctx context.Context, spec lab.FaultSpec) (lab.Fault, error) {
	f, err := x.env.Stack.NewFault(spec)
	if err != nil {
		return nil, err
	}
	x.rec.Step("Now: %s.", spec)
	return f, x.rec.Inject(ctx, f)
}

// hold lets the load go by for a time, and until the main load has enough
// requests in it.
func (x *exercise) hold(ctx context.Context, d time.Duration) error {
	return observe(ctx, "the load meanwhile", d, enough(x.rec, x.plan.main(), x.rec.At(time.Now()), x.plan.Least))
}

// breakFor injects a fault, holds it and heals it.
func (x *exercise) breakFor(ctx context.Context, d time.Duration, spec lab.FaultSpec) error {
	f, err := x.inject(ctx, spec)
	if err != nil {
		return err
	}
	if err := x.hold(ctx, d); err != nil {
		return err
	}
	return x.rec.Heal(ctx, f)
}

// aftermath is what a drill left, sorted for judging.
type aftermath struct {
	seen     *lab.ScenarioRun
	topology *lab.Topology
	plan     drillPlan
	began    time.Duration
	end      time.Duration
	windows  check.Windows // of the main load
	log      *check.Joined
	book     check.Ledger
	sessions check.Sessions
}

// of are the requests of one load.
func (a *aftermath) of(load string) []check.Req { return check.OfLoad(a.seen.Requests, load) }

func (d drill) judge(seen *lab.ScenarioRun, t *lab.Topology) (j lab.Judgement, err error) {
	plan, err := lab.ReadFact[drillPlan](seen, factPlan)
	if err != nil {
		return j, err
	}
	a := &aftermath{seen: seen, topology: t, plan: plan}
	if a.began, a.end, err = span(seen, markBefore, markEnd); err != nil {
		return j, err
	}
	a.windows = plan.windows(seen, a.began, a.end)
	a.log = check.Join(seen.Requests, seen.Served)
	a.book = check.LedgerOf(seen.Writes, seen.Found)
	a.sessions = check.SessionsOf(seen.Writes, seen.Reads)
	j.Check(check.Enough("the windows carry a claim", a.windows, plan.Least))
	if d.claims != nil {
		if err := d.claims(a, &j); err != nil {
			return j, err
		}
	}
	a.common(&j)
	return j, nil
}

// common is what every drill says.
func (a *aftermath) common(j *lab.Judgement) {
	wrote := a.plan.Writes > 0 || a.plan.Edits
	if wrote {
		j.Check(
			check.NothingLost("no acknowledged write is lost", a.book),
			check.NotDuplicated("no write is there twice", a.book),
			check.RefusedNotApplied("what was refused is not there", a.book),
		)
	}
	if a.plan.Edits {
		j.Check(check.MonotonicReads("no session sees time go back", a.sessions, leastPairs))
		if !a.plan.StaleAllowed {
			j.Check(check.ReadYourWrites("every session sees what it saved", a.sessions, leastPairs))
		}
	}
	for _, l := range []struct{ load, prefix string }{{loadVisits, ""}, {loadReads, "read_"}} {
		if reqs := a.of(l.load); len(reqs) > 0 {
			j.Metric(l.prefix+"failed", float64(check.Failures(reqs)))
			j.Metric(l.prefix+"worst_ms", ms(check.Worst(reqs)))
			j.Metric(l.prefix+"requests", float64(len(reqs)))
		}
	}
	j.Table(a.windows.Table())
	bothViews(j, a.topology, a.log)
	j.Metrics = append(j.Metrics, a.windows.Metrics()...)
	if wrote {
		j.Table(a.book.Table())
		j.Table(a.book.InstanceTable())
		j.Metric("writes", float64(len(a.book.With(lab.Acknowledged))))
		j.Metric("lost", float64(len(a.book.Lost())))
		bookMetrics(j, a.book, a.sessions)
	}
	if a.plan.Edits {
		j.Table(a.sessions.Table())
	}
}
