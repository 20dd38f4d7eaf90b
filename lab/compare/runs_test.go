package compare_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/compare"
)

// sitting is a run on a machine of its own mood: everything in it is slower or
// quicker by that.
func sitting(rnd *rand.Rand, ms, rps float64) *lab.Run {
	mood := 1 + 0.1*rnd.NormFloat64()
	run := runOf(wave(rnd, 300, ms*mood, 0.5))
	run.Scenarios[0].Metrics = []lab.Metric{{Name: "rps", Value: rps / mood}}
	return run
}

// groups are n runs a side, made in turn.
func groups(rnd *rand.Rand, n int, ms ...float64) [][]*compare.Side {
	out := make([][]*compare.Side, len(ms))
	for range n {
		for i, m := range ms {
			out[i] = append(out[i], compare.Take("run", sitting(rnd, m, 1000/m)))
		}
	}
	return out
}

func rowsOf(r *compare.Result) map[string]compare.Row {
	rows := make(map[string]compare.Row)
	for _, row := range r.Rows {
		rows[row.Metric] = row
	}
	return rows
}

func TestRepeatedRunsLetANumberBeTested(t *testing.T) {
	r, err := compare.Groups(groups(rand.New(rand.NewPCG(1, 2)), 6, 10, 20), nil)
	require.NoError(t, err)
	rows := rowsOf(r)
	rps := rows["rps"]
	assert.True(t, rps.Against[1].Differs, "half the requests a second, in each of six runs")
	assert.InDelta(t, -0.5, rps.Against[1].Change, 0.1)
	assert.Equal(t, []int{6, 6}, []int{rps.Values[0].Runs, rps.Values[1].Runs})
	assert.Less(t, rps.Values[0].Lo, rps.Values[0].Value)
	assert.Less(t, rps.Values[0].Value, rps.Values[0].Hi)
	assert.True(t, rows["latency home, p50 (ms)"].Against[1].Differs)
	assert.Empty(t, r.Notes)
	assert.Equal(t, 3, r.Tests)
}

// The mood of the machine makes two sittings differ; the spread among runs
// knows it, and the noise within a run does not.
func TestTheMoodOfTheMachineIsNoDifference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	const times = 200
	among, within := 0, 0
	for range times {
		g := groups(rnd, 5, 10, 10)
		r, err := compare.Groups(g, nil)
		require.NoError(t, err)
		one, err := compare.Runs([]*compare.Side{g[0][0], g[1][0]})
		require.NoError(t, err)
		alarm := func(r *compare.Result) int {
			for _, row := range r.Rows {
				if row.Against[1].Differs {
					return 1
				}
			}
			return 0
		}
		among += alarm(r)
		within += alarm(one)
	}
	t.Logf("false alarms in %d comparisons: %d among five runs a side, %d within one run each", times, among, within)
	assert.LessOrEqual(t, among, times/10)
	assert.Greater(t, within, among, "one run each takes the mood for a difference")
}

func TestTooFewRunsClaimNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	r, err := compare.Groups(groups(rnd, 3, 10, 50), nil)
	require.NoError(t, err)
	assert.Zero(t, r.Tests)
	assert.Equal(t, "no claim: 3 and 3 runs, 3 tests take 5 a side", rowsOf(r)["rps"].Against[1].String())
	g := groups(rnd, 4, 10, 50)
	r, err = compare.Groups(g, nil)
	require.NoError(t, err)
	assert.Zero(t, r.Tests, "four runs are enough for one test, and not for three")
	r, err = compare.Groups(g, regexp.MustCompile("^load rps$"))
	require.NoError(t, err)
	require.Len(t, r.Rows, 1)
	assert.True(t, r.Rows[0].Against[1].Differs, "who asks one thing gets an answer of four runs")
	assert.Equal(t, []int{4, 5, 7}, []int{compare.LeastRuns(1), compare.LeastRuns(3), compare.LeastRuns(40)})

	mixed := [][]*compare.Side{g[0], g[1][:1]}
	r, err = compare.Groups(mixed, nil)
	require.NoError(t, err)
	assert.Equal(t, "no claim: 4 and 1 runs, 3 tests take 5 a side", rowsOf(r)["rps"].Against[1].String())
}

func TestGroupsThatCannotBeCompared(t *testing.T) {
	g := groups(rand.New(rand.NewPCG(7, 8)), 2, 10, 10)
	_, err := compare.Groups([][]*compare.Side{g[0], {g[1][0], g[0][0]}}, nil)
	assert.ErrorContains(t, err, "A1 (run) and B2 (run) began in the same moment")
	_, err = compare.Groups([][]*compare.Side{g[0], {}}, nil)
	assert.ErrorContains(t, err, "B has no run")
	_, err = compare.Groups(g, regexp.MustCompile("no such metric"))
	assert.ErrorContains(t, err, "no metric of the common scenarios matches")

	rnd := rand.New(rand.NewPCG(9, 10))
	first, second := groups(rnd, 2, 10)[0], groups(rnd, 2, 10)[0]
	r, err := compare.Groups([][]*compare.Side{second, first}, nil)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(r.Notes, "\n"), "the runs of A and B were not made in turn")
	var b strings.Builder
	require.NoError(t, r.Text(&b))
	for _, want := range []string{"A1  run\nA2  run\nB1  run\nB2  run\n", "  runs\n", "  2, 2\n", "it takes 5 a side for all rows"} {
		assert.Contains(t, strings.Join(strings.Split(b.String(), "\n"), "\n"), want)
	}
}
