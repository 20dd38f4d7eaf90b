package stack

import (
	"context"

	"github.com/moby/moby/client"
)

// pausing freezes a service's processes (the kernel's cgroup freezer). The kernel
// still accepts connections and buffers what is sent; nobody answers. So it
// looks like a machine that hangs, not like one that is gone: a connect time-out
// does not notice it, a read time-out does. When it ends the process goes on as if
// nothing had happened, with clocks that have jumped.
var pausing = method{
	about:  "freeze the processes: connections are accepted, nobody answers",
	inject: pause,
	heal:   unpause,
}

func pause(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	if _, err := o.engine.cli.ContainerPause(ctx, c.ID, client.ContainerPauseOptions{}); err != nil {
		return err
	}
	return o.waitPaused(ctx, true)
}

// unpause thaws the container if it is frozen; one that was killed, stopped or
// made anew since is not.
func unpause(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil || !c.State.Paused {
		return err
	}
	if _, err := o.engine.cli.ContainerUnpause(ctx, c.ID, client.ContainerUnpauseOptions{}); err != nil {
		return err
	}
	return o.waitPaused(ctx, false)
}

func (o *op) waitPaused(ctx context.Context, want bool) error {
	what := o.spec.Service + " to thaw"
	if want {
		what = o.spec.Service + " to freeze"
	}
	return poll(ctx, what, func() (bool, string, error) {
		c, err := o.container(ctx)
		if err != nil {
			return false, "", err
		}
		return c.State.Paused == want, string(c.State.Status), nil
	})
}
