package stack

import (
	"context"
	"time"

	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// restarting stops a service as stop does and starts it again at once. It is in
// effect when the process is another one; healing only waits until it is usable.
// It differs from a reboot: the container keeps its address most of the time, and
// the host its page cache.
var restarting = method{
	about:   "stop and start again at once: connections and everything in memory are lost",
	prepare: noteStart,
	inject:  restart,
	heal:    finishStop,
}

func restart(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	before, began := stateOf(c), time.Now()
	if _, err := o.engine.cli.ContainerRestart(ctx, c.ID, client.ContainerRestartOptions{}); err != nil {
		return err
	}
	var now lab.State
	err = poll(ctx, o.spec.Service+" to run anew", func() (bool, string, error) {
		now, err = o.State(ctx, o.spec.Service)
		return now.Status == "running" && now.Started.After(before.Started), now.Status, err
	})
	o.proof["restart_ms"] = time.Since(began).Milliseconds()
	o.proof["address_kept"] = now.Address == before.Address
	return err
}
