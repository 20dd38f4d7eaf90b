package check_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

func TestPower(t *testing.T) {
	s := check.Shares{Instances: named([]int{3, 2, 1, 1}), Workers: 2, Shared: true}
	for _, tc := range []struct {
		why    string
		actual []int
		n      int
		want   float64
	}{
		{"the right weights are never accused", []int{3, 2, 1, 1}, 700, 0},
		{"nor a multiple of them", []int{6, 4, 2, 2}, 700, 0},
		{"equal weights are noticed", []int{1, 1, 1, 1}, 700, 1},
		{"two weights mixed up", []int{2, 3, 1, 1}, 700, 1},
		{"one weight more", []int{3, 2, 1, 2}, 700, 1},
		{"nothing is noticed in nothing", []int{1, 1, 1, 1}, 0, 0},
		{"nor in one answer", []int{1, 1, 1, 1}, 1, 0},
		{"other instances cannot be compared", []int{1, 1}, 700, 0},
	} {
		assert.InDelta(t, tc.want, s.Power(tc.actual, tc.n), 0, tc.why)
	}
}

// Power says what Judge does: the part of the places to begin at which it fails.
func TestPowerIsHowOftenJudgeFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := check.Shares{Instances: named(weightsOf(t)), Shared: true}
		actual := rapid.SliceOfN(rapid.IntRange(1, 9), len(s.Instances), len(s.Instances)).Draw(t, "actual")
		n := s.Least() + rapid.IntRange(0, 200).Draw(t, "more than the least")
		cycle, failed := 0, 0
		for _, w := range actual {
			cycle += w
		}
		for skipped := range cycle {
			r := check.NewRotation(actual)
			for range skipped {
				r.Next()
			}
			s.Counts = make(map[string]int)
			for range n {
				s.Counts[s.Instances[r.Next()].Service]++
			}
			if s.Judge("shares").Verdict == lab.Fail {
				failed++
			}
		}
		require.InDelta(t, float64(failed)/float64(cycle), s.Power(actual, n), 1e-9)
	})
}

func TestNoticedErrorsShrinkWithTheNumberOfAnswers(t *testing.T) {
	s := check.Shares{Instances: named([]int{3, 2, 1, 1}), Shared: true}
	few, many := s.Noticed(70), s.Noticed(1400)
	for i := range few {
		assert.Greater(t, few[i].Up, many[i].Up, few[i].Service)
		assert.Greater(t, few[i].Down, many[i].Down, few[i].Service)
		assert.Positive(t, many[i].Down)
		assert.Less(t, many[i].Up, 0.03, "1,400 answers show 3 %% of a weight")
	}
	apart := s
	apart.Shared, apart.Workers = false, 4
	assert.Greater(t, apart.Noticed(1400)[0].Up, many[0].Up, "independent workers blur the counts")
	assert.True(t, math.IsNaN(s.Noticed(1)[0].Up), "one answer shows nothing")
	assert.Contains(t, s.Resolution(1), "A − none or + none")
	t.Log(s.Resolution(700))
	assert.Regexp(t, `^700 answers show a wrong weight with 95 % probability from these errors on: A −[\d.]+ % or \+[\d.]+ %, B `, s.Resolution(700))
}
