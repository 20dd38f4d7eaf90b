package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
	Marks    []Timed[Mark]
	Requests []Timed[Request] // in the order of arrival of the answers
	Served   []Timed[Served]
	Writes   []Timed[Write]
	Reads    []Timed[Read]
	Found    []Timed[Found]
	Samples  []Timed[Sample]
	Facts    []Timed[Fact]
	Ran      *Ran // nil when it was cut off, skipped, or recorded before schema 2
	Metrics  []Metric
	Tables   []Table
	Checks   []Check

	// How many checks and metrics Run recorded by itself, before the judging.
	ownChecks, ownMetrics int
}

// Timed is a value with its time since the run's start.
type Timed[T any] struct {
	At    time.Duration
	Value T
}

// MarkAt returns the moment with a name, the last one if it was marked twice.
func (s *ScenarioRun) MarkAt(name string) (time.Duration, bool) {
	for i := len(s.Marks) - 1; i >= 0; i-- {
		if s.Marks[i].Value.Name == name {
			return s.Marks[i].At, true
		}
	}
	return 0, false
}

// PhaseAt returns the first moment at which a fault of this scenario was in a
// phase. A scenario with several faults looks at Faults.
func (s *ScenarioRun) PhaseAt(p Phase) (time.Duration, bool) {
	for _, f := range s.Faults {
		if f.Value.Phase == p {
			return f.At, true
		}
	}
	return 0, false
}

// ReadFact reads the last fact with a name. An error means that there is none,
// or one of another shape: then the record is from another version of the lab.
func ReadFact[T any](s *ScenarioRun, name string) (value T, err error) {
	for i := len(s.Facts) - 1; i >= 0; i-- {
		if s.Facts[i].Value.Name != name {
			continue
		}
		if err := json.Unmarshal(s.Facts[i].Value.Value, &value); err != nil {
			return value, fmt.Errorf("read fact %q: %w", name, err)
		}
		return value, nil
	}
	return value, fmt.Errorf("the record has no fact %q", name)
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
	p := &runParser{run: &Run{Verdict: Unknown}, open: make(map[string]*ScenarioRun), lines: lines, ids: make(map[*ScenarioRun]*IDs)}
	if lines != nil {
		p.counts = countFrequent(r)
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
	counts map[string]*frequentCounts // what is to come, by scenario, as far as known
	ids    map[*ScenarioRun]*IDs      // by scenario: its requests
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
		s := &ScenarioRun{Verdict: Unknown, Reason: "the run was cut off"}
		p.open[e.Scenario] = s
		p.run.Scenarios = append(p.run.Scenarios, s)
		return s.add(e, at, missing)
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

// scenarioKinds are the kinds of event that have a content and belong to a
// scenario that has begun.
var scenarioKinds = []Kind{
	KindFault, KindMark, KindRequest, KindServed, KindWrite, KindRead, KindFound, KindSample, KindFact, KindRan,
	KindMetric, KindTable, KindCheck, KindEnd,
}

func (s *ScenarioRun) add(e Event, at time.Duration, missing error) error {
	switch {
	case e.Kind == KindBegin && e.Begin != nil:
		s.Begin, s.Start = *e.Begin, at
	case e.Kind == KindStep:
		s.Steps = append(s.Steps, Timed[string]{at, e.Text})
	case e.Kind == KindFault && e.Fault != nil:
		s.Faults = append(s.Faults, Timed[FaultEvent]{at, *e.Fault})
	case e.Kind == KindRequest && e.Request != nil:
		s.Requests = append(s.Requests, Timed[Request]{at, *e.Request})
	case e.Kind == KindSample && e.Sample != nil:
		s.Samples = append(s.Samples, Timed[Sample]{at, *e.Sample})
	case e.Kind == KindMark && e.Mark != nil:
		s.Marks = append(s.Marks, Timed[Mark]{at, *e.Mark})
	case e.Kind == KindServed && e.Served != nil:
		s.Served = append(roomy(s.Served), Timed[Served]{at, *e.Served})
	case e.Kind == KindWrite && e.Write != nil:
		s.Writes = append(s.Writes, Timed[Write]{at, *e.Write})
	case e.Kind == KindRead && e.Read != nil:
		s.Reads = append(s.Reads, Timed[Read]{at, *e.Read})
	case e.Kind == KindFound && e.Found != nil:
		s.Found = append(s.Found, Timed[Found]{at, *e.Found})
	case e.Kind == KindFact && e.Fact != nil:
		s.Facts = append(s.Facts, Timed[Fact]{at, *e.Fact})
	case e.Kind == KindRan && e.Ran != nil:
		s.Ran = e.Ran
		s.ownChecks, s.ownMetrics = len(s.Checks), len(s.Metrics)
	case e.Kind == KindTable && e.Table != nil:
		s.Tables = append(s.Tables, *e.Table)
	case e.Kind == KindMetric && e.Metric != nil:
		s.Metrics = append(s.Metrics, *e.Metric)
	case e.Kind == KindCheck && e.Check != nil:
		s.Checks = append(s.Checks, *e.Check)
	case e.Kind == KindEnd && e.End != nil:
		s.Verdict, s.Reason, s.Length = e.End.Verdict, e.End.Reason, at-s.Start
	case slices.Contains(scenarioKinds, e.Kind):
		return missing
	default:
		return fmt.Errorf("unknown event %q", e.Kind)
	}
	return nil
}
