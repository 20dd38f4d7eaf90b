package lab_test

import (
	"bytes"
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

// recordSomething writes a small record of every kind of event.
func recordSomething(t testing.TB) []byte {
	t.Helper()
	var b buffer
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var watched []lab.Kind
	rec := lab.NewRecorder(&b, start, func(e lab.Event) { watched = append(watched, e.Kind) })
	rec.Run(lab.RunInfo{Started: start, Command: "lab run", Author: "A"})
	rec.Stack(lab.StackInfo{Project: "p", ReadyS: 6.5})
	top, err := lab.ParseTopology([]byte(goodTopology))
	require.NoError(t, err)
	env := &lab.Env{Stack: &paperStack{}, Topology: top}
	f := &paperFault{}
	lab.RunAll(t.Context(), env, rec, []lab.Scenario{{
		Name: "one", Title: "First", Limit: time.Minute,
		Run: func(ctx context.Context, _ *lab.Env, r *lab.Recorder) error {
			r.Step("sends %d requests", 2)
			require.NoError(t, r.Inject(ctx, f))
			r.Request(start.Add(1500*time.Millisecond), lab.Request{Load: "home", US: 1234, Status: 200, Instance: "app"})
			r.Request(start.Add(time.Second), lab.Request{Load: "home", US: 99, Err: "connection refused"})
			require.NoError(t, r.Heal(ctx, f))
			r.Sample(start.Add(2*time.Second), "lag_ms", "slave1", 0.5)
			r.Metric("requests", 2)
			r.Metric("nonsense", math.NaN())
			r.Check(good, bad)
			return nil
		},
	}, {
		Name: "two", Needs: lab.Needs{Instances: 99},
	}})
	require.NoError(t, rec.Close())
	assert.NotContains(t, watched, lab.KindRequest)
	assert.Contains(t, watched, lab.KindCheck)
	return b.Bytes()
}

func TestRecordReadsBack(t *testing.T) {
	run, err := lab.ParseRun(bytes.NewReader(recordSomething(t)))
	require.NoError(t, err)
	assert.True(t, run.Complete)
	assert.Equal(t, lab.Fail, run.Verdict)
	assert.Equal(t, lab.SchemaVersion, run.Info.Schema)
	assert.Equal(t, "A", run.Info.Author)
	assert.InDelta(t, 6.5, run.Stack.ReadyS, 0)
	require.Len(t, run.Scenarios, 2)
	one, two := run.Scenarios[0], run.Scenarios[1]
	assert.Equal(t, "First", one.Title)
	assert.Equal(t, lab.Fail, one.Verdict)
	assert.Equal(t, "sends 2 requests", one.Steps[0].Value)
	assert.Len(t, one.Faults, 4)
	require.Len(t, one.Requests, 2)
	assert.Equal(t, 1500*time.Millisecond, one.Requests[0].At, "a request stands at the time at which it was sent")
	assert.Equal(t, "connection refused", one.Requests[1].Value.Err)
	assert.Equal(t, lab.Sample{Series: "lag_ms", Label: "slave1", Value: 0.5}, one.Samples[0].Value)
	assert.Equal(t, []lab.Metric{{Name: "requests", Value: 2}}, one.Metrics, "what is not a number was not measured")
	n, ok := one.Metric("requests")
	assert.True(t, ok)
	assert.InDelta(t, 2, n, 0)
	_, ok = one.Metric("nonsense")
	assert.False(t, ok)
	assert.Equal(t, []lab.Check{good, bad}, one.Checks)
	assert.Equal(t, lab.Skipped, two.Verdict)
	assert.Contains(t, two.Reason, "99 app instances")
}

func TestParseRunOfDamagedRecords(t *testing.T) {
	whole := string(recordSomething(t))
	lines := strings.SplitAfter(whole, "\n")
	for _, tc := range []struct {
		why, record, want string
		scenarios         int
	}{
		{"nothing", "", "empty", 0},
		{"cut off in the middle of a line", whole[:len(whole)-5], "cut off in the middle", 2},
		{"a line of rubbish", lines[0] + lines[1] + lines[2] + "rubbish\n" + lines[3], "line 4:", 1},
		{"no beginning", lines[1], "line 1: event \"stack\" in the wrong place", 0},
		{"two beginnings", lines[0] + lines[0], "line 2:", 0},
		{"a check of nothing", lines[0] + `{"at":1,"kind":"check","scenario":"x","check":{}}` + "\n", `scenario "x", which has not begun`, 0},
		{"an event without its content", lines[0] + `{"at":1,"kind":"begin","scenario":"x"}` + "\n", "without its content", 0},
		{"a kind from the future", strings.Join(lines[:3], "") + `{"at":1,"kind":"dream","scenario":"one"}` + "\n", `unknown event "dream"`, 1},
		{"a schema from the future", strings.Replace(lines[0], `"schema":2`, `"schema":7`, 1), "use a newer lab", 0},
	} {
		run, err := lab.ParseRun(strings.NewReader(tc.record))
		assert.ErrorContains(t, err, tc.want, tc.why)
		require.NotNil(t, run, tc.why)
		assert.Len(t, run.Scenarios, tc.scenarios, "%s: what is whole before the damage is there", tc.why)
	}
	run, err := lab.ParseRun(strings.NewReader(strings.Join(lines[:4], "")))
	require.NoError(t, err)
	assert.False(t, run.Complete, "a run that was killed between two lines has no end")
	assert.Equal(t, lab.Unknown, run.Verdict)
	assert.Equal(t, lab.Unknown, run.Scenarios[0].Verdict)
	assert.Contains(t, run.Scenarios[0].Reason, "cut off")
}

func TestRecorderIsSafeForConcurrentUse(t *testing.T) {
	var b buffer
	rec := lab.NewRecorder(&b, time.Now(), nil)
	rec.Run(lab.RunInfo{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				rec.Step("step")
			}
		})
	}
	wg.Wait()
	require.NoError(t, rec.Close())
	run, err := lab.ParseRun(&b)
	require.NoError(t, err, "no line is torn")
	assert.NotNil(t, run)
}

func FuzzParseRun(f *testing.F) {
	whole := recordSomething(f)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("{}\n"))
	f.Add([]byte(recordHead + `{"at":1,"kind":"begin","scenario":"s","begin":{"name":"s","title":"","hypothesis":""}}` + "\n" +
		`{"at":7,"kind":"request","scenario":"s","request":{"load":"home","us":5,"status":200,"inst":"app","err":"e","id":"lab-1"}}` + "\n" +
		`{"at":7,"kind":"sample","scenario":"s","sample":{"series":"lag_ms","label":"slave1","value":-0.5e1}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		sameBothWays(t, b)
		run, err := lab.ParseRun(bytes.NewReader(b))
		if run == nil {
			t.Fatal("a damaged record gives what is whole, if only nothing")
		}
		if err == nil && run.Info.Schema == 0 {
			t.Fatal("a record without its first line was accepted")
		}
	})
}
