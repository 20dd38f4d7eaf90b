package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"inventariolab/lab"
)

// Step is one step of a load that asks faster and faster, in an open loop.
// Times are in ms from the moment at which a request was due, NaN when the good
// answers are too few; a rate is per second.
type Step struct {
	Asked    float64 // requests that were due per second
	Answered float64 // good answers per second
	Requests int
	P50, P99 float64
	Errors   float64 // share of the requests that failed, from 0 to 1
	LateMS   float64 // p99 of how late requests were sent (the slowest, when they are too few)
	Behind   bool    // the generator did not keep its schedule; see StepOf
}

// LateLimit is how late the generator may send one request in a hundred. More
// than this is seen in the answers' times, and is not the stack's.
const LateLimit = 20 * time.Millisecond

// sentShare is the least part of the requests that were due which a generator
// must have sent to have kept its schedule.
const sentShare = 0.98

// StepOf sums up the requests that were due in [from, to), at a rate. The
// generator was behind when it sent fewer than were due, or more than one in a
// hundred later than LateLimit.
func StepOf(asked float64, reqs []Req, from, to time.Duration) Step {
	s := Step{Asked: asked, P50: math.NaN(), P99: math.NaN(), Errors: math.NaN(), Answered: math.NaN()}
	var ms, late []float64
	failed := 0
	for _, r := range reqs {
		due := r.At - time.Duration(r.Value.LateUS)*time.Microsecond
		if due < from || due >= to {
			continue
		}
		s.Requests++
		late = append(late, float64(r.Value.LateUS)/1000)
		if Failure(r.Value) != "" {
			failed++
			continue
		}
		ms = append(ms, fromDue(r.Value))
	}
	slices.Sort(ms)
	slices.Sort(late)
	length := (to - from).Seconds()
	if length > 0 {
		s.Answered = float64(len(ms)) / length
	}
	if s.Requests > 0 {
		s.Errors = float64(failed) / float64(s.Requests)
		s.LateMS = Quantile(late, 0.99)
	}
	if EnoughFor(0.50, len(ms)) {
		s.P50 = Quantile(ms, 0.50)
	}
	if EnoughFor(0.99, len(ms)) {
		s.P99 = Quantile(ms, 0.99)
	}
	s.Behind = float64(s.Requests) < sentShare*math.Floor(asked*length) || s.LateMS > float64(LateLimit.Microseconds())/1000
	return s
}

// FirstDue is the earliest moment at which one of the requests was due; 0
// without requests.
func FirstDue(reqs []Req) time.Duration {
	if len(reqs) == 0 {
		return 0
	}
	first := Never
	for _, r := range reqs {
		first = min(first, r.At-time.Duration(r.Value.LateUS)*time.Microsecond)
	}
	return first
}

// FromDue are the times of the requests since they were due in milliseconds,
// sorted.
func FromDue(reqs []Req) []float64 {
	ms := make([]float64, len(reqs))
	for i, r := range reqs {
		ms[i] = fromDue(r.Value)
	}
	slices.Sort(ms)
	return ms
}

// fromDue is a request's time since it was due, in ms.
func fromDue(q lab.Request) float64 { return float64(q.US+q.LateUS) / 1000 }

// Goal is what a load is asked to keep.
type Goal struct {
	P99MS  float64
	Errors float64 // share of the requests, from 0 to 1
}

// keeps says whether a step keeps the goal. With too few good answers for a
// p99 it does not tell, unless the errors alone break the goal.
func (g Goal) keeps(s Step) (keeps, tells bool) {
	switch {
	case s.Behind:
		return false, false
	case s.Errors > g.Errors:
		return false, true
	case math.IsNaN(s.P99) || math.IsNaN(s.Errors):
		return false, false
	}
	return s.P99 <= g.P99MS, true
}

// Keeps says whether a step shows that the goal was kept.
func (g Goal) Keeps(s Step) bool {
	keeps, tells := g.keeps(s)
	return keeps && tells
}

