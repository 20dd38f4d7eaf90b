package compare

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"

	"inventariolab/lab"
)

// Alpha is the probability of even one false alarm in a whole comparison.
const Alpha = 0.05

// Result is a comparison of each run with the first.
type Result struct {
	Sides []*Side
	Notes []string // why the runs may not be comparable
	Rows  []Row
	Tests int // by which the p-values were adjusted
}

// Row is one metric in every run.
type Row struct {
	Scenario string
	Metric   string // "latency home, p50 (ms)"
	Values   []Value
	Against  []Difference // from the first run, of each run; the first's own is empty
}

// Value is what one run says. Of a stream with enough samples it is the median
// of its blocks' values.
type Value struct {
	Value   float64 // NaN when the run has none
	Lo, Hi  float64 // 95 % confidence interval of the median of the blocks; NaN without blocks
	Samples int     // 0 for a metric without samples
	Blocks  int     // 0 when there were too few samples

	blocks []float64
}

// Difference is the verdict on two values.
type Difference struct {
	Tested  bool
	P       float64 // adjusted for the number of tests
	Differs bool    // P ≤ Alpha
	Change  float64 // as a part of the first value; not finite where that is 0
	Why     string  // why it was not tested
}

// Runs compares two or more runs with the first of them.
func Runs(sides []*Side) (*Result, error) {
	if len(sides) < 2 {
		return nil, errors.New("a comparison takes two runs or more")
	}
	common := slices.Clone(sides[0].scenarios)
	for _, s := range sides[1:] {
		common = slices.DeleteFunc(common, func(name string) bool { return !slices.Contains(s.scenarios, name) })
	}
	if len(common) == 0 {
		return nil, errors.New("the runs have no scenario in common")
	}
	r := &Result{Sides: sides, Notes: notes(sides, common)}
	for _, k := range keys(sides) {
		if !slices.Contains(common, k.scenario) {
			continue
		}
		if k.kind == metric {
			r.Rows = append(r.Rows, metricRow(k, sides))
			continue
		}
		if k.kind == failures && !slices.ContainsFunc(sides, func(s *Side) bool { return slices.Max(append(s.streams[k], 0)) > 0 }) {
			continue // nothing failed anywhere: the metrics say so
		}
		for _, t := range k.kind.stats() {
			row := streamRow(k, t, sides)
			if slices.ContainsFunc(row.Values, func(v Value) bool { return !math.IsNaN(v.Value) }) {
				r.Rows = append(r.Rows, row)
			}
		}
	}
	r.holm()
	return r, nil
}

// keys are those of all sides, in the order of the first that has them.
func keys(sides []*Side) []key {
	var all []key
	seen := make(map[key]bool)
	for _, s := range sides {
		for _, k := range s.order {
			if !seen[k] {
				seen[k] = true
				all = append(all, k)
			}
		}
	}
	return all
}

func metricRow(k key, sides []*Side) Row {
	row := Row{Scenario: k.scenario, Metric: k.what}
	for _, s := range sides {
		v, ok := s.metrics[k]
		if !ok {
			v = math.NaN()
		}
		row.Values = append(row.Values, Value{Value: v, Lo: math.NaN(), Hi: math.NaN()})
		row.Against = append(row.Against, Difference{Why: "one value a run"})
	}
	return row
}

func streamRow(k key, t stat, sides []*Side) Row {
	name := strings.TrimSpace(k.what + " " + k.label)
	switch k.kind {
	case latencies:
		name = fmt.Sprintf("latency %s, %s (ms)", name, t.name)
	case failures:
		name = fmt.Sprintf("requests %s, %s", name, t.name)
	default:
		name += ", " + t.name
	}
	row := Row{Scenario: k.scenario, Metric: name}
	for i, s := range sides {
		row.Values = append(row.Values, value(t, s.streams[k]))
		var d Difference
		if i > 0 {
			d = difference(row.Values[0], row.Values[i], t)
		}
		row.Against = append(row.Against, d)
	}
	return row
}

