package scenarios

import (
	"context"
	"fmt"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
	"inventariolab/lab/probe"
)

// recordTo records every sample of a load as soon as it is complete.
func recordTo(rec *lab.Recorder) func(load.Sample) {
	return func(s load.Sample) { rec.Request(s.Sent, s.Event()) }
}

// enough says whether at least n requests of a load have been sent since a
// moment and were answered.
func enough(rec *lab.Recorder, load string, since time.Duration, n int) func() bool {
	return func() bool { return check.CountSince(rec.Seen().Requests, load, since) >= n }
}

// answeredIDs are the request ids of the recorded requests that were answered,
// as the balancer's log will have them.
func answeredIDs(rec *lab.Recorder) map[string]bool {
	set := make(map[string]bool)
	for _, r := range rec.Seen().Requests {
		if r.Value.Status != 0 && r.Value.ID != "" {
			set[r.Value.ID] = true
		}
	}
	return set
}

// stretch is how many times its length a window of observation may take on a
// machine so busy that too little is seen in one length.
const stretch = 4

// observe lets a named window of observation pass. It is a wait on a timer,
// not on a condition: the load goes on, and what is seen in it is the result.
// Until there is enough to see, the window goes on, but not for ever: too
// little is a result too, and makes a check Unknown. enough may be nil.
func observe(ctx context.Context, window string, d time.Duration, enough func() bool) error {
	began := time.Now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return fmt.Errorf("observe %s: %w", window, context.Cause(ctx))
		}
		if enough == nil || enough() || time.Since(began) >= stretch*d {
			return nil
		}
		timer.Reset(pollEvery)
	}
}

// pollEvery is how often a condition is looked at. What is measured does not
// depend on it: times come from the answers themselves.
const pollEvery = 100 * time.Millisecond

// until polls a condition until it holds. The error names what was waited
// for, and what it looked like last.
func until(ctx context.Context, what string, limit time.Duration, holds func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last error
	for {
		ok, err := holds(ctx)
		if ok && err == nil {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if last != nil {
				return fmt.Errorf("wait %v for %s: %w", limit, what, last)
			}
			return fmt.Errorf("wait %v for %s: %w", limit, what, ctx.Err())
		}
	}
}

// answerTime is how long the lab waits for one answer. It is longer than any
// balancer should take, so that a hanging stack shows as a slow one.
const answerTime = 15 * time.Second

// client makes a client of the stack's balancer.
func client(ctx context.Context, env *lab.Env) (*probe.Client, error) {
	base, err := env.BalancerURL(ctx)
	if err != nil {
		return nil, err
	}
	return probe.NewClient(base, env.Topology.Balancer.IdentityHeader, answerTime)
}

// member makes a client that is logged in.
func member(ctx context.Context, env *lab.Env) (*probe.Client, error) {
	c, err := client(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := c.Login(ctx, *env.Topology.Login); err != nil {
		return nil, err
	}
	return c, nil
}