func (g Goal) String() string {
	return fmt.Sprintf("p99 ≤ %g ms and %g %% errors or fewer", g.P99MS, 100*g.Errors)
}

// Knee is where a load that grows stops keeping a goal: between Holds, the
// highest rate below the first one that breaks it, and Breaks. A rate is NaN
// when no step showed it.
type Knee struct {
	Goal          Goal
	Holds, Breaks float64
	Steps         []Step    // by rate
	Mute          []float64 // rates that say nothing: the generator was behind, or the answers were too few
	Again         []float64 // rates above Breaks that kept the goal all the same: noise, or a stack that is not alike all the time
}

// KneeOf looks for the knee. The order of the steps does not matter.
func KneeOf(steps []Step, goal Goal) Knee {
	k := Knee{Goal: goal, Holds: math.NaN(), Breaks: math.NaN(), Steps: slices.Clone(steps)}
	slices.SortStableFunc(k.Steps, func(a, b Step) int { return cmp.Compare(a.Asked, b.Asked) })
	for _, s := range k.Steps {
		keeps, tells := goal.keeps(s)
		switch {
		case !tells:
			k.Mute = append(k.Mute, s.Asked)
		case !keeps && math.IsNaN(k.Breaks):
			k.Breaks = s.Asked
		case keeps && math.IsNaN(k.Breaks):
			k.Holds = s.Asked
		case keeps:
			k.Again = append(k.Again, s.Asked)
		}
	}
	return k
}

// Found says whether the knee lies between two steps.
func (k Knee) Found() bool { return !math.IsNaN(k.Holds) && !math.IsNaN(k.Breaks) }

// Table shows the steps.
func (k Knee) Table() lab.Table {
	t := lab.Table{
		Name: "capacity", Rows: "step",
		Columns: []string{"rate_asked", "rps", "p50_ms", "p99_ms", "failed_share", "behind_ms"},
		Note:    "Goal: " + k.Goal.String() + ". " + k.sentence() + " Times count from the moment at which a request was due.",
	}
	for i, s := range k.Steps {
		t.Lines = append(t.Lines, lab.NewLine(fmt.Sprint(i+1), s.Asked, s.Answered, s.P50, s.P99, s.Errors, s.LateMS))
	}
	return t
}

func (k Knee) sentence() string {
	var s string
	switch {
	case k.Found():
		s = fmt.Sprintf("The knee lies between %.0f and %.0f requests/s.", k.Holds, k.Breaks)
	case !math.IsNaN(k.Breaks):
		s = fmt.Sprintf("No step kept the goal: the knee is below %.0f requests/s.", k.Breaks)
	case !math.IsNaN(k.Holds):
		s = fmt.Sprintf("No step broke the goal: the knee is above %.0f requests/s.", k.Holds)
	default:
		s = "No step told anything."
	}
	if len(k.Mute) > 0 {
		s += fmt.Sprintf(" %s requests/s say nothing of the stack: the generator was behind its schedule, or the answers were too few.", rates(k.Mute))
	}
	if len(k.Again) > 0 {
		s += fmt.Sprintf(" %s requests/s kept the goal again: the steps are noisy.", rates(k.Again))
	}
	return s
}

func rates(rs []float64) string {
	parts := make([]string, len(rs))
	for i, r := range rs {
		parts[i] = fmt.Sprintf("%.0f", r)
	}
	return strings.Join(parts, ", ")
}

// KneeFound checks that the steps enclose the knee. It is Unknown otherwise:
// how much a machine can do is a finding, no duty.
func KneeFound(name string, k Knee) lab.Check {
	want := "a step that keeps the goal (" + k.Goal.String() + ") and a faster one that breaks it"
	if k.Found() {
		return pass(name, want, k.sentence())
	}
	hint := "begin with a lower rate"
	switch {
	case !math.IsNaN(k.Holds):
		hint = "go on to higher rates; if the generator cannot follow, its machine is the limit, and not the stack"
	case math.IsNaN(k.Breaks):
		hint = "give the generator a machine that is less busy, or make the steps longer"
	}
	return unknown(name, want, k.sentence(), hint)
}
