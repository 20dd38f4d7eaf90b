package load

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inventariolab/lab/probe"
)

// Running is a load under way.
type Running struct {
	opts    Options
	over    context.Context //nolint:containedctx // lives as long as the load; done when nothing more is to be sent
	end     context.CancelFunc
	wg      sync.WaitGroup
	started time.Time
	next    atomic.Int64
	mu      sync.Mutex
	samples [][]Sample // of each client that has ended
	refused error      // a request that Next made and that may not be sent
}

// Start starts a load. It ends at Stop, after Options.Requests, after
// Options.Limit or with ctx, whichever comes first. Requests under way at Stop
// or at the limit are waited for; those under way when ctx ends are dropped:
// then the lab failed to measure, not the stack to answer.
func Start(ctx context.Context, o Options) (*Running, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("start load %q: %w", o.Name, err)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	r := &Running{opts: o, started: time.Now()}
	r.over, r.end = context.WithTimeout(ctx, o.Limit)
	start := r.startLoops
	if o.goroutines {
		start = r.startGoroutines
	}
	if err := start(ctx); err != nil {
		r.end()
		return nil, fmt.Errorf("start load %q: %w", o.Name, err)
	}
	go func() {
		r.wg.Wait()
		r.end() // its timer
	}()
	return r, nil
}

// Stop ends the load, waits for the requests under way and returns all
// samples in the order of sending. Calling it again returns them again.
func (r *Running) Stop() []Sample {
	r.end()
	return r.Wait()
}

// Wait waits until the load has ended by itself and returns all samples in
// the order of sending.
func (r *Running) Wait() []Sample {
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Concat(r.samples...)
	slices.SortStableFunc(all, func(a, b Sample) int { return a.Sent.Compare(b.Sent) })
	return all
}

// Err says, after the load has ended, why it sent less than it was asked for;
// nil when nothing was refused.
func (r *Running) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// client is one of the clients: it sends, waits for the answer, and sends again.
func (r *Running) client(ctx context.Context, i int, n network) {
	w := newWire(n, r.opts.Fresh, r.opts.Timeout)
	defer w.close()
	var samples []Sample // its own, so that clients do not wait for each other
	if !r.opts.Forget {
		samples = make([]Sample, 0, r.opts.Requests/r.opts.Clients+1) // more, if it is quicker than others
	}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.samples = append(r.samples, samples)
	}()
	pace := newPace(r.started, i, r.opts)
	for {
		if !pace.wait(n) {
			return
		}
		n := int(r.next.Add(1)) - 1
		if r.opts.Requests > 0 && n >= r.opts.Requests {
			return
		}
		s, ok := r.send(ctx, w, i, n)
		if !ok {
			return
		}
		if !r.opts.Forget {
			samples = append(samples, s)
		}
		if r.opts.OnSample != nil {
			r.opts.OnSample(s)
		}
	}
}

// send sends one request; false when the client is to end.
func (r *Running) send(ctx context.Context, w *wire, client, n int) (Sample, bool) {
	q := Request{Method: http.MethodGet, URL: r.opts.URL, Header: r.opts.Header}
	var user User
	switch {
	case r.opts.Users != nil:
		user = r.opts.Users[client]
		q = user.Next()
	case r.opts.Next != nil:
		q = r.opts.Next(n)
	}
	if err := w.aim(q.URL); err != nil {
		r.refuse(err)
		return Sample{}, false
	}
	id := probe.NewID("lab-")
	w.prepare(&q, id)
	s := w.send(&q, &r.opts, q.KeepBody)
	s.ID = id
	if s.Err != nil && ctx.Err() != nil {
		return s, false
	}
	if user != nil {
		if s.Err == nil {
			s.Header = w.header()
		}
		user.See(s)
		s.Header = nil
		if !r.opts.KeepBody {
			s.Body = nil
		}
	}
	return s, true
}

func (r *Running) refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		r.refused = err
	}
}
