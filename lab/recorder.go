package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Recorder writes what happens to events.jsonl, in the order of arrival. All
// its methods may be called from several goroutines; a write error is kept and
// returned by Close, so that a scenario is not littered with checks for it.
//
// A Recorder given to a scenario stamps the scenario's name on every event;
// For makes one.
type Recorder struct {
	*sink
	scenario string
	mu       sync.Mutex
	checks   []Check
	faults   []Fault // injected and not yet healed, oldest first
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
// notify, when not nil, is told every event except requests and samples, which
// are too many to watch; it is called from the recording goroutine and must
// return at once.
func NewRecorder(w io.WriteCloser, start time.Time, notify func(Event)) *Recorder {
	return &Recorder{sink: &sink{w: bufio.NewWriterSize(w, 1<<16), c: w, start: start, notify: notify}}
}

// For returns a Recorder on the same record that stamps a scenario's name.
func (r *Recorder) For(scenario string) *Recorder {
	return &Recorder{sink: r.sink, scenario: scenario}
}

// Start is the moment from which the record's times count.
func (r *Recorder) Start() time.Time { return r.start }

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
	*b = line
	lineBuffers.Put(b)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("record event: %w", err)
	}
	if r.notify != nil && e.Kind != KindRequest && e.Kind != KindSample {
		r.notify(e)
	}
}

// Step tells what the scenario does now, as a sentence for the report.
func (r *Recorder) Step(format string, args ...any) {
	r.emit(time.Now(), Event{Kind: KindStep, Text: fmt.Sprintf(format, args...)})
}

// Request records one request, sent at a time.
func (r *Recorder) Request(sent time.Time, q Request) {
	r.emit(sent, Event{Kind: KindRequest, Request: &q})
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
		r.mu.Lock()
		r.checks = append(r.checks, c)
		r.mu.Unlock()
		r.emit(time.Now(), Event{Kind: KindCheck, Check: &c})
	}
}

// Inject injects a fault and records its phases. The runner heals it at the
// end of the scenario if the scenario did not.
func (r *Recorder) Inject(ctx context.Context, f Fault) error {
	r.fault(f, FaultAsked)
	// It is known to the runner before it is injected: a fault that breaks
	// half-way must be healed too.
	r.mu.Lock()
	r.faults = append(r.faults, f)
	r.mu.Unlock()
	if err := f.Inject(ctx); err != nil {
		return fmt.Errorf("inject %s: %w", f.Spec(), err)
	}
	r.fault(f, FaultInEffect)
	return nil
}

// Heal heals a fault and records its phases.
func (r *Recorder) Heal(ctx context.Context, f Fault) error {
	r.fault(f, FaultHealing)
	if err := f.Heal(ctx); err != nil {
		return fmt.Errorf("heal %s: %w", f.Spec(), err)
	}
	r.fault(f, FaultHealed)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.faults {
		if r.faults[i] == f {
			r.faults = append(r.faults[:i], r.faults[i+1:]...)
			break
		}
	}
	return nil
}

// healAll heals what is still injected, newest first.
func (r *Recorder) healAll(ctx context.Context) error {
	var errs []error
	for {
		r.mu.Lock()
		n := len(r.faults)
		if n == 0 {
			r.mu.Unlock()
			return errors.Join(errs...)
		}
		f := r.faults[n-1]
		r.mu.Unlock()
		if err := r.Heal(ctx, f); err != nil {
			errs = append(errs, err)
			r.mu.Lock()
			r.faults = r.faults[:n-1]
			r.mu.Unlock()
		}
	}
}

func (r *Recorder) fault(f Fault, p Phase) {
	r.emit(time.Now(), Event{Kind: KindFault, Fault: &FaultEvent{FaultSpec: f.Spec(), Phase: p}})
}

func (r *Recorder) verdicts() []Verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	vs := make([]Verdict, len(r.checks))
	for i, c := range r.checks {
		vs[i] = c.Verdict
	}
	return vs
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
