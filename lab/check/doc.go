// Package check judges and never observes: pure functions from observations
// and expectations to checks. It knows neither HTTP nor MySQL nor Docker, so
// that a recorded run can be judged again, and every judgement can be tested
// with a table.
//
// Three rules hold for every function here. What was measured and is wrong is
// lab.Fail. What cannot be told, because too little was seen, is lab.Unknown
// and never lab.Pass. And a check that does not pass carries a hint: the
// likely cause, where to look, what to try.
package check

import (
	"fmt"
	"slices"
	"strings"

	"inventariolab/lab"
)

// Req is one request as its client saw it, with the moment it was sent.
type Req = lab.Timed[lab.Request]

func pass(name, want, got string) lab.Check {
	return lab.Check{Name: name, Verdict: lab.Pass, Want: want, Got: got}
}

func fail(name, want, got, hint string) lab.Check {
	return lab.Check{Name: name, Verdict: lab.Fail, Want: want, Got: got, Hint: hint}
}

func unknown(name, want, got, hint string) lab.Check {
	return lab.Check{Name: name, Verdict: lab.Unknown, Want: want, Got: got, Hint: hint}
}

// tally counts and lists "what (n)", most frequent first, at most limit of
// them.
type tally map[string]int

func (t tally) String() string { return t.top(4) }

func (t tally) top(limit int) string {
	keys := make([]string, 0, len(t))
	for k := range t {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if t[a] != t[b] {
			return t[b] - t[a]
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, 0, limit+1)
	for i, k := range keys {
		if i == limit {
			parts = append(parts, fmt.Sprintf("%d more kinds", len(keys)-limit))
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%d)", k, t[k]))
	}
	return strings.Join(parts, "; ")
}

// few lists at most limit of the items.
func few(items []string, limit int) string {
	if len(items) <= limit {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:limit], ", "), len(items)-limit)
}
