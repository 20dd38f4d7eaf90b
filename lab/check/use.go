package check

import (
	"fmt"

	"inventariolab/lab"
)

// Use is the processor time of a service before it was cut and while it was, in
// processors: 0.5 is half of one.
type Use struct {
	Service string  `json:"service"`
	Before  float64 `json:"before"` // used, without a limit
	Left    float64 `json:"-"`      // the quota, as the fault has it
	During  float64 `json:"during"` // used, with it
}

// useMargin is by how much what a service used may exceed its quota: the readings
// are not taken at the borders of the quota's periods, and the kernel hands it out
// in slices of 5 ms for each processor.
const useMargin = 1.25

// LeftWith checks that a service was left a part (0.1 is a tenth) of the processor
// time that it had used under the same load, and kept to it. Otherwise it is
// Unknown: the fault was another one than the scenario speaks of.
func LeftWith(name string, u Use, part float64) lab.Check {
	want := fmt.Sprintf("%s left with %g of the processor time that it used under the load before, and no more used", u.Service, part)
	got := fmt.Sprintf("%.3f processors used before, %.4f left, %.4f used meanwhile", u.Before, u.Left, u.During)
	switch most := u.Before * part; {
	case !(u.Before > 0) || !(u.Left > 0):
		return unknown(name, want, got, "the engine counted no processor time: did the instance get any of the load?")
	case u.Left > most*1.01:
		return unknown(name, want, got, "more was left than the part: the use before was measured under another load, or the quota is another one")
	case u.During > u.Left*useMargin:
		return unknown(name, want, got, "the quota was not kept to: look at cpu.max and cpu.stat in the container's cgroup")
	}
	return pass(name, want, got)
}
