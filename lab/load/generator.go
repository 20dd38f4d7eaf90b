package load

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// Defaults and bounds of Options.
const (
	DefaultTimeout = 10 * time.Second // for one answer
	DefaultLimit   = time.Minute      // for the whole load
	MaxLimit       = 15 * time.Minute
	MaxClients     = 1000
)

// Options describe a load.
type Options struct {
	Name     string      // of the stream in the record: "requests", "reads"
	URL      string      // http://127.0.0.1:PORT/…, asked with GET
	Header   http.Header // of every request, may be nil
	Identity string      // the header that names the instance in an answer

	// Next, when set, makes the n-th request (from 0) instead of a GET of URL
	// with Header. It is called from many goroutines. Its URL is checked too.
	Next func(n int) Request

	Clients  int           // that send at a time, each over its own connection
	Requests int           // to send in all, 0 for as many as fit in Limit
	Rate     float64       // requests/s at most, over all clients; 0 for no cap
	Fresh    bool          // a new connection for every request, as `ab` without -k
	Timeout  time.Duration // for one answer; 0 means DefaultTimeout
	Limit    time.Duration // the load ends by itself after this; 0 means DefaultLimit
	KeepBody bool          // keep the bodies of the answers

	// OnSample is told every sample as soon as it is complete, from many
	// goroutines.
	OnSample func(Sample)
}

// Request is one request to send.
type Request struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	Tag    string // the caller's, copied to the sample
}

// Sample is one request that was sent and what came of it.
type Sample struct {
	probe.Answer
	Load string
	Tag  string
}

// Event is the sample as the record keeps it.
func (s Sample) Event() lab.Request { return s.Request(s.Load) }

func (o Options) check() error {
	if o.Next == nil {
		if _, err := probe.Target(o.URL); err != nil {
			return err
		}
	}
	switch {
	case o.Clients < 1 || o.Clients > MaxClients:
		return fmt.Errorf("%d clients are refused: choose 1 to %d", o.Clients, MaxClients)
	case o.Requests < 0:
		return fmt.Errorf("%d requests are refused: choose 0 (until the limit) or more", o.Requests)
	case o.Rate < 0:
		return fmt.Errorf("a rate of %g/s is refused: choose 0 (no cap) or more", o.Rate)
	case o.Limit < 0 || o.Limit > MaxLimit:
		return fmt.Errorf("a limit of %v is refused: choose at most %v, every load is bounded", o.Limit, MaxLimit)
	case o.Timeout < 0:
		return fmt.Errorf("a timeout of %v is refused: choose 0 (%v) or more", o.Timeout, DefaultTimeout)
	}
	return nil
}

// Running is a load under way.
type Running struct {
	opts    Options
	stop    chan struct{}
	once    sync.Once
	wg      sync.WaitGroup
	started time.Time
	next    atomic.Int64
	mu      sync.Mutex
	samples []Sample
	refused error // a request that Next made and that may not be sent
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
	r := &Running{opts: o, stop: make(chan struct{}), started: time.Now()}
	limit := time.AfterFunc(o.Limit, r.end)
	for i := range o.Clients {
		r.wg.Add(1)
		go func() {
			defer r.wg.Done()
			r.client(ctx, i)
		}()
	}
	go func() {
		r.wg.Wait()
		limit.Stop()
	}()
	return r, nil
}

func (r *Running) end() { r.once.Do(func() { close(r.stop) }) }

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
	all := slices.Clone(r.samples)
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

func (r *Running) client(ctx context.Context, i int) {
	h := &http.Client{
		Transport:     probe.NewTransport(!r.opts.Fresh),
		Timeout:       r.opts.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer h.CloseIdleConnections()
	pace := newPace(r.started, i, r.opts)
	for {
		if !pace.wait(ctx, r.stop) {
			return
		}
		n := int(r.next.Add(1)) - 1
		if r.opts.Requests > 0 && n >= r.opts.Requests {
			return
		}
		if !r.send(ctx, h, n) {
			return
		}
	}
}

// send sends one request and keeps its sample; false when the client is to
// end.
func (r *Running) send(ctx context.Context, h *http.Client, n int) bool {
	q := Request{Method: http.MethodGet, URL: r.opts.URL, Header: r.opts.Header}
	if r.opts.Next != nil {
		q = r.opts.Next(n)
		if _, err := probe.Target(q.URL); err != nil {
			r.refuse(err)
			return false
		}
	}
	req, err := probe.NewRequest(ctx, q.Method, q.URL, q.Body)
	if err != nil {
		r.refuse(err)
		return false
	}
	for k, vs := range q.Header {
		req.Header[k] = vs
	}
	id := probe.NewID("lab-")
	req.Header.Set(probe.RequestIDHeader, id)
	s := Sample{Answer: probe.Send(h, req, r.opts.Identity), Load: r.opts.Name, Tag: q.Tag}
	s.ID = id
	if s.Err != nil && ctx.Err() != nil {
		return false
	}
	if !r.opts.KeepBody {
		s.Body = nil
	}
	s.Header = nil
	r.mu.Lock()
	r.samples = append(r.samples, s)
	r.mu.Unlock()
	if r.opts.OnSample != nil {
		r.opts.OnSample(s)
	}
	return true
}

func (r *Running) refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		r.refused = err
	}
}

// pace spreads the requests of one client evenly over time. A client that
// falls behind its schedule goes on from the present: it does not catch up
// with a burst, which would overload the stack just after it was slow.
type pace struct {
	step time.Duration // 0: no cap
	due  time.Time
}

func newPace(start time.Time, i int, o Options) *pace {
	if o.Rate <= 0 {
		return &pace{}
	}
	step := time.Duration(float64(o.Clients) / o.Rate * float64(time.Second))
	return &pace{step: step, due: start.Add(step * time.Duration(i) / time.Duration(o.Clients))}
}

// wait waits until the next request is due; false when the load is over.
func (p *pace) wait(ctx context.Context, stop <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-stop:
		return false
	default:
	}
	if p.step == 0 {
		return true
	}
	now := time.Now()
	if p.due.Before(now.Add(-p.step)) {
		p.due = now
	}
	timer := time.NewTimer(p.due.Sub(now))
	defer timer.Stop()
	p.due = p.due.Add(p.step)
	select {
	case <-ctx.Done():
		return false
	case <-stop:
		return false
	case <-timer.C:
		return true
	}
}
