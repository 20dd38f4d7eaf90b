package compare_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/compare"
)

// wave makes n latencies around ms whose neighbours are alike, as those of
// requests are: a first-order autoregression.
func wave(rnd *rand.Rand, n int, ms, likeness float64) []float64 {
	out := make([]float64, n)
	x := rnd.NormFloat64() / math.Sqrt(1-likeness*likeness)
	for i := range out {
		x = likeness*x + rnd.NormFloat64()
		out[i] = ms * math.Exp(0.1*x)
	}
	return out
}

var began = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// runOf is a run with one load.
func runOf(ms []float64) *lab.Run {
	began = began.Add(time.Hour)
	sc := &lab.ScenarioRun{Begin: lab.Begin{Name: "load"}, Verdict: lab.Pass}
	for i, v := range ms {
		sc.Requests = append(sc.Requests, lab.Timed[lab.Request]{
			At: time.Duration(i) * time.Millisecond, Value: lab.Request{Load: "home", Status: 200, US: int64(v * 1000)},
		})
	}
	return &lab.Run{Info: lab.RunInfo{Started: began}, Complete: true, Verdict: lab.Pass, Scenarios: []*lab.ScenarioRun{sc}}
}

func compared(t require.TestingT, runs ...*lab.Run) *compare.Result {
	var sides []*compare.Side
	for i, r := range runs {
		sides = append(sides, compare.Take(string(rune('a'+i)), r))
	}
	r, err := compare.Runs(sides)
	require.NoError(t, err)
	return r
}

func TestEqualRunsSeldomDiffer(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	const times = 400
	alarms := 0
	for range times {
		r := compared(t, runOf(wave(rnd, 2000, 10, 0.9)), runOf(wave(rnd, 2000, 10, 0.9)))
		require.Equal(t, 2, r.Tests)
		if r.Rows[0].Against[1].Differs || r.Rows[1].Against[1].Differs {
			alarms++
		}
	}
	// Binomial with 5 %: mean 20, standard deviation 4.4.
	assert.LessOrEqual(t, alarms, 33, "alarms in %d comparisons of equal runs with alpha %g", times, compare.Alpha)
}

func TestADifferenceIsNoticed(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	base := wave(rnd, 2000, 10, 0.5)
	r := compared(t, runOf(base), runOf(wave(rnd, 2000, 12, 0.5)), runOf(wave(rnd, 2000, 10, 0.5)))
	p50 := r.Rows[0]
	assert.Equal(t, "latency home, p50 (ms)", p50.Metric)
	assert.True(t, p50.Against[1].Differs)
	assert.InDelta(t, 0.2, p50.Against[1].Change, 0.05)
	assert.Less(t, p50.Against[1].P, 0.001)
	assert.False(t, p50.Against[2].Differs, "C is like A")
	assert.Equal(t, 4, r.Tests, "p50 and p99 of two runs against the first")
	assert.Equal(t, []int{2000, 20}, []int{p50.Values[0].Samples, p50.Values[0].Blocks})
}

func TestARunDoesNotDifferFromItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := runOf(rapid.SliceOfN(rapid.Float64Range(0, 100), 1, 300).Draw(t, "latencies"))
		r := compared(t, run, run)
		require.Contains(t, strings.Join(r.Notes, "\n"), "is it the same run?")
		for _, row := range r.Rows {
			require.False(t, row.Against[1].Differs, row.Metric)
			require.Equal(t, row.Values[0].Blocks > 0, row.Against[1].Tested)
		}
	})
}

func TestTheOrderOfArrivalDoesNotMatter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	a, b := runOf(wave(rnd, 900, 10, 0.9)), runOf(wave(rnd, 900, 11, 0.9))
	want := compared(t, a, b)
	q := b.Scenarios[0].Requests
	rnd.Shuffle(len(q), func(i, j int) { q[i], q[j] = q[j], q[i] })
	assert.Equal(t, want.Rows, compared(t, a, b).Rows)
}

