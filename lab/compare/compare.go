package compare

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"
)

// Alpha is the probability of even one false alarm in a whole comparison.
const Alpha = 0.05

// Result is a comparison of each group of runs with the first.
type Result struct {
	Groups   [][]*Side
	Repeated bool     // a group has several runs: the noise is that among runs
	Notes    []string // why the runs may not be comparable
	Rows     []Row
	Tests    int // by which the p-values were adjusted
}

// Row is one metric in every group.
type Row struct {
	Scenario string
	Metric   string // "latency home, p50 (ms)"
	Values   []Value
	Against  []Difference // from the first group, of each group; the first's own is empty

	takes int // samples of a run, for a test within it; 0: it has one value a run
}

// Value is what one group says. Of a single run's stream with enough samples it
// is the median of its blocks' values; of several runs it is the median of
// theirs.
type Value struct {
	Value   float64 // NaN when there is none
	Lo, Hi  float64 // of blocks: 95 % confidence interval of the median; of runs: the least and the greatest; else NaN
	Samples int     // of a single run's stream
	Blocks  int     // of a single run; 0 when there were too few samples
	Runs    int     // of several runs: how many have a value

	blocks []float64 // what is tested: values of blocks, or of runs
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
	groups := make([][]*Side, len(sides))
	for i, s := range sides {
		groups[i] = []*Side{s}
	}
	return Groups(groups, nil)
}

// Groups compares two or more groups of runs with the first of them; the runs
// of a group are repetitions of the same. With one run in each, the noise is
// that within the runs; with several in any, it is that among the runs, and
// what has one value a run can be tested too. Of the rows only those count
// whose "scenario metric" matches only, if that is not nil: who asks less needs
// less to be shown an answer.
func Groups(groups [][]*Side, only *regexp.Regexp) (*Result, error) {
	if len(groups) < 2 {
		return nil, errors.New("a comparison takes two runs or more")
	}
	var sides []*Side
	var names []string
	for i, g := range groups {
		if len(g) == 0 {
			return nil, fmt.Errorf("%s has no run", letter(i))
		}
		for k, s := range g {
			sides = append(sides, s)
			names = append(names, runName(groups, i, k))
		}
	}
	common := slices.Clone(sides[0].scenarios)
	for _, s := range sides[1:] {
		common = slices.DeleteFunc(common, func(name string) bool { return !slices.Contains(s.scenarios, name) })
	}
	if len(common) == 0 {
		return nil, errors.New("the runs have no scenario in common")
	}
	r := &Result{Groups: groups, Repeated: slices.ContainsFunc(groups, func(g []*Side) bool { return len(g) > 1 })}
	if r.Repeated {
		if err := distinct(sides, names); err != nil {
			return nil, err
		}
	}
	r.Notes = append(notes(sides, names, common), inTurn(groups)...)
	for _, k := range keys(sides) {
		if !slices.Contains(common, k.scenario) {
			continue
		}
		if k.kind == failures && !slices.ContainsFunc(sides, func(s *Side) bool { return slices.Max(append(s.streams[k], 0)) > 0 }) {
			continue // nothing failed anywhere: the metrics say so
		}
		for _, t := range k.kind.stats() {
			name := t.rowName(k)
			if only != nil && !only.MatchString(k.scenario+" "+name) {
				continue
			}
			row := Row{Scenario: k.scenario, Metric: name, takes: t.least * LeastBlocks}
			for _, g := range groups {
				if r.Repeated {
					row.Values = append(row.Values, amongRuns(t, k, g))
				} else {
					row.Values = append(row.Values, value(t, k, g[0]))
				}
			}
			if slices.ContainsFunc(row.Values, func(v Value) bool { return !math.IsNaN(v.Value) }) {
				r.Rows = append(r.Rows, row)
			}
		}
	}
	if only != nil && len(r.Rows) == 0 {
		return nil, fmt.Errorf("no metric of the common scenarios matches %q", only)
	}
	r.test()
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

// rowName names a stat of what was measured for people.
func (t stat) rowName(k key) string {
	name := strings.TrimSpace(k.what + " " + k.label)
	switch k.kind {
	case metric:
		return name
	case latencies:
		return fmt.Sprintf("latency %s, %s (ms)", name, t.name)
	case failures:
		return fmt.Sprintf("requests %s, %s", name, t.name)
	}
	return name + ", " + t.name
}

// value is what one run says by itself.
func value(t stat, k key, s *Side) Value {
	v := Value{Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	if k.kind == metric {
		if m, ok := s.metrics[k]; ok {
			v.Value = m
		}
		return v
	}
	values := s.streams[k]
	v.Samples = len(values)
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

// test fills in the differences of every row from its first value.
func (r *Result) test() {
	wanted := len(r.Rows) * (len(r.Groups) - 1)
	for i := range r.Rows {
		row := &r.Rows[i]
		row.Against = make([]Difference, len(row.Values))
		for k := 1; k < len(row.Values); k++ {
			if r.Repeated {
				row.Against[k] = differenceOfRuns(row.Values[0], row.Values[k], wanted)
			} else {
				row.Against[k] = row.difference(row.Values[0], row.Values[k])
			}
		}
	}
	r.holm()
}

func (row *Row) difference(a, b Value) Difference {
	if row.takes == 0 {
		return Difference{Why: "one value a run"}
	}
	if a.Blocks == 0 || b.Blocks == 0 {
		if a.Samples == 0 || b.Samples == 0 {
			return Difference{Why: "only in one run"}
		}
		return Difference{Why: fmt.Sprintf("too few samples, it takes %d", row.takes)}
	}
	return compared(a, b)
}

func compared(a, b Value) Difference {
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

// letter names a group in the table: A, B, …, Z, run 27, …
func letter(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return fmt.Sprintf("run %d", i+1)
}
