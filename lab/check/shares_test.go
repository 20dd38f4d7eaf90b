package check_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

var instances = []lab.Instance{
	{Service: "app", Weight: 3}, {Service: "app1", Weight: 2}, {Service: "app2", Weight: 1}, {Service: "app3", Weight: 1},
}

func counts(app, app1, app2, app3 int) map[string]int {
	return map[string]int{"app": app, "app1": app1, "app2": app2, "app3": app3}
}

func TestSharesJudge(t *testing.T) {
	for _, c := range []struct {
		sentence string
		shares   check.Shares
		want     lab.Verdict
		hint     string
	}{
		{"exact shares pass", check.Shares{Shared: true, Counts: counts(300, 200, 100, 100)}, lab.Pass, ""},
		{"one off passes: the run may begin anywhere in a cycle", check.Shares{Shared: true, Counts: counts(301, 199, 100, 100)}, lab.Pass, ""},
		{"three off fail with one rotation", check.Shares{Shared: true, Counts: counts(303, 197, 100, 100)}, lab.Fail, "random"},
		{"three off pass with two workers that rotate for themselves", check.Shares{Workers: 2, Counts: counts(303, 197, 100, 100)}, lab.Pass, ""},
		{"turns that somebody else took from app1 are not held against it", check.Shares{Shared: true, Taken: counts(0, 5, 0, 0), Counts: counts(302, 196, 101, 101)}, lab.Pass, ""},
		{"but turns that were taken from another one are no excuse", check.Shares{Shared: true, Taken: counts(5, 0, 0, 0), Counts: counts(302, 196, 101, 101)}, lab.Fail, "random"},
		{"equal shares fail, and the hint says that they are equal", check.Shares{Shared: true, Counts: counts(175, 175, 175, 175)}, lab.Fail, "without weights"},
		{"the shares of a random choice fail, and the hint says so", check.Shares{Shared: true, Counts: counts(288, 213, 95, 104)}, lab.Fail, "at random"},
		{"swapped weights fail", check.Shares{Shared: true, Counts: counts(200, 300, 100, 100)}, lab.Fail, "other weights"},
		{"a silent instance is named", check.Shares{Shared: true, Counts: counts(350, 233, 0, 117)}, lab.Fail, "app2 answered nothing"},
		{"a stranger fails", check.Shares{Shared: true, Counts: map[string]int{"app": 300, "app1": 200, "app2": 100, "app3": 99, "app9": 1}}, lab.Fail, "does not name"},
		{"answers without a name fail", check.Shares{Shared: true, Counts: map[string]int{"": 700}}, lab.Fail, "identity header"},
		{"seven answers are too few to tell, even when they are exact", check.Shares{Shared: true, Counts: counts(3, 2, 1, 1)}, lab.Unknown, "too few"},
		{"no answers are too few to tell", check.Shares{Shared: true}, lab.Unknown, "too few"},
	} {
		c.shares.Instances = instances
		got := c.shares.Judge("shares")
		assert.Equal(t, c.want, got.Verdict, "%s: %v", c.sentence, got)
		assert.Contains(t, got.Hint, c.hint, c.sentence)
		if c.want != lab.Pass {
			assert.NotEmpty(t, got.Hint, c.sentence)
		}
	}
}

func TestSharesSayWhichBoundHolds(t *testing.T) {
	s := check.Shares{Instances: instances, Shared: true, Counts: counts(300, 200, 100, 100)}
	assert.Contains(t, s.Judge("").Want, "±2.3 answers: smooth weighted round robin, one rotation for all workers")
	s.Shared, s.Workers = false, 4
	assert.Contains(t, s.Judge("").Want, "±9.1 answers: smooth weighted round robin, 4 workers with a rotation each")
}

