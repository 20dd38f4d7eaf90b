package check

import (
	"fmt"
	"slices"
	"time"

	"inventariolab/lab"
)

// resumeLeast is how many good answers must come before the fault: with fewer
// there was no flow that could stop.
const resumeLeast = 10

// PauseOf is the longest pause between two good answers of some requests after a
// fault was asked for: how long they stood still. Requests count by when their
// answers came, since those sent before the fault may wait it out. To is Never
// when the last pause is the longest: then they had not begun again when the time
// was up.
func PauseOf(reqs []Req, asked, until time.Duration) Span {
	came := []time.Duration{asked}
	for _, r := range Good(reqs) {
		if at := end(r.At, r.Value.US); at > asked && at <= until {
			came = append(came, at)
		}
	}
	slices.Sort(came)
	last := came[len(came)-1]
	pause, longest := Span{last, Never}, until-last
	for i := 1; i < len(came); i++ {
		if d := came[i] - came[i-1]; d >= longest {
			pause, longest = Span{came[i-1], came[i]}, d
		}
	}
	return pause
}

// ResumesWithin checks that the good answers of some requests begin again within
// a time of the asking for a fault. what names them in a sentence: "acknowledged
// writes".
func ResumesWithin(name, what string, reqs []Req, asked, until, within time.Duration) lab.Check {
	want := fmt.Sprintf("%s come again at most %v after the fault was asked for", what, within)
	before := 0
	for _, r := range Good(reqs) {
		if end(r.At, r.Value.US) <= asked {
			before++
		}
	}
	s := PauseOf(reqs, asked, until)
	got := fmt.Sprintf("after %v; they stood still for %v", (s.To - asked).Round(time.Millisecond), s.Length().Round(time.Millisecond))
	switch {
	case before < resumeLeast:
		return unknown(name, want, fmt.Sprintf("%d of them before the fault", before), "there was no flow that could stop: look at the answers before the fault")
	case !s.Known() && until-asked <= within:
		return unknown(name, want, fmt.Sprintf("none in the %v that were observed", (until-asked).Round(time.Millisecond)), "observe longer")
	case !s.Known():
		return fail(name, want, fmt.Sprintf("not within %v", (until-asked).Round(time.Millisecond)), "nobody took over: look at the steps of the promotion, and at what the app says in /readyz")
	case s.To-asked > within:
		return fail(name, want, got, "look at the steps of the promotion, which step took long, and how soon the app finds the new source")
	}
	return pass(name, want, got)
}
