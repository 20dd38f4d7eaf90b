package load

import (
	"context"
	"math"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// plan is a constant rate as vegeta's pacer, with a due moment for every
// request. It waits by itself instead of telling vegeta to: so the wait can be
// cut short, and is precise.
type plan struct {
	ctx   context.Context //nolint:containedctx // lives as long as one load
	rate  float64
	total uint64
	stop  chan struct{}

	mu    sync.Mutex
	zero  time.Time // when vegeta's clock began
	ended time.Time // when the load was stopped early
}

var _ vegeta.Pacer = (*plan)(nil)

func newPlan(ctx context.Context, rate float64, limit time.Duration) *plan {
	return &plan{ctx: ctx, rate: rate, total: uint64(math.Ceil(rate * limit.Seconds())), stop: make(chan struct{})}
}

// after is the time from the start until the n-th request (from 0) is due.
func (p *plan) after(n uint64) time.Duration {
	return time.Duration(float64(n) / p.rate * float64(time.Second))
}

// due is the moment at which the n-th request is due.
func (p *plan) due(n uint64) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.zero.Add(p.after(n))
}

// Rate implements vegeta.Pacer.
func (p *plan) Rate(time.Duration) float64 { return p.rate }

// Pace implements vegeta.Pacer: it returns when the next request is due. A plan
// that is behind goes on until all of it is sent, or as long again as it was
// to last: every load ends by itself.
func (p *plan) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	now := time.Now()
	p.mu.Lock()
	if p.zero.IsZero() {
		p.zero = now.Add(-elapsed)
	}
	due := p.zero.Add(p.after(hits))
	p.mu.Unlock()
	if hits >= p.total || elapsed > 2*p.after(p.total)+time.Second {
		return 0, true
	}
	if !sleepUntil(p.ctx, p.stop, due) {
		return 0, true
	}
	return 0, false
}

func (p *plan) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended.IsZero() {
		p.ended = time.Now()
		close(p.stop)
	}
}

// scheduled is the number of requests that were due by the end.
func (p *plan) scheduled() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended.IsZero() {
		return int(p.total)
	}
	if p.zero.IsZero() || p.ended.Before(p.zero) {
		return 0
	}
	return min(int(p.total), int(p.ended.Sub(p.zero).Seconds()*p.rate)+1)
}

// sleepUntil waits for a moment; false when the load is over before. A timer of
// Go may be up to a millisecond late when nothing else goes on: the rest is
// slept by the operating system, which is more exact.
func sleepUntil(ctx context.Context, stop <-chan struct{}, due time.Time) bool {
	const rest = 2 * time.Millisecond
	if wait := time.Until(due) - rest; wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return false
		case <-stop:
			return false
		case <-timer.C:
		}
	}
	select {
	case <-ctx.Done():
		return false
	case <-stop:
		return false
	default:
	}
	if wait := time.Until(due); wait > 0 {
		nap(wait)
	}
	return true
}
