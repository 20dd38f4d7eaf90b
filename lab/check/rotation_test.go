package check_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab/check"
)

func TestRotationOfTheReferenceStack(t *testing.T) {
	r := check.NewRotation([]int{3, 2, 1, 1})
	var picks strings.Builder
	for range 14 {
		picks.WriteByte("ABCD"[r.Next()])
	}
	assert.Equal(t, "ABCADBAABCADBA", picks.String(), "the weights 3, 2, 1, 1 give A B C A D B A, again and again")
	assert.Equal(t, -1, check.NewRotation(nil).Next(), "nothing to pick from")
}

func weightsOf(t *rapid.T) []int {
	return rapid.SliceOfN(rapid.IntRange(1, 9), 2, 6).Draw(t, "weights")
}

func TestSpreadBoundsEveryRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := weightsOf(t)
		spread := check.Spread(weights)
		r := check.NewRotation(weights)
		total := 0
		for _, w := range weights {
			total += w
		}
		for range rapid.IntRange(0, 3*total).Draw(t, "skipped") {
			r.Next()
		}
		counts := make([]int, len(weights))
		n := rapid.IntRange(1, 5*total).Draw(t, "picks")
		for range n {
			counts[r.Next()]++
		}
		for i, w := range weights {
			require.InDelta(t, float64(n)*float64(w)/float64(total), float64(counts[i]), spread[i]+1e-9,
				"instance %d of %v after %d picks", i, weights, n)
		}
	})
}

// failing is a rotation as NGINX does it when instances fail: a failed try
// takes the instance's effective weight away, which grows back by one each
// turn; a dead instance is passed over.
type failing struct {
	weight, effective, current []int
	dead, tried                []bool
}

func newFailing(weights []int) *failing {
	return &failing{
		weight: weights, effective: append([]int(nil), weights...), current: make([]int, len(weights)),
		dead: make([]bool, len(weights)), tried: make([]bool, len(weights)),
	}
}

func (f *failing) next() int {
	best, sum := -1, 0
	for i := range f.weight {
		if f.dead[i] || f.tried[i] {
			continue
		}
		f.current[i] += f.effective[i]
		sum += f.effective[i]
		f.effective[i] = min(f.effective[i]+1, f.weight[i])
		if best < 0 || f.current[i] > f.current[best] {
			best = i
		}
	}
	if best >= 0 {
		f.current[best] -= sum
	}
	return best
}

// After failures the counters of a rotation never get even again; the bound
// of the shares rests on this: the spread at most doubles.
func TestSpreadAtMostDoublesAfterFailures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := weightsOf(t)
		total := 0
		for _, w := range weights {
			total += w
		}
		f := newFailing(weights)
		turns := func(label string, most int) {
			for range rapid.IntRange(0, most).Draw(t, label) {
				f.next()
			}
		}
		for range rapid.IntRange(1, 4).Draw(t, "failures") {
			victim := rapid.IntRange(0, len(weights)-1).Draw(t, "victim")
			turns("before", 30)
			f.effective[victim], f.tried[victim] = 0, true
			f.next() // the retry goes elsewhere
			f.tried[victim], f.dead[victim] = false, true
			turns("while dead", 30)
			f.dead[victim] = false
		}
		for range 10 * total {
			f.next() // the effective weights grow back
		}
		counts := make([]int, len(weights))
		spread := check.Spread(weights)
		for n := 1; n <= 10*total; n++ {
			counts[f.next()]++
			for i, w := range weights {
				require.InDelta(t, float64(n)*float64(w)/float64(total), float64(counts[i]), 2*spread[i]+1e-9,
					"instance %d of %v after %d picks", i, weights, n)
			}
		}
	})
}

// While an instance is dead the balancer tries it again now and then: such a
// turn is lost, and the retry goes to one of the others. The bound of the
// others' shares rests on this: in any window of it the spread of their own
// rotation, doubled, and two answers for each lost turn and one more.
func TestSpreadOfTheOthersWhileOneIsDead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 9), 3, 6).Draw(t, "weights")
		total := 0
		for _, w := range weights {
			total += w
		}
		const dead = 0
		f := newFailing(weights)
		for range rapid.IntRange(0, 2*total).Draw(t, "before") {
			f.next()
		}
		pause := rapid.IntRange(0, 60).Draw(t, "turns between two tries at the dead one")
		wait, lost := 0, 0
		turn := func() int {
			f.dead[dead] = wait > 0
			wait--
			i := f.next()
			if i == dead {
				f.effective[dead], f.tried[dead] = 0, true
				i = f.next()
				f.tried[dead] = false
				lost++
				wait = pause
			}
			return i - 1
		}
		for range rapid.IntRange(0, 5*total).Draw(t, "dead before the window") {
			turn()
		}
		lost = 0
		others := weights[1:]
		spread := check.Spread(others)
		counts := make([]int, len(others))
		for n := 1; n <= 10*total; n++ {
			counts[turn()]++
			for k, w := range others {
				require.InDelta(t, float64(n)*float64(w)/float64(total-weights[dead]), float64(counts[k]), 2*spread[k]+2*float64(lost+1)+1e-9,
					"instance %d of %v after %d answers, %d turns lost", k+1, weights, n, lost)
			}
		}
	})
}
