package scenarios

import (
	"context"
	"fmt"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// tape records requests and keeps them for judging: what is judged is what
// was recorded. It may be used from several goroutines.
type tape struct {
	rec  *lab.Recorder
	mu   sync.Mutex
	reqs []check.Req
}

func newTape(rec *lab.Recorder) *tape { return &tape{rec: rec} }

func (t *tape) add(sent time.Time, q lab.Request) {
	t.rec.Request(sent, q)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reqs = append(t.reqs, check.Req{At: t.at(sent), Value: q})
}

// at is a moment as the record counts it.
func (t *tape) at(m time.Time) time.Duration { return m.Sub(t.rec.Start()) }

// enough says whether at least n requests of a load have been sent since a
// moment and were answered.
func (t *tape) enough(load string, since time.Duration, n int) func() bool {
	return func() bool { return len(check.OfLoad(t.since(since), load)) >= n }
}

// all are the requests so far.
func (t *tape) all() []check.Req {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]check.Req(nil), t.reqs...)
}

// since are the requests that were sent at a moment or later.
func (t *tape) since(at time.Duration) []check.Req {
	t.mu.Lock()
	defer t.mu.Unlock()
	var late []check.Req
	for _, r := range t.reqs {
		if r.At >= at {
			late = append(late, r)
		}
	}
	return late
}

// ids are the request ids of the requests, as the access log will have them.
func ids(reqs []check.Req) map[string]bool {
	set := make(map[string]bool, len(reqs))
	for _, r := range reqs {
		set[r.Value.ID] = true
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
