package check_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

func sampleAt(at time.Duration, series, label string, value float64) check.Sample {
	return check.Sample{At: at, Value: lab.Sample{Series: series, Label: label, Value: value}}
}

// row is a heartbeat row: sent at a moment, acknowledged and shown so many
// milliseconds later.
func row(sent time.Duration, acknowledged, shown float64) []check.Sample {
	return []check.Sample{
		sampleAt(sent, check.CommitTime, "source", acknowledged),
		sampleAt(sent+time.Duration(shown*1000)*time.Microsecond, check.LagRows, "r1", shown),
	}
}

var whole = []check.LagPhase{{Name: "busy", From: 0, To: time.Minute}}

func TestWhichLies(t *testing.T) {
	said := func(at time.Duration, s float64) check.Sample { return sampleAt(at, check.LagSeconds, "r1", s) }
	for _, c := range []struct {
		sentence string
		samples  []check.Sample
		has, not []string
	}{
		{
			"0 while a row was missing for 70 ms",
			append(row(time.Second, 10, 100), said(1080*time.Millisecond, 0)),
			[]string{"lies", "in 1 of the 1 looks in which it said 0", "for up to 70.0 ms"},
			[]string{"1 s or more", "NULL"},
		},
		{
			"0 while the source itself had not finished the row",
			append(row(time.Second, 10, 100), said(1005*time.Millisecond, 0)),
			[]string{"not caught lying in 1 looks"},
			nil,
		},
		{
			"0 after the row was there",
			append(row(time.Second, 10, 100), said(1100*time.Millisecond, 0)),
			[]string{"not caught lying"},
			nil,
		},
		{
			"1 although a row was missing for only 5 ms: a second of the clock had begun",
			append(row(time.Second, 10, 100), said(1015*time.Millisecond, 1)),
			[]string{"lies", "in 1 of 1 looks it said 1 s or more, while no row had been missing for more than 5.0 ms"},
			[]string{"said 0"},
		},
		{
			"1 while a row was missing for more than a second is the truth",
			append(row(time.Second, 10, 3000), said(2500*time.Millisecond, 1)),
			[]string{"not caught lying"},
			nil,
		},
		{
			"NULL is no number",
			append(row(time.Second, 10, 100), said(500*time.Millisecond, 0), sampleAt(time.Second, check.LagSecondsNo, "r1", 1)),
			[]string{"lies", "in 1 of 2 looks it said NULL"},
			nil,
		},
		{
			"another replica's missing row is none of its business",
			append(row(time.Second, 10, 100), sampleAt(1050*time.Millisecond, check.LagSeconds, "r2", 0)),
			[]string{"not caught lying"},
			nil,
		},
		{"nobody asked", row(time.Second, 10, 100), []string{"was not read"}, []string{"lies:"}},
		{"a look outside of the phases does not count", append(row(time.Second, 10, 100), said(2*time.Minute, 1)), []string{"was not read"}, nil},
	} {
		got := check.WhichLies(c.samples, whole)
		for _, has := range c.has {
			assert.Contains(t, got, has, c.sentence)
		}
		for _, not := range c.not {
			assert.NotContains(t, got, not, c.sentence)
		}
	}
}

func TestLagPhases(t *testing.T) {
	idle := check.LagPhase{Name: "idle", From: 0, To: time.Second}
	busy := check.LagPhase{Name: "busy", From: time.Second, To: 2 * time.Second}
	samples := []check.Sample{
		sampleAt(1050*time.Millisecond, check.LagRows, "r1", 100), // written while idle, arrived while busy
		sampleAt(1050*time.Millisecond, check.LagRows, "r1", 50),  // written in the moment at which it became busy
		sampleAt(1050*time.Millisecond, check.LagSeconds, "r1", 1),
	}
	assert.Equal(t, map[string][]float64{"r1": {100}}, check.Lags(samples, check.LagRows, idle), "a lag belongs to the time at which the row was written")
	assert.Equal(t, map[string][]float64{"r1": {50}}, check.Lags(samples, check.LagRows, busy))
	assert.Equal(t, []float64{1}, check.AllLags(samples, check.LagSeconds, busy), "an answer belongs to the time at which it was asked for")
	assert.Empty(t, check.AllLags(samples, check.LagSeconds, idle))
}

