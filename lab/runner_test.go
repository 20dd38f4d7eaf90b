package lab_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

// paperStack is a stack without containers: what the runner does around a
// scenario is logic, which needs no engine. lab/stack is tested on a real one.
type paperStack struct {
	lab.Stack
	sick   error
	checks int
}

func (s *paperStack) WaitHealthy(context.Context, ...string) error { s.checks++; return s.sick }

type paperFault struct {
	injectErr, healErr error
	healed             int
}

func (f *paperFault) Spec() lab.FaultSpec          { return lab.FaultSpec{Kind: "kill", Service: "app"} }
func (f *paperFault) Inject(context.Context) error { return f.injectErr }
func (f *paperFault) Heal(context.Context) error   { f.healed++; return f.healErr }

type buffer struct{ bytes.Buffer }

func (b *buffer) Close() error { return nil }

// runOnPaper runs one scenario and reads its record back.
func runOnPaper(t *testing.T, ctx context.Context, st *paperStack, sc lab.Scenario) (lab.Result, *lab.Run) {
	t.Helper()
	top, err := lab.ParseTopology([]byte(goodTopology))
	require.NoError(t, err)
	if sc.Limit == 0 {
		sc.Limit = time.Minute
	}
	sc.Name = "s"
	var b buffer
	rec := lab.NewRecorder(&b, time.Now(), nil)
	rec.Run(lab.RunInfo{Started: time.Now()})
	res := lab.RunOne(ctx, &lab.Env{Stack: st, Topology: top}, rec, sc)
	require.NoError(t, rec.Close())
	run, err := lab.ParseRun(&b)
	require.NoError(t, err)
	require.Len(t, run.Scenarios, 1)
	assert.Equal(t, res.Verdict, run.Scenarios[0].Verdict, "the record says what the runner says")
	return res, run
}

var (
	good = lab.Check{Name: "good", Verdict: lab.Pass}
	bad  = lab.Check{Name: "bad", Verdict: lab.Fail, Want: "0", Got: "1", Hint: "look"}
)

func TestRunOneVerdicts(t *testing.T) {
	broken := errors.New("the thermometer broke")
	for _, tc := range []struct {
		why    string
		do     func(ctx context.Context, rec *lab.Recorder) error
		needs  lab.Needs
		sick   error
		limit  time.Duration
		want   lab.Verdict
		reason string
	}{
		{why: "checks that pass", want: lab.Pass, do: func(_ context.Context, r *lab.Recorder) error { r.Check(good, good); return nil }},
		{why: "a check that fails", want: lab.Fail, do: func(_ context.Context, r *lab.Recorder) error { r.Check(good, bad); return nil }},
		{
			why: "a fault that this machine cannot have", want: lab.Skipped, reason: "no netem",
			do: func(context.Context, *lab.Recorder) error {
				return fmt.Errorf("slow the replica: %w", &lab.UnsupportedError{Fault: "latency slave1", Reason: "this kernel has no netem"})
			},
		},
		{
			why: "a scenario without checks proves nothing", want: lab.Unknown, reason: "no check",
			do: func(context.Context, *lab.Recorder) error { return nil },
		},
		{
			why: "an error is the lab's, not the stack's", want: lab.Unknown, reason: "thermometer",
			do: func(_ context.Context, r *lab.Recorder) error { r.Check(good); return broken },
		},
		{
			why: "a failed check outweighs an error after it", want: lab.Fail, reason: "thermometer",
			do: func(_ context.Context, r *lab.Recorder) error { r.Check(bad); return broken },
		},
		{
			why: "a panic is an error", want: lab.Unknown, reason: "panicked: oops, in lab_test.TestRunOneVerdicts.func",
			do: func(context.Context, *lab.Recorder) error { panic("oops") },
		},
		{
			why: "a scenario that hangs is cut off", want: lab.Unknown, reason: "within its limit", limit: time.Millisecond,
			do: func(ctx context.Context, r *lab.Recorder) error { r.Check(good); <-ctx.Done(); return nil },
		},
		{
			why: "needs that the stack does not meet", want: lab.Skipped, reason: "9 app instances", needs: lab.Needs{Instances: 9},
			do: func(context.Context, *lab.Recorder) error { panic("must not run") },
		},
		{
			why: "a stack that is sick before", want: lab.Unknown, reason: "not healthy before", sick: errors.New("app is down"),
			do: func(context.Context, *lab.Recorder) error { panic("must not run") },
		},
	} {
		t.Run(tc.why, func(t *testing.T) {
			sc := lab.Scenario{Needs: tc.needs, Limit: tc.limit, Run: func(ctx context.Context, _ *lab.Env, r *lab.Recorder) error { return tc.do(ctx, r) }}
			res, _ := runOnPaper(t, t.Context(), &paperStack{sick: tc.sick}, sc)
			assert.Equal(t, tc.want, res.Verdict)
			assert.Contains(t, res.Reason, tc.reason)
		})
	}
}

