package compare

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// Side is what is compared of one run.
type Side struct {
	Name      string // as the user named it: the folder
	Info      lab.RunInfo
	Stack     lab.StackInfo
	Complete  bool
	scenarios []string
	verdicts  map[string]lab.Verdict
	streams   map[key][]float64 // in the order of time
	metrics   map[key]float64
	order     []key // of streams and metrics, as they are shown
}

// key names one thing that was measured: of requests the load, of samples the
// series and its label, of metrics the name.
type key struct {
	scenario, what, label string
	kind                  kind
}

type kind int

const (
	latencies kind = iota // ms, of good answers
	failures              // 1 for a failed request, 0 for a good one
	samples
	metric
)

// Take keeps of a run what a comparison needs; the run can be forgotten then.
func Take(name string, run *lab.Run) *Side {
	s := &Side{
		Name: name, Info: run.Info, Stack: run.Stack, Complete: run.Complete,
		verdicts: make(map[string]lab.Verdict), streams: make(map[key][]float64), metrics: make(map[key]float64),
	}
	for _, sc := range run.Scenarios {
		s.scenarios = append(s.scenarios, sc.Name)
		s.verdicts[sc.Name] = sc.Verdict
		// The record has the order of the answers. In that order slow answers of one
		// moment stand beside quick ones of a later.
		for q := range inTime(sc.Requests) {
			bad := 0.0
			if check.Failure(q.Value) != "" {
				bad = 1
			} else {
				s.add(key{sc.Name, q.Value.Load, "", latencies}, float64(q.Value.US)/1000)
			}
			s.add(key{sc.Name, q.Value.Load, "", failures}, bad)
		}
		for v := range inTime(sc.Samples) {
			s.add(key{sc.Name, v.Value.Series, v.Value.Label, samples}, v.Value.Value)
		}
		for _, m := range sc.Metrics {
			k := key{sc.Name, m.Name, "", metric}
			if _, twice := s.metrics[k]; !twice {
				s.order = append(s.order, k)
			}
			s.metrics[k] = m.Value
		}
	}
	slices.SortStableFunc(s.order, func(a, b key) int {
		return cmp.Or(
			cmp.Compare(slices.Index(s.scenarios, a.scenario), slices.Index(s.scenarios, b.scenario)),
			cmp.Compare(a.kind, b.kind), strings.Compare(a.what, b.what), strings.Compare(a.label, b.label),
		)
	})
	return s
}

func (s *Side) add(k key, v float64) {
	if _, known := s.streams[k]; !known {
		s.order = append(s.order, k)
	}
	s.streams[k] = append(s.streams[k], v)
}

// inTime goes through events in the order of time. It sorts their places: a run
// may have millions of them.
func inTime[T any](events []lab.Timed[T]) iter.Seq[*lab.Timed[T]] {
	return func(yield func(*lab.Timed[T]) bool) {
		places := make([]int32, len(events))
		for i := range places {
			places[i] = int32(i)
		}
		slices.SortStableFunc(places, func(a, b int32) int { return cmp.Compare(events[a].At, events[b].At) })
		for _, i := range places {
			if !yield(&events[i]) {
				return
			}
		}
	}
}

// stat is what is taken of each block.
type stat struct {
	name  string
	least int // values a block must have
	shown int // values it takes to show the stat of all, without a claim
	of    func(block []float64) float64
}

var (
	median = stat{"p50", 10, 1, func(b []float64) float64 { return check.Quantile(b, 0.50) }}
	tail   = stat{"p99", 100, 100, func(b []float64) float64 { return check.Quantile(b, 0.99) }}
	part   = stat{"failed %", 10, 1, func(b []float64) float64 {
		sum := 0.0
		for _, v := range b {
			sum += v
		}
		return 100 * sum / float64(len(b))
	}}
)

// stats are those that are compared of a kind of stream.
func (k kind) stats() []stat {
	switch k {
	case failures:
		return []stat{part}
	case metric:
		return []stat{{}}
	}
	return []stat{median, tail}
}

// Blocks of a stream: more than MostBlocks would make them depend on each
// other, and with fewer than LeastBlocks even the clearest difference would
// not pass the test beside some dozens of others.
const (
	MostBlocks  = 20
	LeastBlocks = 8
)

// blocks cuts a stream into blocks of equal size and takes the stat of each;
// nil when there are too few values. The values that are left over are the
// last ones.
func (t stat) blocks(values []float64) []float64 {
	n := min(len(values)/t.least, MostBlocks)
	if n < LeastBlocks {
		return nil
	}
	size := len(values) / n
	out := make([]float64, n)
	for i := range out {
		out[i] = t.whole(values[i*size : (i+1)*size])
	}
	return out
}

// whole takes the stat of all values.
func (t stat) whole(values []float64) float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return t.of(sorted)
}
