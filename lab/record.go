package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Run is a record read back: everything that a report is made of.
type Run struct {
	Info      RunInfo
	Stack     StackInfo
	Verdict   Verdict // Unknown when the run was cut off
	Complete  bool    // the record has its last line
	Length    time.Duration
	Scenarios []*ScenarioRun
}

// ScenarioRun is what one scenario did, saw and was judged.
type ScenarioRun struct {
	Begin
	Verdict  Verdict
	Reason   string
	Start    time.Duration // since the run's start
	Length   time.Duration
	Steps    []Timed[string]
	Faults   []Timed[FaultEvent]
	Requests []Timed[Request] // in the order of arrival of the answers
	Samples  []Timed[Sample]
	Metrics  []Metric
	Checks   []Check
}

// Timed is a value with its time since the run's start.
type Timed[T any] struct {
	At    time.Duration
	Value T
}

// Metric returns a metric by name.
func (s *ScenarioRun) Metric(name string) (float64, bool) {
	for _, m := range s.Metrics {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

// ReadRun reads the events.jsonl at path; see ParseRun.
func ReadRun(path string) (*Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	defer f.Close()
	run, err := ParseRun(f)
	if err != nil {
		return run, fmt.Errorf("read record %s: %w", path, err)
	}
	return run, nil
}

// ParseRun reads a record. A record that is cut off or corrupt gives both what
// is whole before the bad line and an error with the line's number.
//
// A reader that can seek, such as a file, is read twice: the first time only
// to count, so that a long record does not need twice its memory.
func ParseRun(r io.Reader) (*Run, error) { return parseRun(r, newLineReader()) }

// parseRun is ParseRun; without a lineReader every line goes through
// encoding/json.
func parseRun(r io.Reader, lines *lineReader) (*Run, error) {
	p := &runParser{run: &Run{Verdict: Unknown}, open: make(map[string]*ScenarioRun), lines: lines}
	if lines != nil {
		p.counts = countRequests(r)
	}
	in := bufio.NewReaderSize(r, 1<<16)
	var long []byte // a line that does not fit into the buffer
	for line := 1; ; line++ {
		b, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long[:0], b...)
			for errors.Is(err, bufio.ErrBufferFull) {
				b, err = in.ReadSlice('\n')
				long = append(long, b...)
			}
			b = long
		}
		if errors.Is(err, io.EOF) {
			if len(b) > 0 {
				return p.run, fmt.Errorf("line %d: cut off in the middle", line)
			}
			if line == 1 {
				return p.run, errors.New("the record is empty")
			}
			return p.run, nil
		}
		if err != nil {
			return p.run, fmt.Errorf("line %d: %w", line, err)
		}
		if line > 1 && p.frequent(b) {
			continue
		}
		var e Event
		if err := json.Unmarshal(b, &e); err != nil {
			return p.run, fmt.Errorf("line %d: %w", line, err)
		}
		if err := p.add(e, line == 1); err != nil {
			return p.run, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

type runParser struct {
	run    *Run
	open   map[string]*ScenarioRun
	lines  *lineReader
	counts map[string]int // requests to come, by scenario, as far as known
}

// frequent takes a line that is a request or a sample in its usual form; any
// other, and any that is wrong, it leaves alone.
func (p *runParser) frequent(line []byte) bool {
	if p.lines == nil {
		return false
	}
	us, kind, scenario, ok := p.lines.head(line)
	if !ok {
		return false
	}
	s := p.open[scenario]
	at := time.Duration(us) * time.Microsecond
	switch {
	case s == nil:
		return false
	case kind == string(KindRequest):
		q := Timed[Request]{At: at}
		if !p.lines.request(&q.Value) {
			return false
		}
		if n := p.counts[scenario]; n > 0 && s.Requests == nil {
			s.Requests = make([]Timed[Request], 0, n)
		}
		s.Requests = append(s.Requests, q)
	case kind == string(KindSample):
		v := Timed[Sample]{At: at}
		if !p.lines.sample(&v.Value) {
			return false
		}
		s.Samples = append(s.Samples, v)
	default:
		return false
	}
	p.run.Length = max(p.run.Length, at)
	return true
}

// countRequests counts the requests of each scenario and goes back to where
// the reader stood. It counts what is in the usual form, up to the end or the
// first error; a wrong count costs memory and nothing else. It is nil for a
// reader that cannot go back.
func countRequests(r io.Reader) map[string]int {
	file, ok := r.(io.Seeker)
	if !ok {
		return nil
	}
	start, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil // a pipe
	}
	counts, lines := make(map[string]int), newLineReader()
	in := bufio.NewReaderSize(r, 1<<16)
	for whole := true; ; {
		b, err := in.ReadSlice('\n')
		if whole {
			if _, kind, scenario, ok := lines.head(b); ok && kind == string(KindRequest) {
				counts[scenario]++
			}
		}
		if whole = err == nil; !whole && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	if _, err := file.Seek(start, io.SeekStart); err != nil {
		return nil // reading on will say what is wrong
	}
	return counts
}

func (p *runParser) add(e Event, first bool) error {
	at := time.Duration(e.At) * time.Microsecond
	if end := at; end > p.run.Length {
		p.run.Length = end
	}
	if first != (e.Kind == KindRun) {
		return fmt.Errorf("event %q in the wrong place: a record begins with one %q event", e.Kind, KindRun)
	}
	missing := fmt.Errorf("event %q without its content", e.Kind)
	switch e.Kind {
	case KindRun:
		if e.Run == nil {
			return missing
		}
		if e.Run.Schema < 1 || e.Run.Schema > SchemaVersion {
			return fmt.Errorf("schema %d, this lab reads 1 to %d: use a newer lab", e.Run.Schema, SchemaVersion)
		}
		p.run.Info = *e.Run
		return nil
	case KindStack:
		if e.Stack == nil {
			return missing
		}
		p.run.Stack = *e.Stack
		return nil
	case KindDone:
		if e.Done == nil {
			return missing
		}
		p.run.Verdict, p.run.Complete = e.Done.Verdict, true
		return nil
	case KindBegin:
		if e.Begin == nil {
			return missing
		}
		s := &ScenarioRun{Begin: *e.Begin, Verdict: Unknown, Reason: "the run was cut off", Start: at}
		p.open[e.Scenario] = s
		p.run.Scenarios = append(p.run.Scenarios, s)
		return nil
	}
	if e.Scenario == "" && e.Kind == KindStep {
		return nil // progress of the run itself
	}
	s := p.open[e.Scenario]
	if s == nil {
		return fmt.Errorf("event %q of scenario %q, which has not begun", e.Kind, e.Scenario)
	}
	return s.add(e, at, missing)
}

func (s *ScenarioRun) add(e Event, at time.Duration, missing error) error {
	switch {
	case e.Kind == KindStep:
		s.Steps = append(s.Steps, Timed[string]{at, e.Text})
	case e.Kind == KindFault && e.Fault != nil:
		s.Faults = append(s.Faults, Timed[FaultEvent]{at, *e.Fault})
	case e.Kind == KindRequest && e.Request != nil:
		s.Requests = append(s.Requests, Timed[Request]{at, *e.Request})
	case e.Kind == KindSample && e.Sample != nil:
		s.Samples = append(s.Samples, Timed[Sample]{at, *e.Sample})
	case e.Kind == KindMetric && e.Metric != nil:
		s.Metrics = append(s.Metrics, *e.Metric)
	case e.Kind == KindCheck && e.Check != nil:
		s.Checks = append(s.Checks, *e.Check)
	case e.Kind == KindEnd && e.End != nil:
		s.Verdict, s.Reason, s.Length = e.End.Verdict, e.End.Reason, at-s.Start
	case e.Kind == KindFault, e.Kind == KindRequest, e.Kind == KindSample, e.Kind == KindMetric,
		e.Kind == KindCheck, e.Kind == KindEnd:
		return missing
	default:
		return fmt.Errorf("unknown event %q", e.Kind)
	}
	return nil
}