func TestRunOneHealsWhateverHappens(t *testing.T) {
	for why, after := range map[string]func() error{
		"the scenario forgot": func() error { return nil },
		"it failed":           func() error { return errors.New("no") },
		"it panicked":         func() error { panic("no") },
	} {
		f := &paperFault{}
		st := &paperStack{}
		sc := lab.Scenario{Run: func(ctx context.Context, _ *lab.Env, r *lab.Recorder) error {
			r.Check(good)
			require.NoError(t, r.Inject(ctx, f))
			return after()
		}}
		_, run := runOnPaper(t, t.Context(), st, sc)
		assert.Equal(t, 1, f.healed, why)
		assert.Equal(t, 2, st.checks, "%s: health is looked at before and after", why)
		phases := run.Scenarios[0].Faults
		require.Len(t, phases, 4, why)
		assert.Equal(t, lab.FaultHealed, phases[3].Value.Phase, why)
	}
}

func TestRunOneHealsAFaultThatBrokeHalfWay(t *testing.T) {
	f := &paperFault{injectErr: errors.New("stuck")}
	sc := lab.Scenario{Run: func(ctx context.Context, _ *lab.Env, r *lab.Recorder) error { return r.Inject(ctx, f) }}
	res, _ := runOnPaper(t, t.Context(), &paperStack{}, sc)
	assert.Equal(t, lab.Unknown, res.Verdict)
	assert.Contains(t, res.Reason, "inject kill app: stuck")
	assert.Equal(t, 1, f.healed)
}

func TestRunOneTellsThatHealingFailed(t *testing.T) {
	f := &paperFault{healErr: errors.New("still dead")}
	sc := lab.Scenario{Run: func(ctx context.Context, _ *lab.Env, r *lab.Recorder) error {
		r.Check(good)
		return r.Inject(ctx, f)
	}}
	res, _ := runOnPaper(t, t.Context(), &paperStack{}, sc)
	assert.Equal(t, lab.Unknown, res.Verdict, "a stack that stays broken makes what was measured doubtful")
	assert.Contains(t, res.Reason, "still dead")
}

func TestRunOneInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &paperFault{}
	sc := lab.Scenario{Run: func(ctx context.Context, _ *lab.Env, r *lab.Recorder) error {
		r.Check(good)
		require.NoError(t, r.Inject(ctx, f))
		cancel()
		return ctx.Err()
	}}
	res, _ := runOnPaper(t, ctx, &paperStack{}, sc)
	assert.Equal(t, lab.Unknown, res.Verdict)
	assert.Contains(t, res.Reason, "interrupted")
	assert.Equal(t, 1, f.healed)
}

func TestResultSaysWhatFailed(t *testing.T) {
	got := lab.Result{Verdict: lab.Fail, Checks: []lab.Check{good, bad}}.String()
	assert.Equal(t, "fail\n  fail: bad\n    want 0\n    got  1\n    try  look", got)
}

// failingWriter is a disk that fills up.
type failingWriter struct{ room int }

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.room -= len(b); w.room < 0 {
		return 0, errors.New("no space left")
	}
	return len(b), nil
}
func (w *failingWriter) Close() error { return nil }

var _ io.WriteCloser = (*failingWriter)(nil)

func TestRecorderKeepsItsFirstError(t *testing.T) {
	rec := lab.NewRecorder(&failingWriter{room: 1000}, time.Now(), nil)
	for range 10_000 {
		rec.Step("writing and writing")
	}
	assert.ErrorContains(t, rec.Close(), "no space left")
}