func TestLagMeasured(t *testing.T) {
	rows := func(n int) (samples []check.Sample) {
		for i := range n {
			samples = append(samples, row(time.Duration(i+1)*10*time.Millisecond, 1, 2)...)
		}
		return samples
	}
	judge := func(samples []check.Sample, unseen map[string]int, replicas ...string) lab.Verdict {
		return check.LagMeasured("", samples, whole, unseen, replicas).Verdict
	}
	assert.Equal(t, lab.Pass, judge(rows(100), nil, "r1"))
	assert.Equal(t, lab.Unknown, judge(rows(100), nil, "r1", "r2"), "r2 showed nothing")
	assert.Equal(t, lab.Unknown, judge(rows(99), nil, "r1"), "no p99 from 99 values")
	assert.Equal(t, lab.Unknown, judge(rows(100), map[string]int{"r1": 1}, "r1"), "the longest lag is not known")
	assert.Equal(t, lab.Unknown, judge(rows(100), nil), "no replica")
	assert.Equal(t, lab.Unknown, check.LagMeasured("", rows(100), append(whole, check.LagPhase{Name: "later", From: time.Hour, To: 2 * time.Hour}), nil, []string{"r1"}).Verdict,
		"each phase needs enough")
}

func TestLagTable(t *testing.T) {
	var samples []check.Sample
	for i := range 100 {
		samples = append(samples, row(time.Duration(i+1)*10*time.Millisecond, 1, float64(i+1))...)
	}
	samples = append(
		samples,
		sampleAt(2*time.Second, check.LagApplier, "r1", 4),
		sampleAt(2*time.Second, check.LagSeconds, "r1", 0),
		sampleAt(2*time.Second, check.LagSecondsNo, "r1", 1),
	)
	phase := whole[0]
	phase.Written = 200
	table := check.LagTable(samples, []check.LagPhase{phase}, []string{"r1"})
	require.Len(t, table.Lines, 1)
	assert.Equal(t, "r1 busy", table.Lines[0].Label)
	got := make(map[string]any)
	for i, v := range table.Lines[0].Values {
		got[table.Columns[i]] = nil
		if v != nil {
			got[table.Columns[i]] = *v
		}
	}
	assert.Equal(t, map[string]any{
		"lag_p50_ms": 50.0, "lag_p99_ms": 99.0, "lag_max_ms": 100.0,
		"applier_p50_ms": 4.0, "applier_p99_ms": nil, "applier_max_ms": 4.0, // one value has no p99
		"sbs_p50_s": 0.0, "sbs_p99_s": nil, "sbs_max_s": 0.0, "sbs_nulls": 1.0,
	}, got)
	assert.Contains(t, table.Note, "NULL")
	assert.Contains(t, table.Note, "together 0 % of the lab's transactions")
}

// Whatever was measured, a missing row is never said to be later than it was.
func TestLiesAreNotExaggerated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		acknowledged := rapid.Float64Range(0.1, 50).Draw(t, "acknowledged")
		shown := acknowledged + rapid.Float64Range(0.1, 500).Draw(t, "late")
		asked := time.Second + time.Duration(rapid.IntRange(0, 600_000).Draw(t, "asked"))*time.Microsecond
		said := sampleAt(asked, check.LagSeconds, "r1", 0)
		got := check.WhichLies(append(row(time.Second, acknowledged, shown), said), whole)
		since := float64((asked - time.Second).Microseconds()) / 1000
		if since < acknowledged-0.01 || since > shown+0.01 {
			assert.NotContains(t, got, "lies:", "the row was not missing then")
		}
		if since > acknowledged+0.01 && since < shown-0.01 {
			assert.Contains(t, got, "lies:", "the row was missing then")
		}
	})
}
