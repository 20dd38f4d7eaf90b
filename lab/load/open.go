package load

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"inventariolab/lab/probe"
)

// Defaults and bounds of OpenOptions.
const (
	DefaultWorkers = 500 // requests that may wait for an answer at a time
	MaxRate        = 20_000
)

// OpenOptions describe an open loop: requests are sent at their own times,
// whether or not the earlier ones have been answered.
type OpenOptions struct {
	Name     string // of the stream in the record
	URL      string // http://127.0.0.1:PORT/…, asked with GET
	Header   http.Header
	Identity string // the header that names the instance in an answer
	// Users, when set, send the requests: whoever waits for no answer sends what
	// is due. With all of them waiting it waits too (Schedule.Full says so).
	Users []User

	Rate    float64       // requests a second, evenly spaced
	Limit   time.Duration // for how long; 0 means DefaultLimit
	Workers int           // that wait for answers at most; 0 means DefaultWorkers, and Users bound it too
	Fresh   bool          // a new connection for every request
	Timeout time.Duration // for one answer, from sending; 0 means DefaultTimeout

	// OnSample is told every sample as soon as it is complete, one after the
	// other. It holds the generator up if it takes long.
	OnSample func(Sample)
	// Forget keeps no samples: OnSample has told them. For loads that last.
	Forget bool
}

func (o *OpenOptions) check() error {
	if o.Users == nil {
		if _, err := probe.Target(o.URL); err != nil {
			return err
		}
	}
	switch {
	case o.Rate <= 0 || o.Rate > MaxRate:
		return fmt.Errorf("a rate of %g/s is refused: choose more than 0 and at most %d", o.Rate, MaxRate)
	case o.Limit < 0 || o.Limit > MaxLimit:
		return fmt.Errorf("a limit of %v is refused: choose at most %v, every load is bounded", o.Limit, MaxLimit)
	case o.Workers < 0 || o.Workers > MaxClients:
		return fmt.Errorf("%d workers are refused: choose 0 (%d) to %d", o.Workers, DefaultWorkers, MaxClients)
	case len(o.Users) > MaxClients:
		return fmt.Errorf("%d users are refused: choose at most %d", len(o.Users), MaxClients)
	case o.Timeout < 0:
		return fmt.Errorf("a timeout of %v is refused: choose 0 (%v) or more", o.Timeout, DefaultTimeout)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Workers == 0 {
		o.Workers = DefaultWorkers
	}
	if n := len(o.Users); n > 0 {
		o.Workers = min(o.Workers, n)
	}
	return nil
}

// OpenRunning is an open loop under way.
type OpenRunning struct {
	opts   OpenOptions
	plan   *plan
	wire   *openWire
	attack *vegeta.Attacker
	done   chan struct{}
	once   sync.Once

	// Written by collect alone, read after done.
	samples []Sample
	mu      sync.Mutex // of those who ask for the Schedule
	late    lateness
}

// Open starts an open loop. It ends at Stop, after Options.Limit or with ctx,
// whichever comes first. Requests under way at Stop or at the limit are waited
// for; those under way when ctx ends are dropped.
//
// vegeta's Attacker runs it: it starts a worker more whenever all of them wait,
// up to OpenOptions.Workers. What it is not relied on for is the time: it
// takes the moment at which a worker was free for the moment of the request.
// Here every request knows when it was due.
func Open(ctx context.Context, o OpenOptions) (*OpenRunning, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("start open load %q: %w", o.Name, err)
	}
	r := &OpenRunning{opts: o, done: make(chan struct{})}
	r.plan = newPlan(ctx, o.Rate, o.Limit)
	r.wire = newOpenWire(ctx, &r.opts, r.plan)
	r.attack = vegeta.NewAttacker(
		vegeta.Client(&http.Client{
			Transport:     r.wire,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		vegeta.Workers(uint64(min(o.Workers, vegeta.DefaultWorkers))),
		vegeta.MaxWorkers(uint64(o.Workers)),
		vegeta.MaxBody(0), // read whole and thrown away; the wire keeps what a user wants to see
	)
	results := r.attack.Attack(r.wire.target, r.plan, 0, "")
	unhook := context.AfterFunc(ctx, r.end)
	go func() {
		defer close(r.done)
		defer unhook()
		r.collect(ctx, results)
		r.wire.close()
	}()
	return r, nil
}

func (r *OpenRunning) end() {
	r.once.Do(func() {
		r.plan.end()
		r.attack.Stop()
	})
}

// collect turns vegeta's results into samples.
func (r *OpenRunning) collect(ctx context.Context, results <-chan *vegeta.Result) {
	for res := range results {
		f := r.wire.land(res.Seq)
		if f == nil {
			continue // not sent: the load was over, or a user made what may not be sent
		}
		s := Sample{Load: r.opts.Name, Tag: f.tag, Due: r.plan.due(res.Seq)}
		s.ID, s.Sent, s.Body = f.id, f.sent, f.body
		s.Latency = res.Timestamp.Add(res.Latency).Sub(f.sent)
		s.Err = f.err
		if s.Err == nil {
			s.Status, s.Header = int(res.Code), res.Headers
			s.Instance = res.Headers.Get(r.opts.Identity)
		}
		if s.Err != nil && ctx.Err() != nil {
			continue // the lab gave up
		}
		if f.user != nil {
			f.user.See(s)
			r.wire.release(f.user)
		}
		s.Header, s.Body = nil, nil
		if !r.opts.Forget {
			r.samples = append(r.samples, s)
		}
		r.late.add(f.sent.Sub(s.Due), f.full)
		if r.opts.OnSample != nil {
			r.opts.OnSample(s)
		}
	}
}

// Stop ends the load, waits for the requests under way and returns all
// samples in the order of sending. Calling it again returns them again.
func (r *OpenRunning) Stop() []Sample {
	r.end()
	return r.Wait()
}

// Wait waits until the load has ended by itself and returns all samples in
// the order of sending.
func (r *OpenRunning) Wait() []Sample {
	<-r.done
	all := slices.Clone(r.samples)
	slices.SortStableFunc(all, func(a, b Sample) int { return a.Sent.Compare(b.Sent) })
	return all
}

// Err says, after the load has ended, why it sent less than it was asked for;
// nil when nothing was refused.
func (r *OpenRunning) Err() error {
	<-r.done
	return r.wire.refused()
}

// Schedule says, after the load has ended, how well it kept to its plan. Look
// at it before the latencies are held against a stack.
func (r *OpenRunning) Schedule() Schedule {
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.late.schedule(r.plan.scheduled(), r.opts.Workers)
}
