package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"

	"github.com/rakyll/hey/requester"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// heyZero is the latest moment at which requester's clock can have begun: it
// counts offsets from the initialisation of its own package, which comes before
// this one's, since this one imports it. In a large program others lie between.
var heyZero = time.Now()

// HeyOptions describe a run of hey: `hey -n Requests -c Concurrency URL`.
type HeyOptions struct {
	Name        string // of the stream in the record
	URL         string // http://127.0.0.1:PORT/…, asked with GET
	Header      http.Header
	Requests    int
	Concurrency int
	KeepAlive   bool
	Timeout     time.Duration // for one answer, whole seconds; 0 means DefaultTimeout
}

// HeyResult is what a run of hey saw.
type HeyResult struct {
	Load    string
	Samples []HeySample    // the requests that were answered, in the order of sending
	Errors  map[string]int // those that were not, by reason; hey keeps no times of them
	Took    time.Duration  // from the first request to the last answer
}

// HeySample is one answered request. hey shows neither the headers of an
// answer nor its body, so the instance is not known.
type HeySample struct {
	Sent    time.Time
	Latency time.Duration
	Status  int
}

// Total is the number of requests sent.
func (r HeyResult) Total() int {
	n := len(r.Samples)
	for _, e := range r.Errors {
		n += e
	}
	return n
}

// Rate is the answered requests per second.
func (r HeyResult) Rate() float64 { return float64(len(r.Samples)) / r.Took.Seconds() }

// Each calls f with every request as the record keeps it. Unanswered ones come
// last, with the time of the last answered one and no duration: hey does not
// tell when they were sent.
func (r HeyResult) Each(f func(sent time.Time, q lab.Request)) {
	var last time.Time
	for _, s := range r.Samples {
		f(s.Sent, lab.Request{Load: r.Load, US: s.Latency.Microseconds(), Status: s.Status})
		last = s.Sent
	}
	if last.IsZero() {
		last = time.Now()
	}
	for why, n := range r.Errors {
		for range n {
			f(last, lab.Request{Load: r.Load, Err: why})
		}
	}
}

// HeyID begins the request ids of hey's requests. hey does not tell which of them
// an answer belongs to.
const HeyID = "hey-"

// heyOutput asks for the fields that are needed and for no others: printing
// the whole report fails when nothing was answered, because its averages are
// then not numbers and cannot be JSON.
const heyOutput = `{"Lats":{{ jsonify .Lats }},"Offsets":{{ jsonify .Offsets }},"StatusCodes":{{ jsonify .StatusCodes }},"ErrorDist":{{ jsonify .ErrorDist }}}`

type heyReport struct {
	Lats        []float64 // seconds
	Offsets     []float64 // seconds since heyZero
	StatusCodes []int
	ErrorDist   map[string]int
}

