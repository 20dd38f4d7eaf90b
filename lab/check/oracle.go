package check

import (
	"fmt"
	"slices"

	"inventariolab/lab"
)

// Oracle is a Rotation whose instances may fail, as NGINX does it. Each
// instance has an effective weight, at first its weight. A failed try takes
// weight / max_fails off it, down to 0 at the least, and every turn that
// considers the instance gives one back, until the whole weight is there
// again: so a repaired instance comes back step by step. A turn considers the
// instances that are not out, adds to each counter the effective weight, takes
// the highest counter (the first of equals) and takes the sum of what was
// added off it.
type Oracle struct {
	weights, effective, current []int
	maxFails                    int
}

// NewOracle starts with fresh state. Weights are 1 or more. maxFails is the
// balancer's max_fails; 0 means that failures are not counted.
func NewOracle(weights []int, maxFails int) *Oracle {
	return &Oracle{
		weights: weights, effective: slices.Clone(weights), current: make([]int, len(weights)), maxFails: maxFails,
	}
}

// Next picks the next index into the weights among those that are not out
// (tried before by the same request, or marked as failed); -1 when all are.
func (o *Oracle) Next(out func(i int) bool) int {
	sum := o.grow(out)
	best := -1
	for i := range o.weights {
		if !out(i) && (best < 0 || o.current[i] > o.current[best]) {
			best = i
		}
	}
	if best >= 0 {
		o.current[best] -= sum
	}
	return best
}

// grow is the first half of a turn: the counters and the effective weights
// grow. It returns what was added to the counters in all.
func (o *Oracle) grow(out func(i int) bool) int {
	sum := 0
	for i, w := range o.weights {
		if out(i) {
			continue
		}
		o.current[i] += o.effective[i]
		sum += o.effective[i]
		o.effective[i] = min(o.effective[i]+1, w)
	}
	return sum
}

// Failed tells that the try at instance i failed.
func (o *Oracle) Failed(i int) {
	if o.maxFails > 0 {
		o.effective[i] = max(o.effective[i]-o.weights[i]/o.maxFails, 0)
	}
}

// Try is one try at one instance, as the balancer's log tells it.
type Try struct {
	Service string
	Failed  bool
	Retry   bool     // of the same request as the try before
	Out     []string // the instances that were marked as failed then, and so not considered
}

// Answers makes a Try of every answer of a serial run without failures.
func Answers(services []string) []Try {
	tries := make([]Try, len(services))
	for i, s := range services {
		tries[i] = Try{Service: s}
	}
	return tries
}

// SerialOrder checks a serial run exactly, turn by turn: the tries, in the
// order of time and without a gap, must be what smooth weighted round robin
// gives. Where the rotation stood at the first try is not known and need not
// be: a run fits when there is any state of the counters that gives all of it.
// The effective weights must be whole at the start: warm up before.
//
// Every pick says that one counter was not below the others, and all that
// moves the counters is known, so each pick bounds the differences of the
// first state. The run fits as long as these bounds do not contradict each
// other. The check is Unknown while a weighted choice at random could fit as
// well.
//
// It holds for one rotation: several workers without shared state each have
// one, and tries under way at the same time have no order. For those the
// bounds of Shares are what can be said.
func SerialOrder(name string, instances []lab.Instance, maxFails int, tries []Try) lab.Check {
	want := "every turn goes to the instance that smooth weighted round robin picks"
	r := newReplay(instances, maxFails)
	for n, try := range tries {
		due := r.possible(try)
		if r.take(try) {
			continue
		}
		got := fmt.Sprintf("turn %d of %d went to %s, and only %s can follow the turns before it", n+1, len(tries), label(try.Service), few(due, 4))
		if r.index(try.Service) < 0 {
			got = fmt.Sprintf("turn %d of %d went to %s, which the topology does not name", n+1, len(tries), label(try.Service))
		}
		return fail(name, want, got, "other weights than the topology's, another method than round robin, several workers without a shared zone, "+
			"or requests of somebody else in between: compare the balancer's upstream block with the topology and read its access log at this turn")
	}
	got := fmt.Sprintf("%d turns fit; a weighted choice at random would with p %s", len(tries), probability(r.chance))
	if r.chance >= Significance {
		return unknown(name, want, got, "too few turns to tell a rotation from chance: send more requests, one by one")
	}
	return pass(name, want, got)
}

