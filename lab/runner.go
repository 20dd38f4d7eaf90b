package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Time allowed for putting the stack right around a scenario.
const (
	healthBefore = 60 * time.Second // every service usable before a scenario starts
	healAfter    = 90 * time.Second // faults healed and every service usable after it
)

// RunAll runs the scenarios one after the other and returns the verdict of
// the whole. It never stops early on a failed scenario; when ctx ends, the
// scenarios left are recorded as Unknown.
func RunAll(ctx context.Context, env *Env, rec *Recorder, scenarios []Scenario) Verdict {
	verdicts := make([]Verdict, 0, len(scenarios))
	for _, sc := range scenarios {
		verdicts = append(verdicts, RunOne(ctx, env, rec, sc).Verdict)
	}
	v := Summarize(verdicts)
	rec.emit(time.Now(), Event{Kind: KindDone, Done: &Done{Verdict: v}})
	return v
}

// Result is the outcome of one scenario.
type Result struct {
	Verdict Verdict
	Reason  string // why it is Unknown or Skipped, if no check says so
	Checks  []Check
}

// String names the verdict and what stands behind it: the failed checks, or
// the reason.
func (r Result) String() string {
	var b strings.Builder
	b.WriteString(string(r.Verdict))
	if r.Reason != "" {
		fmt.Fprintf(&b, ": %s", r.Reason)
	}
	for _, c := range r.Checks {
		if c.Verdict == Fail || c.Verdict == Unknown {
			fmt.Fprintf(&b, "\n  %s: %s\n    want %s\n    got  %s\n    try  %s", c.Verdict, c.Name, c.Want, c.Got, c.Hint)
		}
	}
	return b.String()
}

// RunOne runs one scenario between two health checks of the stack. Whatever
// the scenario does (return an error, panic, run out of time), its faults are
// healed.
func RunOne(ctx context.Context, env *Env, rec *Recorder, sc Scenario) Result {
	r := rec.For(sc.Name)
	r.emit(time.Now(), Event{Kind: KindBegin, Begin: &Begin{
		Name: sc.Name, Title: sc.Title, Hypothesis: sc.Hypothesis,
		Fault: sc.Fault, NotClaimed: sc.NotClaimed, Charts: sc.Charts,
	}})
	end := End{Verdict: Skipped, Reason: env.Topology.Unmet(sc.Needs)}
	if end.Reason == "" {
		ran := attempt(ctx, env, r, sc)
		r.emit(time.Now(), Event{Kind: KindRan, Ran: &ran})
		j, err := sc.judge(r.seen, env.Topology)
		r.judged(j)
		end = conclude(ran, err, r.seen.Checks)
	}
	r.emit(time.Now(), Event{Kind: KindEnd, End: &end})
	_ = r.Flush() // the error is kept for Close; flushed here so that a killed run loses little
	return Result{Verdict: end.Verdict, Reason: end.Reason, Checks: r.seen.Checks}
}

// attempt runs the scenario and puts the stack right again.
func attempt(ctx context.Context, env *Env, r *Recorder, sc Scenario) (ran Ran) {
	if err := ctx.Err(); err != nil {
		return Ran{Error: "not run: the lab was interrupted before"}
	}
	before, cancel := context.WithTimeout(ctx, healthBefore)
	defer cancel()
	if err := env.Stack.WaitHealthy(before); err != nil {
		return Ran{Error: fmt.Sprintf("the stack is not healthy before the scenario: %v", err)}
	}
	switch err := observeScenario(ctx, env, r, sc); {
	case err == nil:
	case ctx.Err() == nil && errors.As(err, new(*UnsupportedError)):
		ran.Skipped = err.Error()
	default:
		ran.Error = err.Error()
	}
	if err := putRight(ctx, env, r); err != nil {
		ran.After = err.Error()
	}
	return ran
}

func observeScenario(ctx context.Context, env *Env, r *Recorder, sc Scenario) error {
	limited, cancel := context.WithTimeout(ctx, sc.Limit)
	defer cancel()
	err := guard(func() error { return sc.Run(limited, env, r) })
	switch {
	case ctx.Err() != nil:
		return because("interrupted", err)
	case limited.Err() != nil:
		return because(fmt.Sprintf("not finished within its limit of %v", sc.Limit), err)
	}
	return err
}

// putRight heals what is still broken, waits for the stack's health and puts
// away what the scenario made. It must also happen when the run was
// interrupted, so it does not hang on ctx.
func putRight(ctx context.Context, env *Env, r *Recorder) error {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), healAfter)
	defer cancel()
	var errs []error
	if err := r.healAll(after); err != nil {
		errs = append(errs, fmt.Errorf("put the stack right: %w", err))
	}
	if ctx.Err() == nil { // interrupted: the stack goes down next, nobody waits for its health
		if err := env.Stack.WaitHealthy(after); err != nil {
			errs = append(errs, fmt.Errorf("the stack is not healthy after the scenario: %w", err))
		}
	}
	errs = append(errs, r.cleanUp(context.WithoutCancel(ctx)))
	return errors.Join(errs...)
}

// because says why a scenario was cut off, and what it was doing then if that
// is more than "the context ended".
func because(why string, doing error) error {
	if doing == nil || errors.Is(doing, context.Canceled) || errors.Is(doing, context.DeadlineExceeded) {
		return errors.New(why)
	}
	return fmt.Errorf("%s: %w", why, doing)
}

// guard turns a panic into an error: a bug in one scenario must not leave a
// stack behind.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the scenario panicked: %v, in %s", p, panicked())
		}
	}()
	return f()
}

// panicked names the innermost functions below a panic, without the paths of
// the machine that compiled them: the text goes into the report.
func panicked() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var at []string
	for below := false; len(at) < 3; {
		f, more := frames.Next()
		if below {
			at = append(at, fmt.Sprintf("%s (%s:%d)", filepath.Base(f.Function), filepath.Base(f.File), f.Line))
		}
		below = below || f.Function == "runtime.gopanic"
		if !more {
			break
		}
	}
	return strings.Join(at, ", called from ")
}
