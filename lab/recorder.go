package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Recorder writes what happens to events.jsonl, in the order of arrival. All
// its methods may be called from several goroutines; a write error is kept and
// returned by Close, so that a scenario is not littered with checks for it.
//
// A Recorder given to a scenario stamps the scenario's name on every event and
// keeps what it has recorded, so that a scenario can look at it while it runs
// (Seen) and be judged by it afterwards. For makes one.
type Recorder struct {
	*sink
	scenario string
	seen     *ScenarioRun // guarded by sink.mu, as is shared; nil outside a scenario
	shared   sharing

	mu       sync.Mutex
	faults   []Fault // injected and not yet healed, oldest first
	cleanups []cleanup
}

// cleanup is something to be put away after a scenario.
type cleanup struct {
	what  string
	limit time.Duration
	do    func(context.Context) error
}

type sink struct {
	mu     sync.Mutex
	w      *bufio.Writer
	c      io.Closer
	start  time.Time
	err    error
	notify func(Event)
}

// NewRecorder writes to w, which it closes at the end. Times count from start.
// notify, when not nil, is told every event except those of which there are too
// many to watch (requests, samples and the like); it is called from the
// recording goroutine and must return at once.
func NewRecorder(w io.WriteCloser, start time.Time, notify func(Event)) *Recorder {
	return &Recorder{sink: &sink{w: bufio.NewWriterSize(w, 1<<16), c: w, start: start, notify: notify}}
}

// For returns a Recorder on the same record that stamps a scenario's name.
func (r *Recorder) For(scenario string) *Recorder {
	return &Recorder{sink: r.sink, scenario: scenario, seen: new(ScenarioRun)}
}

// Start is the moment from which the record's times count.
func (r *Recorder) Start() time.Time { return r.start }

// At is a moment as the record counts it, in whole microseconds.
func (r *Recorder) At(m time.Time) time.Duration { return m.Sub(r.start).Truncate(time.Microsecond) }

// Seen is what the scenario has recorded so far: a snapshot, which later events
// do not change. It costs nothing, since nothing that was recorded is ever
// changed; append nothing to it.
func (r *Recorder) Seen() *ScenarioRun {
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	snapshot := *r.seen
	return &snapshot
}

var lineBuffers = sync.Pool{New: func() any { return new([]byte) }}

func (r *Recorder) emit(at time.Time, e Event) {
	e.At = at.Sub(r.start).Microseconds()
	e.Scenario = r.scenario
	b := lineBuffers.Get().(*[]byte)
	line, err := appendLine((*b)[:0], &e)
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	if err == nil {
		_, err = r.w.Write(line)
	}
	if r.seen != nil {
		// What is judged is what was recorded: the same values, in the same order.
		r.shared.share(&e)
		_ = r.seen.add(e, time.Duration(e.At)*time.Microsecond, nil)
	}
	*b = line
	lineBuffers.Put(b)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("record event: %w", err)
	}
	if r.notify != nil && !slices.Contains(unwatched, e.Kind) {
		r.notify(e)
	}
}

// unwatched are the kinds of which there are too many to watch.
var unwatched = []Kind{KindRequest, KindServed, KindWrite, KindRead, KindFound, KindSample}

// Step tells what the scenario does now, as a sentence for the report.
func (r *Recorder) Step(format string, args ...any) {
	r.emit(time.Now(), Event{Kind: KindStep, Text: fmt.Sprintf(format, args...)})
}

// Expect says how many requests and lines of the balancer's log the scenario is
// going to record, more or less. A long run then needs no second copy of them
// each time that its lists grow.
func (r *Recorder) Expect(requests, served int) {
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	if r.seen != nil {
		r.seen.Requests = slices.Grow(r.seen.Requests, requests)
		r.seen.Served = slices.Grow(r.seen.Served, served)
	}
}

// Request records one request, sent at a time.
func (r *Recorder) Request(sent time.Time, q Request) {
	at := r.At(sent)
	b := lineBuffers.Get().(*[]byte)
	defer lineBuffers.Put(b)
	line, usual := appendRequest((*b)[:0], at.Microseconds(), r.scenario, &q)
	if !usual {
		unusual := q // which is kept on the heap, and q is not
		r.emit(sent, Event{Kind: KindRequest, Request: &unusual})
		return
	}
	*b = line
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	if _, err := r.w.Write(line); err != nil && r.err == nil {
		r.err = fmt.Errorf("record event: %w", err)
	}
	if r.seen != nil {
		q.Err = r.shared.texts.keep(q.Err) // each failure has made a text of its own
		r.seen.Requests = append(roomy(r.seen.Requests), Timed[Request]{at, q})
	}
}