// Hey runs rakyll/hey's requester and returns when it is done. It follows no
// redirect. An error means that the run is worth nothing: bad options, an
// interruption, or a result that does not add up.
//
// Every worker is a requester.Work of its own, with one worker. A Work with
// many would round the number of requests down to a multiple of them, and its
// workers race for their common client when redirects are not to be followed.
func Hey(ctx context.Context, o HeyOptions) (HeyResult, error) {
	if err := o.check(); err != nil {
		return HeyResult{}, fmt.Errorf("run hey: %w", err)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	runs := make([]*heyRun, o.Concurrency)
	for i := range runs {
		n := o.Requests / o.Concurrency
		if i < o.Requests%o.Concurrency {
			n++
		}
		runs[i] = newHeyRun(ctx, o, n)
	}
	started := time.Now()
	var wg sync.WaitGroup
	for _, r := range runs {
		wg.Go(r.run)
	}
	wg.Wait()
	res := HeyResult{Load: o.Name, Errors: make(map[string]int), Took: time.Since(started)}
	if err := ctx.Err(); err != nil {
		return res, fmt.Errorf("run hey: %w", err)
	}
	for _, r := range runs {
		if err := r.read(); err != nil {
			return res, fmt.Errorf("run hey: %w", err)
		}
	}
	zero := heyClock(runs)
	for _, r := range runs {
		r.addTo(&res, zero)
	}
	slices.SortFunc(res.Samples, func(a, b HeySample) int { return a.Sent.Compare(b.Sent) })
	if got := res.Total(); got != o.Requests {
		return res, fmt.Errorf("run hey: asked for %d requests, the result has %d", o.Requests, got)
	}
	return res, nil
}

func (o HeyOptions) check() error {
	if _, err := probe.Target(o.URL); err != nil {
		return err
	}
	switch {
	case o.Concurrency < 1 || o.Concurrency > MaxClients:
		return fmt.Errorf("a concurrency of %d is refused: choose 1 to %d", o.Concurrency, MaxClients)
	case o.Requests < o.Concurrency:
		return fmt.Errorf("%d requests for %d workers are refused: every worker sends at least one", o.Requests, o.Concurrency)
	case o.Requests > 1_000_000:
		return errors.New("more than 1,000,000 requests are refused: hey keeps no results beyond that")
	}
	return nil
}

// heyRun is one worker: a requester.Work and its output.
type heyRun struct {
	work *requester.Work
	out  bytes.Buffer
	sent int       // by its one worker, read when that is done
	made time.Time // when its first request was made
	conn net.Conn  // that of its first request, then of its last
	rep  heyReport
	ctx  context.Context //nolint:containedctx // lives as long as one call of Hey
}

func newHeyRun(ctx context.Context, o HeyOptions, n int) *heyRun {
	r := &heyRun{ctx: ctx}
	// requester reads the Host of Request even when RequestFunc makes them all.
	first, err := http.NewRequest(http.MethodGet, o.URL, nil)
	if err != nil {
		panic(err) // the URL was checked
	}
	unwatched := context.WithoutCancel(ctx)
	watched := httptrace.WithClientTrace(unwatched, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { r.conn = i.Conn },
	})
	r.work = &requester.Work{
		Request: first,
		RequestFunc: func() *http.Request {
			if r.sent++; r.sent == 1 {
				r.made = time.Now()
			}
			// Not every request: requester joins its own trace to this one by
			// reflection, which would be counted into the stack's figures.
			ctx := unwatched
			if r.sent == 1 || r.sent == n {
				ctx = watched
			}
			req, err := probe.NewRequest(ctx, http.MethodGet, o.URL, nil)
			if err != nil {
				panic(err) // the URL was checked
			}
			for k, vs := range o.Header {
				req.Header[k] = vs
			}
			req.Header.Set(probe.RequestIDHeader, probe.NewID(HeyID))
			return req
		},
		N: n, C: 1,
		Timeout:            max(int(o.Timeout.Seconds()), 1),
		DisableCompression: true,
		DisableKeepAlives:  !o.KeepAlive,
		DisableRedirects:   true,
		Output:             heyOutput,
		Writer:             &r.out,
	}
	return r
}

// run runs the work, and stops it when the context ends: the request under way
// is finished, within its timeout, because requester is not made for requests
// that are cut off (its time-keeping races with them). Stop is called at most
// once, since a second call would block.
func (r *heyRun) run() {
	r.work.Init()
	done := make(chan struct{})
	unhook := context.AfterFunc(r.ctx, func() {
		r.work.Stop()
		close(done)
	})
	r.work.Run()
	if !unhook() {
		<-done
	}
	r.hangUp()
}

// hangUp closes the connection that was kept alive. requester leaves it open, and
// its transport, which could close it, is out of reach: a series of loads would
// then hold more and more connections, for as long as NGINX bears an idle one, and
// the engine's process behind a published port spends six files on each.
func (r *heyRun) hangUp() {
	if r.conn != nil {
		_ = r.conn.Close() // a second time where the transport was first
	}
}

// heyClock finds when requester's clock began. The first offset of a run is that
// of its first request, which was made right then, or of a later one when the
// first failed; then the clock would seem to have begun too early.
func heyClock(runs []*heyRun) time.Time {
	var zero time.Time
	for _, r := range runs {
		if len(r.rep.Offsets) == 0 {
			continue
		}
		if z := r.made.Add(-time.Duration(slices.Min(r.rep.Offsets) * float64(time.Second))); z.After(zero) {
			zero = z
		}
	}
	if zero.IsZero() || zero.After(heyZero) {
		return heyZero
	}
	return zero
}

// read reads the run's report.
func (r *heyRun) read() error {
	if err := json.Unmarshal(r.out.Bytes(), &r.rep); err != nil {
		return fmt.Errorf("read its report: %w", err)
	}
	rep := r.rep
	if len(rep.Offsets) != len(rep.Lats) || len(rep.StatusCodes) != len(rep.Lats) {
		return fmt.Errorf("its report has %d latencies, %d offsets, %d statuses", len(rep.Lats), len(rep.Offsets), len(rep.StatusCodes))
	}
	failed := 0
	for _, n := range rep.ErrorDist {
		failed += n
	}
	if got, sent := len(rep.Lats)+failed, r.sent; got != sent {
		return fmt.Errorf("it sent %d requests, its report has %d", sent, got)
	}
	return nil
}

func (r *heyRun) addTo(res *HeyResult, zero time.Time) {
	for why, n := range r.rep.ErrorDist {
		res.Errors[why] += n
	}
	for i, s := range r.rep.Lats {
		res.Samples = append(res.Samples, HeySample{
			Sent:    zero.Add(time.Duration(r.rep.Offsets[i] * float64(time.Second))),
			Latency: time.Duration(s * float64(time.Second)),
			Status:  r.rep.StatusCodes[i],
		})
	}
}