// replay follows tries without knowing the first state. Counter i is the
// unknown first[i] plus the known current[i] of the oracle; atMost[j][i] is the
// largest first[j] − first[i] that the tries so far leave possible.
type replay struct {
	*Oracle
	instances []lab.Instance
	atMost    [][]int
	tried     map[int]bool
	chance    float64 // that a weighted choice at random fits as long as this
}

// noBound is more than any difference of counters, and small enough to add.
const noBound = 1 << 40

func newReplay(instances []lab.Instance, maxFails int) *replay {
	weights := make([]int, len(instances))
	atMost := make([][]int, len(instances))
	for i, in := range instances {
		weights[i] = in.Weight
		atMost[i] = make([]int, len(instances))
		for j := range atMost[i] {
			if i != j {
				atMost[i][j] = noBound
			}
		}
	}
	return &replay{Oracle: NewOracle(weights, maxFails), instances: instances, atMost: atMost, chance: 1}
}

func (r *replay) index(service string) int {
	return slices.IndexFunc(r.instances, func(in lab.Instance) bool { return in.Service == service })
}

func (r *replay) out(try Try) func(i int) bool {
	return func(i int) bool {
		return try.Retry && r.tried[i] || slices.Contains(try.Out, r.instances[i].Service)
	}
}

// possible lists the instances that a rotation could pick next.
func (r *replay) possible(try Try) []string {
	var names []string
	for _, in := range r.instances {
		next := try
		next.Service = in.Service
		if _, ok := r.bounds(next); ok {
			names = append(names, in.Service)
		}
	}
	return names
}

// bounds are those that hold when the try is the next one, and whether they
// leave any first state possible.
func (r *replay) bounds(try Try) ([][]int, bool) {
	pick, out := r.index(try.Service), r.out(try)
	if pick < 0 || out(pick) {
		return nil, false
	}
	b := make([][]int, len(r.atMost))
	for i := range b {
		b[i] = slices.Clone(r.atMost[i])
	}
	after := func(i int) int { return r.current[i] + r.effective[i] }
	for j := range b {
		if j == pick || out(j) {
			continue
		}
		most := after(pick) - after(j)
		if j < pick {
			most-- // the first of equals would have been taken
		}
		b[j][pick] = min(b[j][pick], most)
	}
	for k := range b {
		for i := range b {
			for j := range b {
				b[i][j] = min(b[i][j], b[i][k]+b[k][j])
			}
		}
	}
	for i := range b {
		if b[i][i] < 0 { // a counter below itself: the bounds contradict each other
			return nil, false
		}
	}
	return b, true
}

// take goes on by one try; false when no rotation could have made it.
func (r *replay) take(try Try) bool {
	if !try.Retry {
		r.tried = make(map[int]bool)
	}
	b, ok := r.bounds(try)
	if !ok {
		return false
	}
	// Among the instances considered a choice at random hits a possible one with
	// this probability. The product over all turns bounds the p-value: its
	// inverse has expectation 1 or less under chance.
	hit, all := 0, 0
	out := r.out(try)
	for i, in := range r.instances {
		if out(i) {
			continue
		}
		all += in.Weight
		next := try
		next.Service = in.Service
		if _, ok := r.bounds(next); ok {
			hit += in.Weight
		}
	}
	r.chance *= float64(hit) / float64(all)
	r.atMost = b
	pick := r.index(try.Service)
	sum := r.grow(out)
	r.current[pick] -= sum
	r.tried[pick] = true
	if try.Failed {
		r.Failed(pick)
	}
	return true
}
