package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/stack"
)

// faultGoals are what the metrics of the fault and load scenarios should keep
// to; each is an upper bound, or with atLeast a lower one.
var faultGoals = []struct {
	scenario, metric, name, unit string
	goal                         float64 // 0 with noGoal: only shown
	noGoal, atLeast              bool
}{
	{scenario: "app-failover", metric: "failed", name: "app killed under 50 connections: failed requests"},
	{scenario: "app-failover", metric: "worst_ms", name: "app killed under 50 connections: slowest request", unit: "ms", goal: 300},
	{scenario: "app-failover", metric: "restored_ms", name: "app started again: until it answers its share", unit: "ms", noGoal: true},
	{scenario: "replica-failover", metric: "failed_reads", name: "replica killed: failed reads"},
	{scenario: "replica-failover", metric: "rows_missing", name: "replica killed: rows missing"},
	{scenario: "replica-failover", metric: "catchup_ms", name: "replica healthy again: until it has caught up", unit: "ms", noGoal: true},
	// A machine that is too slow writes fewer rows: then the lag is that of a lower rate.
	{scenario: "replication", metric: "rows", name: "rows written while lag is measured: 200 a second for 4 s are 800", noGoal: true},
	{scenario: "replication", metric: "lag_p99_ms", name: "replication lag on these rows and 100 heartbeats a second, p99", unit: "ms", goal: 50},
	{scenario: "load", metric: "failed", name: "1000 requests, 100 at a time: failed"},
	{scenario: "app-pause", metric: "failed", name: "app frozen: failed visits"},
	{scenario: "app-pause", metric: "worst_ms", name: "app frozen: slowest visit", unit: "ms", goal: 1300},
	{scenario: "app-rolling-restart", metric: "failed", name: "all instances restarted in turn: failed visits"},
	{scenario: "app-rolling-restart", metric: "requests", name: "all instances restarted in turn: visits", goal: 20000, atLeast: true},
	{scenario: "replica-pause", metric: "read_failed", name: "replica frozen: failed reads"},
	{scenario: "replica-pause", metric: "read_worst_ms", name: "replica frozen: slowest read", unit: "ms", goal: 1300},
	{scenario: "replica-partition", metric: "read_failed", name: "replica cut off: failed reads"},
	{scenario: "replica-partition", metric: "read_worst_ms", name: "replica cut off: slowest read", unit: "ms", goal: 1300},
	{scenario: sourceFailover, metric: "resume_ms", name: "source killed, lab promote --watch: until writes are acknowledged again", unit: "ms", goal: 3000},
	{scenario: sourceFailover, metric: "lost", name: "source killed: acknowledged writes lost"},
	{scenario: sourceFailover, metric: "duplicated", name: "source killed: writes doubled"},
}

// sourceFailover is run more often than the others: what it promises is that
// nothing is ever lost.
const sourceFailover = "source-failover"

// repeats is how often a scenario is run.
func (o Options) repeats(scenario string) int {
	if scenario == sourceFailover {
		return o.Failovers
	}
	return o.Repeats
}

// measureFaults runs the scenarios that the goals speak of, several times, and
// collects their metrics.
func measureFaults(ctx context.Context, o Options, s *stack.Stack) ([]Figure, error) {
	figures := make([]Figure, len(faultGoals))
	for i, g := range faultGoals {
		figures[i] = Figure{Name: g.name, Unit: g.unit}
		switch {
		case g.atLeast:
			figures[i].Goal = fmt.Sprintf("≥ %g", g.goal)
		case !g.noGoal:
			figures[i].Goal = fmt.Sprintf("≤ %g", g.goal)
		}
	}
	env := &lab.Env{Stack: s, Topology: o.Topology, Options: lab.Options{Requests: lab.DefaultRequests, Concurrency: lab.DefaultConcurrency}}
	told, silent := make(map[string]bool), make(map[string]error)
	for n := range max(o.Repeats, o.Failovers) {
		for _, sc := range o.Faults {
			if n >= o.repeats(sc.Name) {
				continue
			}
			o.Progress(fmt.Sprintf("%s: run %d of %d", sc.Name, n+1, o.repeats(sc.Name)))
			metrics, err := metricsOf(ctx, env, sc)
			switch {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case err != nil: // one run that could not tell does not throw away the others: there is one repeat less
				o.Progress(err.Error())
				silent[sc.Name] = err
				continue
			}
			told[sc.Name] = true
			for i, g := range faultGoals {
				if v, ok := metrics[g.metric]; ok && g.scenario == sc.Name {
					figures[i].Values = append(figures[i].Values, v)
				}
			}
		}
	}
	for name, err := range silent {
		if !told[name] { // else its goals would be missing in the table, as if nobody had asked
			return nil, fmt.Errorf("none of the %d runs could tell: %w", o.repeats(name), err)
		}
	}
	for i, g := range faultGoals {
		least, worst := figures[i].Spread()
		kept := figures[i].Median()
		if g.goal == 0 { // a promise that nothing fails holds in every run or not at all
			kept = worst
		}
		figures[i].Met = len(figures[i].Values) > 0 && (!g.atLeast && kept <= g.goal || g.atLeast && least >= g.goal)
	}
	return figures, nil
}

// metricsOf runs one scenario and returns its metrics. A scenario that failed
// has metrics too, and they are what the goals are about; one that could not
// measure is an error.
func metricsOf(ctx context.Context, env *lab.Env, sc lab.Scenario) (map[string]float64, error) {
	metrics := make(map[string]float64)
	rec := lab.NewRecorder(nopCloser{io.Discard}, time.Now(), func(e lab.Event) {
		if e.Kind == lab.KindMetric {
			metrics[e.Metric.Name] = e.Metric.Value
		}
	})
	res := lab.RunOne(ctx, env, rec, sc)
	if err := rec.Close(); err != nil {
		return nil, err
	}
	if res.Verdict != lab.Pass && res.Verdict != lab.Fail {
		return nil, fmt.Errorf("measure %s: %s", sc.Name, res)
	}
	return metrics, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