// A rotation always passes: any weights, any start, any number of workers with
// a rotation each and requests spread over them in any way.
func TestSharesPassEveryRotation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := weightsOf(t)
		workers := rapid.IntRange(1, 4).Draw(t, "workers")
		s := check.Shares{Workers: workers, Counts: make(map[string]int)}
		names := "abcdefgh"
		for i, w := range weights {
			s.Instances = append(s.Instances, lab.Instance{Service: names[i : i+1], Weight: w})
		}
		rotations := make([]*check.Rotation, workers)
		for i := range rotations {
			rotations[i] = check.NewRotation(weights)
			for range rapid.IntRange(0, 20).Draw(t, "skipped") {
				rotations[i].Next()
			}
		}
		seed := rapid.Uint64().Draw(t, "seed")
		rng := rand.New(rand.NewPCG(seed, 1))
		for range s.Least() {
			i := rotations[rng.IntN(workers)].Next()
			s.Counts[names[i:i+1]]++
		}
		c := s.Judge("shares")
		require.Equal(t, lab.Pass, c.Verdict, "%v", c)
	})
}

// draw is n picks at random with the given weights.
func draw(rng *rand.Rand, n int, weights ...int) map[string]int {
	total := 0
	for _, w := range weights {
		total += w
	}
	got := make(map[string]int)
	for range n {
		at := rng.IntN(total)
		for i, w := range weights {
			if at -= w; at < 0 {
				got[instances[i].Service]++
				break
			}
		}
	}
	return got
}

// The power of the checks with 700 requests: how often a balancer that chooses
// by chance would get away with it. The seeds are fixed: the test is exact.
func TestSharesCatchChance(t *testing.T) {
	for _, c := range []struct {
		sentence string
		weights  []int
	}{
		{"a weighted choice at random", []int{3, 2, 1, 1}},
		{"an unweighted choice at random", []int{1, 1, 1, 1}},
	} {
		passed, passedBoth := 0, 0
		for seed := range uint64(1000) {
			s := check.Shares{Instances: instances, Shared: true, Counts: draw(rand.New(rand.NewPCG(seed, 7)), 700, c.weights...)}
			if s.Judge("").Verdict == lab.Pass {
				passed++
				if s.NotByChance("").Verdict == lab.Pass {
					passedBoth++
				}
			}
		}
		assert.LessOrEqual(t, passed, 5, "%s passes the bound in %d of 1000 runs", c.sentence, passed)
		assert.LessOrEqual(t, passedBoth, 3, "%s passes bound and chi-square in %d of 1000 runs", c.sentence, passedBoth)
	}
}

func TestNotByChance(t *testing.T) {
	of := func(c map[string]int) check.Shares {
		return check.Shares{Instances: instances, Shared: true, Counts: c}
	}
	assert.Equal(t, lab.Pass, of(counts(600, 400, 200, 200)).NotByChance("").Verdict, "exact counts are a rotation's")
	assert.Equal(t, lab.Fail, of(counts(350, 350, 350, 350)).NotByChance("").Verdict, "equal counts are out of bounds")
	assert.Equal(t, lab.Fail, of(counts(620, 380, 210, 190)).NotByChance("").Verdict, "these are out of bounds")
	assert.Equal(t, lab.Unknown, of(counts(3, 2, 1, 1)).NotByChance("").Verdict, "seven answers may be chance")
	many := of(counts(316, 193, 97, 94))
	many.Shared, many.Workers = false, 8
	assert.Equal(t, lab.Pass, many.Judge("").Verdict, "within the bound of eight workers")
	assert.Equal(t, lab.Unknown, many.NotByChance("").Verdict, "but chance explains it too")

	equal := check.Shares{Shared: true, Instances: []lab.Instance{{Service: "a", Weight: 1}, {Service: "b", Weight: 1}}, Counts: map[string]int{"a": 350, "b": 350}}
	assert.Equal(t, lab.Pass, equal.NotByChance("").Verdict, "equal weights that are expected are not held against the stack")
	assert.InDelta(t, 1, equal.PUnweighted(), 1e-9)
}
