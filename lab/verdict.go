package lab

// Verdict is the result of a check, of a scenario and of a run.
//
// Fail means that the lab measured and the stack was wrong; Unknown means that
// the lab could not tell (it failed to measure, or saw too little). The two
// never mix: a lab that cannot measure must not accuse the stack.
type Verdict string

// The verdicts.
const (
	Pass    Verdict = "pass"
	Fail    Verdict = "fail"
	Unknown Verdict = "unknown"
	Skipped Verdict = "skipped"
)

// Check is one judged claim. Want and Got are sentences for people, with
// units; Hint says, when the verdict is not Pass, the likely cause, where to
// look and what to try.
type Check struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Want    string  `json:"want"`
	Got     string  `json:"got"`
	Hint    string  `json:"hint"`
}

// Summarize reduces the verdicts of the parts to the verdict of the whole: one
// Fail fails it, else one Unknown makes it Unknown. Skipped parts count only
// when every part was skipped. No parts at all is Unknown: nothing was shown.
func Summarize(parts []Verdict) Verdict {
	if len(parts) == 0 {
		return Unknown
	}
	seen := make(map[Verdict]bool, 4)
	for _, v := range parts {
		seen[v] = true
	}
	switch {
	case seen[Fail]:
		return Fail
	case seen[Unknown]:
		return Unknown
	case seen[Pass]:
		return Pass
	case seen[Skipped]:
		return Skipped
	}
	return Unknown
}

// ExitStatus is what a command that ends with v returns to the shell: 0 when
// everything passed, 1 when a check failed, 2 when the lab could not tell.
func (v Verdict) ExitStatus() int {
	switch v {
	case Pass:
		return 0
	case Fail:
		return 1
	}
	return 2
}
