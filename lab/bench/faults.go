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
// to; each is an upper bound.
var faultGoals = []struct {
	scenario, metric, name, unit string
	goal                         float64 // 0 with noGoal: only shown
	noGoal                       bool
}{
	{scenario: "app-failover", metric: "failed", name: "app killed under 50 connections: failed requests"},
	{scenario: "app-failover", metric: "worst_ms", name: "app killed under 50 connections: slowest request", unit: "ms", goal: 300},
	{scenario: "app-failover", metric: "recover_ms", name: "app started again: until it answers its share", unit: "ms", noGoal: true},
	{scenario: "replica-failover", metric: "failed_reads", name: "replica killed: failed reads"},
	{scenario: "replica-failover", metric: "rows_missing", name: "replica killed: rows missing"},
	{scenario: "replica-failover", metric: "catchup_ms", name: "replica healthy again: until it has caught up", unit: "ms", noGoal: true},
	{scenario: "replication", metric: "lag_p99_ms", name: "replication lag on rows at 100 rows and 100 heartbeats a second, p99", unit: "ms", noGoal: true},
	{scenario: "load", metric: "failed", name: "1000 requests, 100 at a time: failed"},
}

// measureFaults runs the scenarios that the goals speak of, several times, and
// collects their metrics.
func measureFaults(ctx context.Context, o Options, s *stack.Stack) ([]Figure, error) {
	figures := make([]Figure, len(faultGoals))
	for i, g := range faultGoals {
		figures[i] = Figure{Name: g.name, Unit: g.unit}
		if !g.noGoal {
			figures[i].Goal = fmt.Sprintf("≤ %g", g.goal)
		}
	}
	env := &lab.Env{Stack: s, Topology: o.Topology, Options: lab.Options{Requests: lab.DefaultRequests, Concurrency: lab.DefaultConcurrency}}
	for n := range o.Repeats {
		for _, sc := range o.Faults {
			o.Progress(fmt.Sprintf("%s: run %d of %d", sc.Name, n+1, o.Repeats))
			metrics, err := metricsOf(ctx, env, sc)
			if err != nil {
				return nil, err
			}
			for i, g := range faultGoals {
				if v, ok := metrics[g.metric]; ok && g.scenario == sc.Name {
					figures[i].Values = append(figures[i].Values, v)
				}
			}
		}
	}
	for i, g := range faultGoals {
		_, worst := figures[i].Spread()
		// A promise that nothing fails holds in every run or not at all.
		figures[i].Met = len(figures[i].Values) > 0 && worst <= g.goal
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
