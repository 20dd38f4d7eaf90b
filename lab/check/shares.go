package check

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"inventariolab/lab"
)

// Significance is the p-value below which a hypothesis about the balancer is
// rejected: one false alarm in a thousand runs.
const Significance = 0.001

// Shares is how often each instance answered, and what that is judged against.
type Shares struct {
	Instances []lab.Instance
	Counts    map[string]int // by service; "" are answers without an identity

	// Workers and Shared are the balancer's: without shared state each worker
	// has a rotation of its own, and each may be off by one cycle's spread.
	Workers int
	Shared  bool

	// Edge is how many counted requests may belong to other turns than the
	// rotation's, because where the counting began and ended is only known up
	// to the requests then under way. 0 when the counted requests are all of
	// them.
	Edge int
	// Taken are the turns, by service, that the rotation spent on something else
	// than counted answers: other people's requests, and retries. The balancer's
	// log knows them; without one they are none.
	Taken map[string]int
	// Lost is how many turns may have gone to an instance that is not among
	// Instances because it is dead; see lostTurn.
	Lost int
}

// lostTurn is how far one turn that was lost at a dead instance may push the
// others off their shares: such turns are not spread as evenly as the others.
// It comes from simulation; see the tests.
const lostTurn = 2

// Total is the number of answers counted.
func (s Shares) Total() int {
	n := 0
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// Expected is the expected share of a service, from 0 to 1.
func (s Shares) Expected(service string) float64 {
	for _, in := range s.Instances {
		if in.Service == service {
			return float64(in.Weight) / float64(s.weight())
		}
	}
	return 0
}

// due is how many of the counted answers are expected of an instance: its share
// of all turns, without those that were taken from it.
func (s Shares) due(in lab.Instance) float64 {
	turns := s.Total()
	for _, other := range s.Instances {
		turns += s.Taken[other.Service]
	}
	return s.Expected(in.Service)*float64(turns) - float64(s.Taken[in.Service])
}

func (s Shares) taken() int {
	n := 0
	for _, in := range s.Instances {
		n += s.Taken[in.Service]
	}
	return n
}

func (s Shares) weight() int {
	sum := 0
	for _, in := range s.Instances {
		sum += in.Weight
	}
	return sum
}

func (s Shares) weights() []int {
	ws := make([]int, len(s.Instances))
	for i, in := range s.Instances {
		ws[i] = in.Weight
	}
	return ws
}

func (s Shares) rotations() int {
	if s.Shared {
		return 1
	}
	return max(s.Workers, 1)
}

// unsettled widens the spread of a fresh rotation: an instance that failed
// earlier leaves the counters uneven for good, and simulation (see the tests)
// shows up to twice the spread then.
const unsettled = 2

// Bounds is, for every instance, how many answers its count may be away from
// the exact share: twice the spread of a fresh rotation for each independent
// rotation, plus the edge, plus the lost turns.
func (s Shares) Bounds() []float64 {
	bounds := Spread(s.weights())
	for i := range bounds {
		bounds[i] = bounds[i]*unsettled*float64(s.rotations()) + float64(s.Edge+lostTurn*s.Lost)
	}
	return bounds
}

// Bound says which bound holds and where it comes from.
func (s Shares) Bound() string {
	b := fmt.Sprintf("at most ±%.1f answers: smooth weighted round robin", slices.Max(s.Bounds()))
	if n := s.rotations(); n == 1 {
		b += ", one rotation for all workers"
	} else {
		b += fmt.Sprintf(", %d workers with a rotation each", n)
	}
	if s.Edge > 0 {
		b += fmt.Sprintf(", ±%d for requests under way at the edges", s.Edge)
	}
	if s.Lost > 0 {
		b += fmt.Sprintf(", ±%d for %d turns at the dead instance", lostTurn*s.Lost, s.Lost)
	}
	if n := s.taken(); n > 0 {
		b += fmt.Sprintf("; %d more turns, known from the log, went to other requests and retries", n)
	}
	return b
}

// Judge checks that every instance has its share of the answers.
func (s Shares) Judge(name string) lab.Check {
	n := s.Total()
	want := fmt.Sprintf("%s; each %s", s.list(func(in lab.Instance) string {
		return fmt.Sprintf("%.1f", s.due(in))
	}), s.Bound())
	got := s.counted()
	if strangers := s.strangers(); len(strangers) > 0 {
		return fail(name, want, got, "answers came from an instance that the topology does not name: compare the balancer's upstream "+
			"servers with the topology's instances, and look at the identity header of the answers")
	}
	if least := s.Least(); n < least {
		return unknown(name, want, got, fmt.Sprintf("%d answers are too few to tell these weights from equal ones, it takes %d: "+
			"look why so few requests were answered", n, least))
	}
	if off := s.off(); len(off) > 0 {
		return fail(name, want, got, s.suspect(off))
	}
	return pass(name, want, got)
}

// off lists the instances whose count is out of bounds.
func (s Shares) off() []string {
	var off []string
	bounds := s.Bounds()
	for i, in := range s.Instances {
		if math.Abs(float64(s.Counts[in.Service])-s.due(in)) > bounds[i]+1e-9 {
			off = append(off, in.Service)
		}
	}
	return off
}

// suspect names the likely cause of shares that are off.
func (s Shares) suspect(off []string) string {
	var silent []string
	for _, in := range s.Instances {
		if s.Counts[in.Service] == 0 {
			silent = append(silent, in.Service)
		}
	}
	where := "; look at the weights in the balancer's upstream block and at the tries in its access log"
	switch {
	case len(silent) > 0:
		return fmt.Sprintf("%s answered nothing: it is missing from the balancer's upstream servers, or marked as failed; "+
			"look at its state and log, and at the tries in the balancer's access log", few(silent, 4))
	case !s.equal() && s.PUnweighted() > 0.01:
		return fmt.Sprintf("the counts fit a choice without weights (p = %.2g): weights are missing or not in effect", s.PUnweighted()) + where
	case s.PWeighted() > 0.01:
		return fmt.Sprintf("the counts fit a weighted choice at random (p = %.2g), not a rotation: another method than round robin, "+
			"or more independent workers than the topology says", s.PWeighted()) + where
	}
	return fmt.Sprintf("%s off: other weights than the topology's, or an instance that failed now and then", few(off, 4)) + where
}

// Least is the smallest number of answers that can tell these weights from
// equal ones (from one instance missing, where they are equal) at twice the
// bound, with at least five answers expected of each instance.
func (s Shares) Least() int {
	if len(s.Instances) == 0 {
		return math.MaxInt
	}
	bounds := s.Bounds()
	best, smallest := math.Inf(1), 1.0
	for i, in := range s.Instances {
		share := s.Expected(in.Service)
		smallest = min(smallest, share)
		gap := math.Abs(share - 1/float64(len(s.Instances)))
		if s.equal() {
			gap = share
		}
		if gap > 0 {
			best = min(best, 2*bounds[i]/gap)
		}
	}
	return int(math.Ceil(max(best, 5/smallest)))
}

func (s Shares) equal() bool {
	ws := s.weights()
	return len(ws) == 0 || slices.Min(ws) == slices.Max(ws)
}

// NotByChance checks that the counts can come neither from a choice without
// weights nor from a weighted choice at random; a rotation is far more even
// than chance. It is Unknown when too few answers leave one of them possible
// although every count is within its bound.
func (s Shares) NotByChance(name string) lab.Check {
	random, unweighted := s.PRandom(), s.PUnweighted()
	want := fmt.Sprintf("neither chance nor equal weights explain the counts (chi-square, %d degrees of freedom, p < %g each)",
		len(s.Instances)-1, Significance)
	got := fmt.Sprintf("a weighted choice at random is at least so even with p %s, equal weights are at least so uneven with p %s (%d answers)",
		probability(random), probability(unweighted), s.Total())
	if s.equal() {
		unweighted = 0 // nothing to tell apart
	}
	switch {
	case len(s.strangers()) > 0 || len(s.off()) > 0 && s.Total() >= s.Least():
		return fail(name, want, got, "the counts are out of their bounds: see the checks of the shares")
	case random < Significance && unweighted < Significance:
		return pass(name, want, got)
	}
	return unknown(name, want, got, "too few answers, or too many independent workers, to tell a rotation from chance: send more requests")
}

// probability tells a p-value; tiny ones are not told exactly, since the
// chi-square distribution is an approximation.
func probability(p float64) string {
	if p < 1e-6 {
		return "< 0.000001"
	}
	return fmt.Sprintf("= %.2g", p)
}

// PUnweighted is the probability that a choice at random with equal weights
// gives counts at least as far from equal as these (chi-square, upper tail).
func (s Shares) PUnweighted() float64 {
	equal := make([]float64, len(s.Instances))
	for i := range equal {
		equal[i] = 1 / float64(len(equal))
	}
	return 1 - s.cdf(equal)
}

// PWeighted is the probability that a choice at random with the expected
// weights gives counts at least as far from expectation (upper tail).
func (s Shares) PWeighted() float64 { return 1 - s.cdf(s.shares()) }

// PRandom is the probability that a choice at random with the expected weights
// comes out at least as even as these counts (lower tail).
func (s Shares) PRandom() float64 { return s.cdf(s.shares()) }

func (s Shares) shares() []float64 {
	p := make([]float64, len(s.Instances))
	for i, in := range s.Instances {
		p[i] = s.Expected(in.Service)
	}
	return p
}

// cdf is the chi-square distribution at the distance of the counts from the
// shares p; NaN when there is nothing to compare.
func (s Shares) cdf(p []float64) float64 {
	n := 0
	for _, in := range s.Instances {
		n += s.Counts[in.Service]
	}
	if n == 0 || len(p) < 2 {
		return math.NaN()
	}
	x := 0.0
	for i, in := range s.Instances {
		e := p[i] * float64(n)
		d := float64(s.Counts[in.Service]) - e
		x += d * d / e
	}
	return distuv.ChiSquared{K: float64(len(p) - 1)}.CDF(x)
}

// strangers lists what answered without being expected, with "" for answers
// without an identity.
func (s Shares) strangers() []string {
	var names []string
	for service, n := range s.Counts {
		if n > 0 && s.Expected(service) == 0 {
			names = append(names, service)
		}
	}
	slices.Sort(names)
	return names
}

func (s Shares) counted() string {
	got := fmt.Sprintf("%s of %d", s.list(func(in lab.Instance) string { return fmt.Sprint(s.Counts[in.Service]) }), s.Total())
	for _, service := range s.strangers() {
		got += fmt.Sprintf(", %s %d", label(service), s.Counts[service])
	}
	return got
}

func label(service string) string {
	if service == "" {
		return "(unnamed)"
	}
	return service
}

func (s Shares) list(value func(lab.Instance) string) string {
	parts := make([]string, len(s.Instances))
	for i, in := range s.Instances {
		parts[i] = in.Service + " " + value(in)
	}
	return strings.Join(parts, ", ")
}
