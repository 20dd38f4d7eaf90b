package compare

import (
	"fmt"
	"math"
	"slices"
)

// amongRuns is what several runs say of the same: each has one value, the stat
// of all its samples or its metric.
func amongRuns(t stat, k key, runs []*Side) Value {
	v := Value{Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	for _, s := range runs {
		if k.kind == metric {
			if m, ok := s.metrics[k]; ok {
				v.blocks = append(v.blocks, m)
			}
		} else if values := s.streams[k]; len(values) >= t.shown {
			v.blocks = append(v.blocks, t.whole(values))
		}
	}
	v.Runs = len(v.blocks)
	if v.Runs > 0 {
		sorted := slices.Sorted(slices.Values(v.blocks))
		v.Value = median.of(sorted)
		if n := len(sorted); n%2 == 0 {
			v.Value = (sorted[n/2-1] + sorted[n/2]) / 2 // two runs have no middle one
		}
		v.Lo, v.Hi = sorted[0], sorted[len(sorted)-1]
	}
	return v
}

// differenceOfRuns tests the runs' values. Too few runs are not tested at all:
// they could not show even the clearest difference beside so many other tests.
func differenceOfRuns(a, b Value, tests int) Difference {
	switch {
	case a.Runs == 0 || b.Runs == 0:
		return Difference{Why: "only on one side"}
	case smallestP(a.Runs, b.Runs)*float64(tests) > Alpha:
		return Difference{Why: fmt.Sprintf("%d and %d runs, %d tests take %d a side", a.Runs, b.Runs, tests, LeastRuns(tests))}
	}
	return compared(a, b)
}

// smallestP is the p-value of the U test when all of n values are below all of
// m: there are as many equally likely orders as ways to choose n of n+m.
func smallestP(n, m int) float64 {
	return min(2/choose(n+m, n), 1)
}

func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c *= float64(n-i) / float64(i+1)
	}
	return math.Round(c)
}

// LeastRuns is how many runs a side it takes to show even the clearest
// difference at Alpha beside so many tests: 4 for one test, 7 for forty.
func LeastRuns(tests int) int {
	n := 2
	for smallestP(n, n)*float64(max(tests, 1)) > Alpha {
		n++
	}
	return n
}

// distinct makes sure that repetitions are runs of their own: a run that is
// named twice would count as two that agree.
func distinct(sides []*Side, names []string) error {
	for i, s := range sides {
		for k, o := range sides[:i] {
			if s.Info.Started.Equal(o.Info.Started) {
				return fmt.Errorf("%s (%s) and %s (%s) began in the same moment: a run may stand there once", names[k], o.Name, names[i], s.Name)
			}
		}
	}
	return nil
}

// inTurn says when groups were not made in turn (A B A B): then whatever
// changed in time looks like the difference of the groups.
func inTurn(groups [][]*Side) []string {
	var out []string
	oldest := func(g []*Side) *Side {
		return slices.MinFunc(g, func(a, b *Side) int { return a.Info.Started.Compare(b.Info.Started) })
	}
	newest := func(g []*Side) *Side {
		return slices.MaxFunc(g, func(a, b *Side) int { return a.Info.Started.Compare(b.Info.Started) })
	}
	for i, g := range groups[1:] {
		if len(g) < 2 || len(groups[0]) < 2 {
			continue
		}
		a := groups[0]
		if newest(a).Info.Started.Before(oldest(g).Info.Started) || newest(g).Info.Started.Before(oldest(a).Info.Started) {
			out = append(out, fmt.Sprintf("the runs of A and %s were not made in turn: what changed on the machine between them looks like their difference", letter(i+1)))
		}
	}
	return out
}

// runName names a run: by its group's letter, with a number when the group has
// several.
func runName(groups [][]*Side, group, run int) string {
	if len(groups[group]) == 1 {
		return letter(group)
	}
	return fmt.Sprintf("%s%d", letter(group), run+1)
}