// Served records the balancer's word on a request, finished at a time.
func (r *Recorder) Served(finished time.Time, v Served) {
	r.emit(finished, Event{Kind: KindServed, Served: &v})
}

// Write records one write, sent at a time.
func (r *Recorder) Write(sent time.Time, w Write) {
	r.emit(sent, Event{Kind: KindWrite, Write: &w})
}

// Read records one read of a session, sent at a time.
func (r *Recorder) Read(sent time.Time, v Read) {
	r.emit(sent, Event{Kind: KindRead, Read: &v})
}

// Found records which writes a server holds.
func (r *Recorder) Found(f Found) {
	r.emit(time.Now(), Event{Kind: KindFound, Found: &f})
}

// Mark records a named moment and returns it.
func (r *Recorder) Mark(name string) time.Duration { return r.MarkAt(time.Now(), name) }

// MarkAt is Mark for a moment that is over.
func (r *Recorder) MarkAt(at time.Time, name string) time.Duration {
	r.emit(at, Event{Kind: KindMark, Mark: &Mark{Name: name}})
	return r.At(at)
}

// Fact records any other observation. Its value is written as JSON; one that
// cannot be is kept as an error for Close.
func (r *Recorder) Fact(name string, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		r.sink.mu.Lock()
		defer r.sink.mu.Unlock()
		r.err = errors.Join(r.err, fmt.Errorf("record fact %q: %w", name, err))
		return
	}
	r.emit(time.Now(), Event{Kind: KindFact, Fact: &Fact{Name: name, Value: b}})
}

// Cleanup registers something to be put away when the scenario is over, however
// it ends: after its faults were healed, the last registered first, within a
// limit of its own. what says it in an error: "delete the products".
func (r *Recorder) Cleanup(what string, limit time.Duration, do func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, cleanup{what, limit, do})
}

// cleanUp runs the registered cleanups, each once.
func (r *Recorder) cleanUp(ctx context.Context) error {
	var errs []error
	for {
		r.mu.Lock()
		n := len(r.cleanups)
		if n == 0 {
			r.mu.Unlock()
			return errors.Join(errs...)
		}
		c := r.cleanups[n-1]
		r.cleanups = r.cleanups[:n-1]
		r.mu.Unlock()
		limited, cancel := context.WithTimeout(ctx, c.limit)
		if err := guard(func() error { return c.do(limited) }); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.what, err))
		}
		cancel()
	}
}

// Sample records one measured value.
func (r *Recorder) Sample(at time.Time, series, label string, value float64) {
	r.emit(at, Event{Kind: KindSample, Sample: &Sample{Series: series, Label: label, Value: value}})
}

// Metric records one number of the result. JSON has no NaN: a value that is
// not a number is left out, since it was not measured.
func (r *Recorder) Metric(name string, value float64) {
	if value != value { //nolint:gocritic // NaN is the only value unequal to itself
		return
	}
	r.emit(time.Now(), Event{Kind: KindMetric, Metric: &Metric{Name: name, Value: value}})
}

// Check records judged claims.
func (r *Recorder) Check(checks ...Check) {
	for _, c := range checks {
		r.emit(time.Now(), Event{Kind: KindCheck, Check: &c})
	}
}

// Table records a small table of the result.
func (r *Recorder) Table(t Table) {
	r.emit(time.Now(), Event{Kind: KindTable, Table: &t})
}

// judged records a judgement.
func (r *Recorder) judged(j Judgement) {
	r.Check(j.Checks...)
	for _, m := range j.Metrics {
		r.Metric(m.Name, m.Value)
	}
	for _, t := range j.Tables {
		r.Table(t)
	}
}

// Flush writes out what is buffered.
func (r *Recorder) Flush() error {
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	if err := r.w.Flush(); err != nil && r.err == nil {
		r.err = fmt.Errorf("write record: %w", err)
	}
	return r.err
}

// Close writes out what is buffered, closes the record and returns the first
// error of its life.
func (r *Recorder) Close() error {
	return errors.Join(r.Flush(), r.c.Close())
}

// Run opens the record.
func (r *Recorder) Run(info RunInfo) {
	info.Schema = SchemaVersion
	r.emit(r.start, Event{Kind: KindRun, Run: &info})
}

// Stack records which stack is judged.
func (r *Recorder) Stack(info StackInfo) {
	r.emit(time.Now(), Event{Kind: KindStack, Stack: &info})
}
