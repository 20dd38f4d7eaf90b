package scenarios_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
)

// proportion is how many times the median the slowest request may take.
const proportion = 50

// SlowPage is the scenario that ADDING.md builds.
//
// Hypothesis: no request takes 50 times as long as the median one. Nothing is
// broken. The bound is a choice: a balancer that waits for a time-out and tries
// another server shows far above it, the noise of a busy laptop stays below.
//
// Not asserted: that the page is fast.
func SlowPage() lab.Scenario {
	return lab.Scenario{
		Name:       "slow-page",
		Title:      "No visitor waits out of all proportion",
		Hypothesis: "The slowest of a few hundred requests to the home page takes at most 50 times as long as the median one.",
		NotClaimed: "That the page is fast.",
		Needs:      lab.Needs{Balancer: true},
		Charts:     []lab.Chart{lab.ChartLatency},
		Limit:      time.Minute,
		Run:        runSlowPage,
		Judge:      judgeSlowPage,
	}
}

func runSlowPage(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	base, err := env.BalancerURL(ctx)
	if err != nil {
		return err
	}
	rec.Step("300 requests to %s from 5 clients.", env.Topology.Paths.Home)
	running, err := load.Start(ctx, load.Options{
		Name: "home", URL: base + env.Topology.Paths.Home, Identity: env.Topology.Balancer.IdentityHeader,
		Clients: 5, Requests: 300, Limit: 30 * time.Second,
	})
	if err != nil {
		return err
	}
	for _, s := range running.Wait() {
		rec.Request(s.Sent, s.Event())
	}
	return ctx.Err()
}

func judgeSlowPage(seen *lab.ScenarioRun, _ *lab.Topology) (j lab.Judgement, err error) {
	ms := check.Milliseconds(check.Good(seen.Requests))
	j.Check(notOutOfProportion(ms))
	j.Metric("p50_ms", check.Quantile(ms, 0.50))
	j.Metric("worst_ms", check.Quantile(ms, 1))
	return j, nil
}

func notOutOfProportion(ms []float64) lab.Check {
	c := lab.Check{
		Name:    "no request is out of proportion",
		Verdict: lab.Pass,
		Want:    fmt.Sprintf("the slowest of at least 100 requests takes at most %d times the median", proportion),
		Got:     fmt.Sprintf("median %.1f ms, slowest %.1f ms, %d requests", check.Quantile(ms, 0.5), check.Quantile(ms, 1), len(ms)),
	}
	switch {
	case len(ms) < 100:
		c.Verdict = lab.Unknown
		c.Hint = "too few requests were answered: look at the balancer's log"
	case check.Quantile(ms, 1) > proportion*check.Quantile(ms, 0.5):
		c.Verdict = lab.Fail
		c.Hint = "something stalls now and then: look for time-outs and retries in the balancer's access log (upstream_response_time)"
	}
	return c
}

func TestNotOutOfProportion(t *testing.T) {
	even := slices.Repeat([]float64{2}, 100)
	assert.Equal(t, lab.Pass, notOutOfProportion(even).Verdict)
	assert.Equal(t, lab.Fail, notOutOfProportion(append(even, 101)).Verdict)
	assert.Equal(t, lab.Unknown, notOutOfProportion(even[:99]).Verdict)
}

// The machine that runs this test may stall, so only what does not depend on
// its speed is asserted.
func TestSlowPageRuns(t *testing.T) {
	got, res := run(t, SlowPage(), newMiniStack(t, ""))
	assert.Len(t, got.Requests, 300)
	assert.Empty(t, res.Reason, "it could measure")
	assert.Contains(t, judged(res), "no request is out of proportion")
}

func TestAddingShowsTheExample(t *testing.T) {
	page, code := readFile(t, "ADDING.md"), readFile(t, "example_test.go")
	for _, block := range goBlocks(page) {
		if !assert.Contains(t, code, block, "ADDING.md shows code that the example does not have") {
			return
		}
	}
}
