package calibrate

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
)

func row(name string, rate float64, p50 ...float64) Row {
	r := Row{Name: name}
	for _, ms := range p50 {
		r.Rounds = append(r.Rounds, Measured{Rate: rate, P50: millis(ms), P99: millis(10 * ms), CPU: 20 * time.Microsecond})
	}
	return r
}

func TestJudge(t *testing.T) {
	same := []float64{10, 10, 10, 10, 10, 10, 10}
	for _, c := range []struct {
		sentence string
		rows     []Row
		out      map[string]string
		missing  []Missing
		want     []lab.Verdict // agrees with ab, at the same rate too, as fast as ab, as fast as hey
		got      string
	}{
		{
			"equal generators agree",
			[]Row{row(AB, 100, same...), row(HeyLibrary, 90, same...), row(Ours, 100, same...)},
			nil, nil,
			[]lab.Verdict{lab.Pass, lab.Pass, lab.Pass, lab.Pass},
			"1.00 in 7 rounds",
		},
		{
			"11 % more in every round is a difference",
			[]Row{row(AB, 100, same...), row(HeyLibrary, 101, same...), row(Ours, 99, 11.1, 11.1, 11.1, 11.1, 11.1, 11.1, 11.1)},
			nil, nil,
			[]lab.Verdict{lab.Fail, lab.Pass, lab.Fail, lab.Fail}, // 11.1 × 0.99 = 10.99
			"1.11 in 7 rounds",
		},
		{
			"a quicker generator sees shorter latencies, and agrees at the same rate",
			[]Row{row(AB, 100, same...), row(HeyLibrary, 90, same...), row(Ours, 125, 8, 8, 8, 8, 8, 8, 8)},
			nil, nil,
			[]lab.Verdict{lab.Fail, lab.Pass, lab.Pass, lab.Pass},
			"0.80 in 7 rounds",
		},
		{
			"one that tells a fifth too little does not, however quick",
			[]Row{row(AB, 100, same...), row(HeyLibrary, 90, same...), row(Ours, 125, 6.4, 6.4, 6.4, 6.4, 6.4, 6.4, 6.4)},
			nil, nil,
			[]lab.Verdict{lab.Fail, lab.Fail, lab.Pass, lab.Pass},
			"0.64 in 7 rounds",
		},
		{
			"rounds that contradict each other tell nothing",
			[]Row{row(AB, 100, same...), row(HeyLibrary, 90, same...), row(Ours, 100, 5, 12, 12, 12, 12, 12, 5)},
			nil, nil,
			[]lab.Verdict{lab.Unknown, lab.Unknown, lab.Pass, lab.Pass},
			"1.20 in 7 rounds (median; with about 95 % confidence 0.50 to 1.20)",
		},
		{
			"four rounds are too few",
			[]Row{row(AB, 100, 10, 10, 10, 10), row(HeyLibrary, 90, 10, 10, 10, 10), row(Ours, 100, 10, 10, 10, 10)},
			nil, nil,
			[]lab.Verdict{lab.Unknown, lab.Unknown, lab.Unknown, lab.Unknown},
			"4 rounds, and 5 are the least",
		},
		{
			"without ab there is no yardstick",
			[]Row{row(Hey, 100, same...), row(Ours, 100, same...)},
			nil,
			[]Missing{{Name: AB, Install: "apt-get"}},
			[]lab.Verdict{lab.Unknown, lab.Unknown, lab.Unknown, lab.Pass},
			"ab was not found",
		},
		{
			"an ab that kept no connection is none either",
			[]Row{row(HeyLibrary, 100, same...), row(Ours, 100, same...)},
			map[string]string{AB: "only 0 of 10"},
			nil,
			[]lab.Verdict{lab.Unknown, lab.Unknown, lab.Unknown, lab.Pass},
			"ab gave no comparable result: only 0 of 10",
		},
	} {
		checks := Judge([]Mode{{Rows: c.rows, Out: c.out}}, c.missing)
		var got []lab.Verdict
		for _, k := range checks {
			got = append(got, k.Verdict)
			assert.Equal(t, k.Verdict == lab.Pass, k.Hint == "", "%s: %+v", c.sentence, k)
		}
		assert.Equal(t, c.want, got, c.sentence)
		assert.Contains(t, checks[0].Got, c.got, c.sentence)
	}
}

func TestMedianInterval(t *testing.T) {
	for _, c := range []struct {
		n    int
		k    int // from the k-th smallest to the k-th largest: the table of the sign test
		sent string
	}{
		{5, 1, "too few for 95 %: all of them"},
		{6, 1, "the least that promises 95 %"},
		{8, 1, "still all"},
		{9, 2, "one of each end may go"},
		{12, 3, ""},
		{15, 4, ""},
		{20, 6, ""},
	} {
		v := make([]float64, c.n)
		for i := range v {
			v[i] = float64(c.n - i)
		}
		low, high := medianInterval(v)
		assert.InDelta(t, c.k, low, 0, "%d values: %s", c.n, c.sent)
		assert.InDelta(t, c.n+1-c.k, high, 0, "%d values: %s", c.n, c.sent)
	}
	low, _ := medianInterval(nil)
	assert.True(t, math.IsNaN(low) && math.IsNaN(median(nil)))
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Float64Range(0, 10), 1, 40).Draw(t, "values")
		low, high := medianInterval(v)
		if m := median(v); m < low || m > high {
			t.Fatalf("the median %g of %v is outside %g to %g", m, v, low, high)
		}
	})
}

func TestRatiosAreOfRounds(t *testing.T) {
	m := Mode{Rows: []Row{row(AB, 100, 10, 20), row(Ours, 200, 5, 40)}}
	r := m.Compare(Ours, AB)
	assert.Equal(t, []float64{2, 2}, r.Rate)
	assert.Equal(t, []float64{0.5, 2}, r.P50, "each round by itself: the machine's speed drifts between them")
	assert.Equal(t, []float64{1, 1}, r.CPU)
	m.Rows[0].Rounds[0].CPU = 0
	assert.Len(t, m.Compare(Ours, AB).CPU, 1, "where it cannot be told there is no ratio")
	assert.Empty(t, m.Compare(Ours, Wrk).Rate)
	assert.Equal(t, []int{0, 1, 2, 2, 1, 0}, mirrored(3))
	b := both(Measured{Rate: 100, P50: 2}, Measured{Rate: 300, P50: 4})
	assert.InDelta(t, 150, b.Rate, 1e-9, "so many requests at 100/s and as many at 300/s are 150/s")
	assert.EqualValues(t, 3, b.P50)
}

func TestTable(t *testing.T) {
	var b strings.Builder
	modes := []Mode{{KeepAlive: true, Rows: []Row{row(AB, 100, 10, 20), row(Ours, 200, 5, 40)}, Out: map[string]string{Hey: "3 of 10 requests failed"}}}
	missing := []Missing{{Name: Wrk, Install: "apt-get install wrk", Lost: "little"}}
	require.NoError(t, Write(&b, modes, missing, Judge(modes, missing)))
	for _, want := range []string{
		"keep-alive: median (least – most)\n", "200 (200 – 200)", "22.50 (5.00 – 40.00)", "1.25 (0.50 – 2.00)", "CPU ÷ ab",
		"left out: hey: 3 of 10 requests failed", "not found: wrk (apt-get install wrk). Not told without it: little.",
		"UNKNOWN  ours agrees with ab on the p50, keep-alive: 2 rounds, and 5 are the least\n",
	} {
		assert.Contains(t, b.String(), want)
	}
}
