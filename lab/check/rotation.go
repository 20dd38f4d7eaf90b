package check

// Rotation is smooth weighted round robin, as balancers like NGINX do it: each
// turn adds every weight to its counter, takes the highest counter (the first
// of equals) and takes the sum of all weights off it. The picks of a cycle are
// spread as evenly as the weights allow; 3, 2, 1, 1 gives A B C A D B A.
type Rotation struct {
	weights []int
	current []int
	total   int
}

// NewRotation starts a rotation with fresh state. Weights are 1 or more.
func NewRotation(weights []int) *Rotation {
	r := &Rotation{weights: weights, current: make([]int, len(weights))}
	for _, w := range weights {
		r.total += w
	}
	return r
}

// Next picks the next index into the weights; -1 when there are none.
func (r *Rotation) Next() int {
	best := -1
	for i, w := range r.weights {
		r.current[i] += w
		if best < 0 || r.current[i] > r.current[best] {
			best = i
		}
	}
	if best >= 0 {
		r.current[best] -= r.total
	}
	return best
}

// Spread is, for every weight, the largest deviation from its exact share that
// any run of consecutive picks can show, however long the run and wherever in
// the cycle it begins. It is computed from the rotation itself: the deviation
// of a run is the difference of the deviations of two prefixes, and those
// repeat with every cycle.
func Spread(weights []int) []float64 {
	r := NewRotation(weights)
	counts := make([]int, len(weights))
	lowest := make([]float64, len(weights))
	highest := make([]float64, len(weights))
	for n := 1; n <= r.total; n++ {
		counts[r.Next()]++
		for i, w := range weights {
			d := float64(counts[i]) - float64(n)*float64(w)/float64(r.total)
			lowest[i] = min(lowest[i], d)
			highest[i] = max(highest[i], d)
		}
	}
	for i := range highest {
		highest[i] -= lowest[i]
	}
	return highest
}