func value(t stat, values []float64) Value {
	v := Value{Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Samples: len(values)}
	v.blocks = t.blocks(values)
	v.Blocks = len(v.blocks)
	switch {
	case v.Blocks > 0:
		sum := benchmath.AssumeNothing.Summary(sample(v.blocks), 0.95)
		v.Value, v.Lo, v.Hi = sum.Center, sum.Lo, sum.Hi
	case len(values) >= t.shown:
		v.Value = t.whole(values)
	}
	return v
}

func sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(values), &benchmath.Thresholds{CompareAlpha: Alpha})
}

func difference(a, b Value, t stat) Difference {
	if a.Blocks == 0 || b.Blocks == 0 {
		if a.Samples == 0 || b.Samples == 0 {
			return Difference{Why: "only in one run"}
		}
		return Difference{Why: fmt.Sprintf("too few samples, it takes %d", t.least*LeastBlocks)}
	}
	return Difference{
		Tested: true,
		P:      benchmath.AssumeNothing.Compare(sample(a.blocks), sample(b.blocks)).P,
		Change: b.Value/a.Value - 1,
	}
}

// holm adjusts the p-values for the number of tests: the smallest is multiplied
// by it, the next by one less, and so on, none getting below the one before.
func (r *Result) holm() {
	var tested []*Difference
	for _, row := range r.Rows {
		for i := range row.Against {
			if row.Against[i].Tested {
				tested = append(tested, &row.Against[i])
			}
		}
	}
	r.Tests = len(tested)
	slices.SortStableFunc(tested, func(a, b *Difference) int {
		switch {
		case a.P < b.P:
			return -1
		case a.P > b.P:
			return 1
		}
		return 0
	})
	below := 0.0
	for i, d := range tested {
		below = max(below, min(1, d.P*float64(len(tested)-i)))
		d.P, d.Differs = below, below <= Alpha
	}
}

// notes tell what besides the change under test is not the same in all runs.
func notes(sides []*Side, common []string) []string {
	var out []string
	first := sides[0]
	for i, s := range sides {
		if !s.Complete {
			out = append(out, fmt.Sprintf("%s was cut off: its last scenario is not whole", letter(i)))
		}
		for _, name := range s.scenarios {
			if !slices.Contains(common, name) {
				out = append(out, fmt.Sprintf("%s has the scenario %s, and not every run has: left out", letter(i), name))
			}
		}
		if i == 0 {
			continue
		}
		if s.Info.Started.Equal(first.Info.Started) {
			out = append(out, fmt.Sprintf("%s began in the same moment as A: is it the same run?", letter(i)))
		}
		differ := func(what, a, b string) {
			if a != b {
				out = append(out, fmt.Sprintf("%s differ: A %q, %s %q", what, a, letter(i), b))
			}
		}
		am, bm := reflect.ValueOf(first.Info.Machine), reflect.ValueOf(s.Info.Machine)
		for f := range am.NumField() {
			differ("machines: "+am.Type().Field(f).Name, fmt.Sprint(am.Field(f)), fmt.Sprint(bm.Field(f)))
		}
		differ("options", first.Info.Command, s.Info.Command)
		differ("images", first.Stack.Base, s.Stack.Base)
		for _, program := range slices.Sorted(maps.Keys(first.Stack.Versions)) {
			differ("versions of "+program, first.Stack.Versions[program], s.Stack.Versions[program])
		}
		if !reflect.DeepEqual(first.Stack.Expected, s.Stack.Expected) {
			out = append(out, fmt.Sprintf("topologies differ: not the same was expected of A's stack and of %s's", letter(i)))
		}
		for _, name := range common {
			a, b := first.verdicts[name], s.verdicts[name]
			differ("verdicts of "+name, string(a), string(b))
			if b != lab.Pass && a == b {
				out = append(out, fmt.Sprintf("%s is %s in A and %s: its numbers may not mean what they seem", name, b, letter(i)))
			}
		}
	}
	return out
}

// letter names a run in the table: A, B, …, Z, run 27, …
func letter(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return fmt.Sprintf("run %d", i+1)
}
