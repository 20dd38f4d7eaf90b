package stack

import (
	"context"
	"fmt"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// DefaultMemoryMargin is what memory leaves a service above what it uses, as a
// share of that, when no limit is named.
const DefaultMemoryMargin = 0.1

// squeezing limits a service's memory, without swap. The kernel takes the page
// cache back first, which makes a database read from the disk; what then wants
// more is killed (exit status 137). On a host without a limit the kernel would
// choose whom to kill among everybody; here it can only be the service.
//
// It is proven by the limit in the service's cgroup, as the kernel has it.
// Healing gives the old limit back and starts what was killed. Docker cannot
// take a limit away again: a service that had none has one as large as the
// machine's memory afterwards.
var squeezing = method{
	about:    "a memory limit just above what is used: no page cache, and killed when it grows",
	params:   []param{memoryParam},
	defaults: memoryLimit,
	prepare:  noteMemory,
	inject:   squeeze,
	heal:     release,
}

// memoryBefore is how the container was limited before.
type memoryBefore struct {
	Memory int64 `json:"memory"` // 0: no limit
	Swap   int64 `json:"swap"`   // memory and swap together; 0 or -1: no limit of its own
}

func memoryLimit(ctx context.Context, s *Stack, spec *lab.FaultSpec) error {
	if spec.Memory != 0 {
		return nil
	}
	used, err := s.memoryOf(ctx, spec.Service)
	if err != nil {
		return err
	}
	const unit = 1 << 20
	spec.Memory = max(minMemory, int64(float64(used)*(1+DefaultMemoryMargin))/unit*unit+unit)
	return nil
}

func noteMemory(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	if has := c.HostConfig.Memory; has > 0 && has <= o.spec.Memory {
		return lab.Hint(fmt.Errorf("%s is limited to %d MiB already", o.spec.Service, has>>20), "Name a smaller limit with --memory.")
	}
	return o.wound.note(memoryBefore{Memory: c.HostConfig.Memory, Swap: c.HostConfig.MemorySwap})
}

func squeeze(ctx context.Context, o *op) error {
	if err := o.setMemory(ctx, o.spec.Memory, o.spec.Memory); err != nil {
		return err
	}
	l, err := o.limits(ctx)
	if err != nil {
		c, cerr := o.container(ctx)
		if cerr == nil && !c.State.Running {
			o.proof["killed"] = c.State.OOMKilled
			return nil // that was quick
		}
		return err
	}
	o.proof["limit_bytes"], o.proof["used_bytes"], o.proof["limit_hits"] = l.memory, l.used, l.hits
	if l.memory < 0 || l.memory > o.spec.Memory {
		return fmt.Errorf("limit the memory of %s: the kernel's limit is %d bytes", o.spec.Service, l.memory)
	}
	return nil
}

func release(ctx context.Context, o *op) error {
	var before memoryBefore
	if err := o.wound.recall(&before); err != nil {
		return err
	}
	if before.Memory <= 0 || before.Swap <= 0 {
		info, err := o.engine.cli.Info(ctx, client.InfoOptions{})
		if err != nil {
			return err
		}
		// "No limit" (-1) cannot be asked for; as much as there is comes to the same.
		if before.Memory <= 0 {
			before.Memory = info.Info.MemTotal
		}
		before.Swap = max(before.Memory, info.Info.MemTotal)
	}
	if err := o.setMemory(ctx, before.Memory, before.Swap); err != nil {
		return err
	}
	if err := startAgain(ctx, o); err != nil {
		return err
	}
	l, err := o.limits(ctx)
	if err == nil && l.memory >= 0 && l.memory <= o.spec.Memory {
		err = fmt.Errorf("give %s its memory back: the kernel's limit is %d bytes", o.spec.Service, l.memory)
	}
	return err
}

func (o *op) setMemory(ctx context.Context, memory, swap int64) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	r := container.Resources{Memory: memory, MemorySwap: swap}
	if _, err := o.engine.cli.ContainerUpdate(ctx, c.ID, client.ContainerUpdateOptions{Resources: &r}); err != nil {
		return lab.Hint(fmt.Errorf("limit the memory of %s: %w", o.spec.Service, err), "The kernel refuses a limit below what cannot be taken back; name a larger one with --memory.")
	}
	return nil
}
