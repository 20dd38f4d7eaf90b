package lab

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Judgement is what a scenario's Judge makes of what was observed.
type Judgement struct {
	Checks  []Check
	Metrics []Metric
	Tables  []Table
}

// Check adds judged claims.
func (j *Judgement) Check(checks ...Check) { j.Checks = append(j.Checks, checks...) }

// Metric adds one number of the result. A value that is no number is left out,
// since it was not measured.
func (j *Judgement) Metric(name string, value float64) {
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		j.Metrics = append(j.Metrics, Metric{Name: name, Value: value})
	}
}

// Table adds a table; one without lines is left out.
func (j *Judgement) Table(t Table) {
	if len(t.Lines) > 0 {
		j.Tables = append(j.Tables, t)
	}
}

// NewLine makes a line of a table. A value that is no number was not measured.
func NewLine(label string, values ...float64) Line {
	l := Line{Label: label, Values: make([]*float64, len(values))}
	for i, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			l.Values[i] = &v
		}
	}
	return l
}

// judge calls the scenario's Judge. It has nothing to say of what could not be
// measured whole. A Judge that panics is a bug of the lab, not of the stack.
func (s Scenario) judge(seen *ScenarioRun, t *Topology) (j Judgement, err error) {
	if s.Judge == nil || seen.Ran == nil || seen.Ran.Error != "" || seen.Ran.Skipped != "" {
		return j, nil
	}
	err = guard(func() error { j, err = s.Judge(seen, t); return err })
	if err != nil {
		return Judgement{}, fmt.Errorf("judge: %w", err)
	}
	return j, nil
}

// conclude is the end of a scenario that was tried: what its checks amount to,
// and what the lab could not do. A failed check stays a failed check even if
// the lab could not finish.
func conclude(ran Ran, judging error, checks []Check) End {
	verdicts := make([]Verdict, len(checks))
	for i, c := range checks {
		verdicts[i] = c.Verdict
	}
	var why []string
	for _, w := range []string{ran.Error, ran.After} {
		if w != "" {
			why = append(why, w)
		}
	}
	if judging != nil {
		why = append(why, judging.Error())
	}
	end := End{Verdict: Summarize(verdicts), Reason: strings.Join(why, "; ")}
	switch {
	case end.Reason == "" && ran.Skipped != "" && len(checks) == 0:
		end.Verdict, end.Reason = Skipped, ran.Skipped
	case end.Reason != "" && end.Verdict != Fail:
		end.Verdict = Unknown
	case end.Reason == "" && len(checks) == 0:
		end.Reason = "the scenario made no check"
	}
	return end
}

// Rejudgement is what came of judging a run again.
type Rejudgement struct {
	Judged []string // scenarios that were judged again
	Differ []string // those of them for which something else came out than was recorded
	Kept   []string // scenarios of which the recorded judgement was kept, because it cannot be made again
}

// Rejudge judges every scenario of a run again, from what was observed and
// with the catalogue's rules of today, and puts the outcome into the run. It
// does no I/O. Kept as they were: scenarios that the catalogue does not know,
// that were recorded before schema 2, skipped, or cut off.
func Rejudge(run *Run, catalogue []Scenario) Rejudgement {
	var r Rejudgement
	for _, s := range run.Scenarios {
		i := slices.IndexFunc(catalogue, func(c Scenario) bool { return c.Name == s.Name })
		if i < 0 || catalogue[i].Judge == nil || s.Ran == nil || run.Stack.Expected == nil {
			if s.Verdict != Skipped {
				r.Kept = append(r.Kept, s.Name)
			}
			continue
		}
		before := s.outcome()
		s.rejudge(catalogue[i], run.Stack.Expected)
		r.Judged = append(r.Judged, s.Name)
		if before != s.outcome() {
			r.Differ = append(r.Differ, s.Name)
		}
	}
	if run.Complete {
		verdicts := make([]Verdict, len(run.Scenarios))
		for i, s := range run.Scenarios {
			verdicts[i] = s.Verdict
		}
		run.Verdict = Summarize(verdicts)
	}
	return r
}

func (s *ScenarioRun) rejudge(sc Scenario, t *Topology) {
	own := *s // what the judge sees is what it saw the first time
	own.Checks, own.Metrics, own.Tables = s.Checks[:s.ownChecks:s.ownChecks], s.Metrics[:s.ownMetrics:s.ownMetrics], nil
	j, err := sc.judge(&own, t)
	s.Checks = append(own.Checks, j.Checks...)
	s.Metrics = append(own.Metrics, j.Metrics...)
	s.Tables = j.Tables
	end := conclude(*s.Ran, err, s.Checks)
	s.Verdict, s.Reason = end.Verdict, end.Reason
}

// outcome is everything that judging decides, as text.
func (s *ScenarioRun) outcome() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %v", s.Verdict, s.Reason, s.Checks, s.Metrics)
	for _, t := range s.Tables {
		fmt.Fprintf(&b, "\n%q %q %q %q", t.Name, t.Rows, t.Columns, t.Note)
		for _, l := range t.Lines {
			fmt.Fprintf(&b, "\n%q", l.Label)
			for _, v := range l.Values {
				if v == nil {
					b.WriteString(" -")
				} else {
					fmt.Fprintf(&b, " %v", *v)
				}
			}
		}
	}
	return b.String()
}
