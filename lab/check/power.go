package check

import (
	"fmt"
	"math"
	"strings"

	"inventariolab/lab"
)

// Confidence is the probability with which the smallest error that a test is
// said to notice is noticed.
const Confidence = 0.95

// grain is in how many steps a weight is divided to look for the smallest
// error that is noticed: the answers are good to one per cent of a weight.
const grain = 100

// Power is the probability that Judge fails n answers of a balancer that
// rotates by the weights actual instead of the expected ones. It is computed,
// not estimated: every place in the cycle of the actual rotation at which the
// counting can begin is tried, all being equally likely. One rotation is
// followed, as with shared state; with several the bounds, and so the errors
// that pass unnoticed, are as much wider.
func (s Shares) Power(actual []int, n int) float64 {
	bounds, cycle := s.Bounds(), 0
	for _, w := range actual {
		cycle += w
	}
	if n <= 0 || cycle == 0 || len(actual) != len(s.Instances) {
		return 0
	}
	due := make([]float64, len(actual))
	for i, in := range s.Instances {
		due[i] = s.Expected(in.Service) * float64(n)
	}
	// A window of n picks slides over the rotation, from each place of the cycle.
	head, tail := NewRotation(actual), NewRotation(actual)
	counts := make([]int, len(actual))
	for range n {
		counts[head.Next()]++
	}
	noticed := 0
	for range cycle {
		for i, c := range counts {
			if math.Abs(float64(c)-due[i]) > bounds[i]+1e-9 {
				noticed++
				break
			}
		}
		counts[head.Next()]++
		counts[tail.Next()]--
	}
	return float64(noticed) / float64(cycle)
}

// WeightError is how far one weight may be from the expected one before Judge
// notices it with the probability Confidence: as parts of the weight, so that
// 0.05 is a twentieth of it. NaN when no such error is noticed, for Down not
// even a weight of next to nothing, for Up not even a tenfold one.
type WeightError struct {
	Service  string
	Down, Up float64
}

// Noticed is, for each instance, the smallest error of its weight that n
// answers would show, while the other weights are as expected.
func (s Shares) Noticed(n int) []WeightError {
	errs := make([]WeightError, len(s.Instances))
	for i, in := range s.Instances {
		whole := in.Weight * grain
		errs[i] = WeightError{
			Service: in.Service,
			Down:    s.smallest(i, n, -1, whole-1),
			Up:      s.smallest(i, n, +1, 9*whole),
		}
	}
	return errs
}

// smallest looks for the smallest change of weight i, in grains, from which on
// the power is enough.
func (s Shares) smallest(i, n, sign, most int) float64 {
	actual := make([]int, len(s.Instances))
	for k, in := range s.Instances {
		actual[k] = in.Weight * grain
	}
	whole := actual[i]
	enough := func(change int) bool {
		actual[i] = whole + sign*change
		return s.Power(actual, n) >= Confidence
	}
	if !enough(most) {
		return math.NaN()
	}
	low, high := 0, most // not enough at low, enough at high
	for high-low > 1 {
		if mid := (low + high) / 2; enough(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return float64(high) / float64(whole)
}

// Resolution says in a sentence how small an error of a weight n answers would
// show, ready to stand beside the check.
func (s Shares) Resolution(n int) string {
	parts := make([]string, len(s.Instances))
	for i, e := range s.Noticed(n) {
		parts[i] = fmt.Sprintf("%s %s or %s", e.Service, percent("−", e.Down), percent("+", e.Up))
	}
	return fmt.Sprintf("%d answers show a wrong weight with %.0f %% probability from these errors on: %s",
		n, 100*Confidence, strings.Join(parts, ", "))
}

// PowerTable shows, for each instance, the smallest error of its weight that n
// answers would show, as parts of the weight.
func (s Shares) PowerTable(n int) lab.Table {
	t := lab.Table{
		Name: "power", Rows: "instance", Columns: []string{"weight", "down", "up"},
		Note: fmt.Sprintf("How small an error would be noticed: %d answers show a weight that is too small or too great by so many per cent "+
			"with %.0f %% probability. Smaller errors pass.", n, 100*Confidence),
	}
	for i, e := range s.Noticed(n) {
		t.Lines = append(t.Lines, lab.NewLine(e.Service, float64(s.Instances[i].Weight), e.Down, e.Up))
	}
	return t
}

func percent(sign string, part float64) string {
	if math.IsNaN(part) {
		return sign + " none"
	}
	return fmt.Sprintf("%s%.3g %%", sign, 100*part)
}
