package stack

import (
	"context"
	"fmt"
	"math"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// DefaultCPUs is what slow-cpu leaves of a processor: about what an overcommitted
// virtual machine has in a bad hour.
const DefaultCPUs = 0.1

// slowing leaves a service a share of a processor, by the kernel's quota: it runs
// for a tenth of each 0.1 s, say, and stands still for the rest. So it is not
// evenly slow, as an old machine, but stutters, as one that has to share. A
// service with nothing to do does not notice.
//
// It is proven by the quota in the service's cgroup, as the kernel has it.
var slowing = method{
	about:  "a share of a processor is left: everything takes longer, health checks too",
	params: []param{cpusParam},
	defaults: func(_ context.Context, _ *Stack, spec *lab.FaultSpec) error {
		if spec.CPUs == 0 {
			spec.CPUs = DefaultCPUs
		}
		return nil
	},
	prepare: noteCPUs,
	inject:  slow,
	heal:    speedUp,
}

// The kernel's quota, in microseconds.
const (
	cpuPeriod    = 100_000   // usual
	maxCPUPeriod = 1_000_000 // the kernel's longest
	minCPUQuota  = 1_000     // the kernel's smallest
)

// quotaOf is the quota and its period that leave a share of a processor: in the
// usual period, or in a longer one when the kernel's smallest quota would be too
// much in that.
func quotaOf(cpus float64) (quota, period int64) {
	period = cpuPeriod
	if cpus*cpuPeriod < minCPUQuota {
		period = min(int64(minCPUQuota/cpus), maxCPUPeriod)
	}
	return max(int64(math.Round(cpus*float64(period))), minCPUQuota), period
}

// cpusBefore is how the container was limited before. An engine that was told
// NanoCPUs takes no quota, and the other way round.
type cpusBefore struct {
	Nano   int64 `json:"nano_cpus"`
	Quota  int64 `json:"quota"` // 0: none
	Period int64 `json:"period"`
}

func noteCPUs(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	r := c.HostConfig.Resources
	if least := 0.01; r.NanoCPUs != 0 && o.spec.CPUs < least {
		return lab.Hint(fmt.Errorf("leave %s %g CPUs: it has a limit of its own (cpus), and the engine takes none below %g then", o.spec.Service, o.spec.CPUs, least), "Name a larger share with --cpus.")
	}
	return o.wound.note(cpusBefore{Nano: r.NanoCPUs, Quota: r.CPUQuota, Period: r.CPUPeriod})
}

func slow(ctx context.Context, o *op) error {
	return o.setCPUs(ctx, func(b cpusBefore) container.Resources {
		if b.Nano != 0 {
			return container.Resources{NanoCPUs: int64(o.spec.CPUs * 1e9)}
		}
		quota, period := quotaOf(o.spec.CPUs)
		return container.Resources{CPUPeriod: period, CPUQuota: quota}
	}, func(l limits) bool {
		o.proof["quota_us"], o.proof["period_us"] = l.cpuQuota, l.cpuPeriod
		return l.cpuQuota > 0 && float64(l.cpuQuota)/float64(l.cpuPeriod) < o.spec.CPUs*1.01
	})
}

func speedUp(ctx context.Context, o *op) error {
	return o.setCPUs(ctx, func(b cpusBefore) container.Resources {
		switch {
		case b.Nano != 0:
			return container.Resources{NanoCPUs: b.Nano}
		case b.Quota > 0:
			return container.Resources{CPUPeriod: max(b.Period, cpuPeriod), CPUQuota: b.Quota}
		}
		return container.Resources{CPUPeriod: cpuPeriod, CPUQuota: -1} // 0 would change nothing
	}, func(l limits) bool {
		return l.cpuQuota < 0 || float64(l.cpuQuota)/float64(l.cpuPeriod) > o.spec.CPUs*1.01
	})
}

// setCPUs updates the container and waits until the kernel says what is wanted.
func (o *op) setCPUs(ctx context.Context, to func(cpusBefore) container.Resources, want func(limits) bool) error {
	var before cpusBefore
	if err := o.wound.recall(&before); err != nil {
		return err
	}
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	r := to(before)
	if _, err := o.engine.cli.ContainerUpdate(ctx, c.ID, client.ContainerUpdateOptions{Resources: &r}); err != nil {
		return fmt.Errorf("set the processor time of %s: %w", o.spec.Service, err)
	}
	if !c.State.Running {
		return nil // the kernel is told at the start
	}
	l, err := o.limits(ctx)
	if err != nil {
		return err
	}
	if !want(l) {
		return fmt.Errorf("set the processor time of %s: the kernel's quota is %d µs in %d µs", o.spec.Service, l.cpuQuota, l.cpuPeriod)
	}
	return nil
}
