package check_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

func none(int) bool { return false }

// named gives weights names: A, B, C …
func named(weights []int) []lab.Instance {
	in := make([]lab.Instance, len(weights))
	for i, w := range weights {
		in[i] = lab.Instance{Service: string(rune('A' + i)), Weight: w}
	}
	return in
}

func TestOracleWithoutFailuresIsTheRotation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := weightsOf(t)
		o, r := check.NewOracle(weights, 1), check.NewRotation(weights)
		for range rapid.IntRange(0, 200).Draw(t, "turns") {
			require.Equal(t, r.Next(), o.Next(none))
		}
	})
}

func TestOracleRampsUpAfterAFailure(t *testing.T) {
	for _, tc := range []struct {
		why      string
		maxFails int
		want     string
	}{
		// By hand. A's failed turn leaves the counters −4 2 1 1. With A's effective weight 0, 1, 2, 3 they
		// then are −4 4 2 2: B; −3 2 3 3: C; −1 4 −1 4: B; 2 0 0 5: D; and so on.
		{"max_fails 1 takes the whole weight: 3 becomes 0, then 1, 2, 3", 1, "BCB" + "DABACAB" + "DABACAB" + "DA"},
		// With 2, 3 they are −2 4 2 2: B; 1 0 3 3: C; 4 2 −3 4: A; 0 4 −2 5: D; and so on.
		{"max_fails 3 takes a third: 3 becomes 2", 3, "B" + "CADBABA" + "CADBABA" + "CADB"},
		{"max_fails 0 takes nothing", 0, "BCADBAABCADBAABCADB"},
	} {
		o := check.NewOracle([]int{3, 2, 1, 1}, tc.maxFails)
		require.Equal(t, 0, o.Next(none), tc.why)
		o.Failed(0)
		var picks strings.Builder
		for range len(tc.want) {
			picks.WriteByte("ABCD"[o.Next(none)])
		}
		assert.Equal(t, tc.want, picks.String(), tc.why)
	}
	o := check.NewOracle([]int{1, 1}, 1)
	assert.Equal(t, -1, o.Next(func(int) bool { return true }), "all are out")
}

func TestSerialOrder(t *testing.T) {
	ref := named([]int{3, 2, 1, 1})
	cycles := func(s string, n int) []check.Try {
		return check.Answers(strings.Split(strings.Repeat(s, n), ""))
	}
	change := func(tries []check.Try, at int, to string) []check.Try {
		tries[at].Service = to
		return tries
	}
	for _, tc := range []struct {
		why   string
		tries []check.Try
		want  lab.Verdict
		got   string
	}{
		{"the rotation from its start", cycles("ABCADBA", 100), lab.Pass, "700 turns fit"},
		{"the rotation from another place", cycles("CADBAAB", 100), lab.Pass, "700 turns fit"},
		{"one answer of another", change(cycles("ABCADBA", 100), 350, "B"), lab.Fail, "turn 351 of 700 went to B, and only A can follow"},
		{"the right shares in another order", cycles("AAABBCD", 100), lab.Fail, "turn"},
		{"no weights", cycles("ABCD", 100), lab.Fail, "turn"},
		{"a stranger", change(cycles("ABCADBA", 100), 2, "Z"), lab.Fail, "turn 3 of 700 went to Z, which the topology does not name"},
		{"too few to tell", cycles("ABC", 1), lab.Unknown, "3 turns fit"},
		{"none", nil, lab.Unknown, "0 turns fit"},
	} {
		c := check.SerialOrder("order", ref, 1, tc.tries)
		assert.Equal(t, tc.want, c.Verdict, "%s: %s", tc.why, c.Got)
		assert.Contains(t, c.Got, tc.got, tc.why)
		assert.Equal(t, tc.want == lab.Pass, c.Hint == "", tc.why)
	}
}

// Whatever happened before, and whatever fails on the way, what the oracle does
// is accepted: the judge never accuses a balancer that rotates as it should.
func TestSerialOrderAcceptsEveryRotation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := weightsOf(t)
		maxFails := rapid.IntRange(0, 3).Draw(t, "max_fails")
		o := check.NewOracle(weights, maxFails)
		in := named(weights)
		down := make([]bool, len(weights))
		request := func() []check.Try {
			var tries []check.Try
			tried := make([]bool, len(weights))
			for {
				out := func(i int) bool { return tried[i] || down[i] }
				pick := o.Next(out)
				if pick < 0 {
					return tries
				}
				try := check.Try{Service: in[pick].Service, Retry: len(tries) > 0}
				for i := range down {
					if down[i] {
						try.Out = append(try.Out, in[i].Service)
					}
				}
				try.Failed = rapid.IntRange(0, 5).Draw(t, "fails") == 0
				tries = append(tries, try)
				if !try.Failed {
					return tries
				}
				o.Failed(pick)
				tried[pick] = true
			}
		}
		for range rapid.IntRange(0, 20).Draw(t, "before") {
			request() // failures before leave the counters uneven for good
		}
		for range 10 {
			o.Next(none) // and the effective weights grow back
		}
		var tries []check.Try
		for range rapid.IntRange(1, 40).Draw(t, "requests") {
			if rapid.IntRange(0, 9).Draw(t, "changes") == 0 {
				i := rapid.IntRange(0, len(down)-1).Draw(t, "which")
				down[i] = !down[i]
			}
			tries = append(tries, request()...)
		}
		c := check.SerialOrder("order", in, maxFails, tries)
		require.NotEqual(t, lab.Fail, c.Verdict, "%s", c.Got)
	})
}

// A choice at random passes no more often than the significance says.
func TestSerialOrderTellsChance(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, weights := range [][]int{{1, 1}, {3, 2, 1, 1}, {9, 1}} {
		in := named(weights)
		var urn []string
		for _, i := range in {
			urn = append(urn, slices.Repeat([]string{i.Service}, i.Weight)...)
		}
		const runs = 2000
		passed := 0
		for range runs {
			answers := make([]string, 30)
			for i := range answers {
				answers[i] = urn[rnd.IntN(len(urn))]
			}
			if check.SerialOrder("order", in, 1, check.Answers(answers)).Verdict == lab.Pass {
				passed++
			}
		}
		assert.LessOrEqual(t, passed, 6, "of %d runs by chance with weights %v; %g of them may pass", runs, weights, check.Significance)
	}
}
