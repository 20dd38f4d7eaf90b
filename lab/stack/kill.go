package stack

import (
	"context"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// killing ends a service's process with SIGKILL, as a crash or a power cut does:
// nothing is flushed, no connection is closed in an orderly way by the program
// (the kernel still closes its sockets). Healing starts the same container
// again.
var killing = method{
	about:  "SIGKILL: the process is gone at once, its port refuses connections",
	inject: kill,
	heal:   startAgain,
}

func kill(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	if _, err := o.engine.cli.ContainerKill(ctx, c.ID, client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
		return err
	}
	return o.waitExited(ctx)
}

// waitExited returns when the engine says that the container has exited.
func (o *op) waitExited(ctx context.Context) error {
	return poll(ctx, o.spec.Service+" to be dead", func() (bool, string, error) {
		c, err := o.container(ctx)
		if err != nil {
			return false, "", err
		}
		if c.State.Status == container.StateExited {
			o.proof["exit_code"] = c.State.ExitCode
		}
		return c.State.Status == container.StateExited, string(c.State.Status), nil
	})
}

// startAgain starts the service's container unless it runs.
func startAgain(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil || c.State.Running {
		return err
	}
	if _, err := o.engine.cli.ContainerStart(ctx, c.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	return poll(ctx, o.spec.Service+" to run", func() (bool, string, error) {
		c, err := o.container(ctx)
		if err != nil {
			return false, "", err
		}
		return c.State.Running, string(c.State.Status), nil
	})
}
