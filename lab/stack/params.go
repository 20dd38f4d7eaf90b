package stack

import (
	"errors"
	"fmt"
	"strings"

	"inventariolab/lab"
)

// param is an amount of a FaultSpec, named as the flag of `lab break`.
type param struct {
	name  string
	set   func(lab.FaultSpec) bool
	check func(lab.FaultSpec) error
}

// The amounts.
var (
	peerParam = param{
		"from", func(f lab.FaultSpec) bool { return f.Peer != "" },
		func(f lab.FaultSpec) error {
			if f.Peer == f.Service {
				return errors.New("a service cannot be cut off from itself")
			}
			return nil
		},
	}
	directionParam = param{
		"direction", func(f lab.FaultSpec) bool { return f.Direction != lab.Both },
		func(f lab.FaultSpec) error {
			if f.Direction != lab.Incoming && f.Direction != lab.Outgoing {
				return fmt.Errorf("the direction is %q, it may be in or out", f.Direction)
			}
			return nil
		},
	}
	delayParam = param{
		"delay", func(f lab.FaultSpec) bool { return f.Delay != 0 },
		func(f lab.FaultSpec) error { return positive("delay", float64(f.Delay)) },
	}
	jitterParam = param{
		"jitter", func(f lab.FaultSpec) bool { return f.Jitter != 0 },
		func(f lab.FaultSpec) error {
			if f.Jitter < 0 || f.Delay != 0 && f.Jitter > f.Delay {
				return fmt.Errorf("the jitter is %v, it may be between 0 and the delay", f.Jitter)
			}
			return nil
		},
	}
	lossParam = param{
		"loss", func(f lab.FaultSpec) bool { return f.Loss != 0 },
		func(f lab.FaultSpec) error {
			if !(f.Loss >= minLoss && f.Loss <= 100) {
				return fmt.Errorf("the loss is %v %%, it may be between %v and 100", f.Loss, minLoss)
			}
			return nil
		},
	}
	rateParam = param{
		"rate", func(f lab.FaultSpec) bool { return f.Rate != 0 },
		func(f lab.FaultSpec) error { return positive("rate", float64(f.Rate)) },
	}
	cpusParam = param{
		"cpus", func(f lab.FaultSpec) bool { return f.CPUs != 0 },
		func(f lab.FaultSpec) error {
			if !(f.CPUs >= minCPUs) {
				return fmt.Errorf("the share is %v CPUs, it may be %v or more", f.CPUs, minCPUs)
			}
			return nil
		},
	}
	memoryParam = param{
		"memory", func(f lab.FaultSpec) bool { return f.Memory != 0 },
		func(f lab.FaultSpec) error {
			if f.Memory < minMemory {
				return fmt.Errorf("the limit is %d bytes, Docker takes none below %d MiB", f.Memory, minMemory>>20)
			}
			return nil
		},
	}
	pathParam = param{
		"path", func(f lab.FaultSpec) bool { return f.Path != "" },
		func(f lab.FaultSpec) error {
			if !strings.HasPrefix(f.Path, "/") {
				return fmt.Errorf("the path is %q, it must begin with /", f.Path)
			}
			return nil
		},
	}
)

// allParams are looked through for what a fault does not take.
var allParams = []param{peerParam, directionParam, delayParam, jitterParam, lossParam, rateParam, cpusParam, memoryParam, pathParam}

// Bounds of the amounts.
const (
	minLoss   = 0.01    // percent: one packet in 10,000
	minCPUs   = 0.001   // the kernel's smallest quota is 1 ms, its longest period 1 s
	minMemory = 6 << 20 // the engine's own minimum
)

func positive(what string, v float64) error {
	if !(v > 0) {
		return fmt.Errorf("the %s must be more than 0", what)
	}
	return nil
}

// check says what is wrong with a spec's amounts.
func (m method) check(spec lab.FaultSpec) error {
	takes := make(map[string]bool, len(m.params))
	names := make([]string, len(m.params))
	for i, p := range m.params {
		takes[p.name], names[i] = true, p.name
	}
	hint := spec.Kind + " takes none; `lab break --help` lists what each fault takes."
	if len(names) > 0 {
		hint = fmt.Sprintf("%s takes: %s.", spec.Kind, strings.Join(names, ", "))
	}
	for _, p := range allParams {
		switch {
		case !p.set(spec):
		case !takes[p.name]:
			return lab.Hint(fmt.Errorf("it takes no %q", p.name), hint)
		default:
			if err := p.check(spec); err != nil {
				return lab.Hint(err, "docs/faults.md explains each amount.")
			}
		}
	}
	return nil
}