func TestWhatIsClaimedOfWhat(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	a, b := runOf(wave(rnd, 200, 10, 0)), runOf(wave(rnd, 200, 10, 0))
	for i := range 100 {
		b.Scenarios[0].Requests[2*i].Value.Status = 502
	}
	a.Scenarios[0].Metrics = []lab.Metric{{Name: "rps", Value: 100}, {Name: "only_a", Value: 1}}
	b.Scenarios[0].Metrics = []lab.Metric{{Name: "rps", Value: 900}}
	a.Scenarios[0].Samples = []lab.Timed[lab.Sample]{{Value: lab.Sample{Series: "lag_ms", Label: "slave1", Value: 5}}}
	b.Scenarios = append(b.Scenarios, &lab.ScenarioRun{Begin: lab.Begin{Name: "weights"}})
	b.Info.Machine.Cores, b.Info.Command, b.Complete = 8, "lab run -c 5", false
	b.Stack.Expected = &lab.Topology{}
	b.Scenarios[0].Verdict = lab.Fail
	r := compared(t, a, b)
	rows := make(map[string]compare.Row)
	for _, row := range r.Rows {
		rows[row.Metric] = row
	}
	failed := rows["requests home, failed %"]
	assert.InDelta(t, 50, failed.Values[1].Value, 0)
	assert.True(t, failed.Against[1].Differs)
	assert.Contains(t, failed.Against[1].String(), "differs (p", "no per cent of nothing")
	assert.Equal(t, 100, rows["latency home, p50 (ms)"].Values[1].Samples, "latencies are those of good answers")
	assert.Equal(t, "no claim: too few samples, it takes 800", rows["latency home, p99 (ms)"].Against[1].String())
	assert.Equal(t, "no claim: one value a run", rows["rps"].Against[1].String(), "900 instead of 100 proves nothing")
	assert.Equal(t, "–", rows["only_a"].Values[1].String())
	assert.Equal(t, "no claim: only in one run", rows["lag_ms slave1, p50"].Against[1].String())
	notes := strings.Join(r.Notes, "\n")
	for _, want := range []string{
		`machines: Cores differ: A "0", B "8"`, `options differ: A "", B "lab run -c 5"`, "B was cut off", "topologies differ",
		"B has the scenario weights, and not every run has: left out", `verdicts of load differ: A "pass", B "fail"`,
	} {
		assert.Contains(t, notes, want)
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	one := compare.Take("a", runOf([]float64{1}))
	_, err := compare.Runs([]*compare.Side{one})
	assert.ErrorContains(t, err, "two runs or more")
	_, err = compare.Runs([]*compare.Side{one, compare.Take("b", &lab.Run{})})
	assert.ErrorContains(t, err, "no scenario in common")
}

// The adjustment by Holm: the smallest p is multiplied by the number of tests,
// and no p gets below a smaller one.
func TestPIsAdjustedForTheNumberOfTests(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	base := wave(rnd, 400, 10, 0)
	alone := compared(t, runOf(base), runOf(wave(rand.New(rand.NewPCG(1, 1)), 400, 10.2, 0)))
	among := compared(t, runOf(base), runOf(wave(rand.New(rand.NewPCG(1, 1)), 400, 10.2, 0)), runOf(base), runOf(base))
	require.Equal(t, []int{1, 3}, []int{alone.Tests, among.Tests})
	p := alone.Rows[0].Against[1].P
	require.Less(t, p, 0.3)
	assert.InDelta(t, 3*p, among.Rows[0].Against[1].P, 1e-12)
}

func TestMarkdownEscapesNames(t *testing.T) {
	run := runOf([]float64{1})
	run.Scenarios[0].Requests[0].Value.Load = "a|b<c>"
	var b strings.Builder
	require.NoError(t, compared(t, run, run).Markdown(&b))
	assert.Contains(t, b.String(), `latency a\|b&lt;c>, p50 (ms)`)
}
