package stack

import (
	"context"
	"time"

	"github.com/moby/moby/client"
)

// stopping asks a service to end, as a deployment does: the container's stop
// signal (SIGTERM unless its image names another), its grace period, and then
// SIGKILL. The proof tells how it went: drain_ms is how long the process took to
// finish what it had, and killed says whether it outlived its grace period.
// What became of the requests under way only a client can tell.
// Healing starts the same container again.
var stopping = method{
	about:   "SIGTERM and the container's grace period, as in a deployment; what runs may finish",
	prepare: noteStart,
	inject:  stop,
	heal:    finishStop,
}

// ran is since when the process ran before the fault.
type ran struct {
	Started time.Time `json:"started"`
}

func noteStart(ctx context.Context, o *op) error {
	st, err := o.State(ctx, o.spec.Service)
	if err != nil {
		return err
	}
	return o.wound.note(ran{st.Started})
}

// finishStop starts the container again. If the injection was cut off, the
// engine may be in the middle of the grace period: then the stop is brought to
// its end first.
func finishStop(ctx context.Context, o *op) error {
	var before ran
	if err := o.wound.recall(&before); err != nil {
		return err
	}
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	if !o.wound.InEffect && stateOf(c).Started.Equal(before.Started) {
		if _, err := o.engine.cli.ContainerStop(ctx, c.ID, client.ContainerStopOptions{}); err != nil {
			return err
		}
	}
	return startAgain(ctx, o)
}

// exitKilled is the exit status of a process that SIGKILL ended.
const exitKilled = 137

func stop(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := o.engine.cli.ContainerStop(ctx, c.ID, client.ContainerStopOptions{}); err != nil {
		return err
	}
	o.proof["drain_ms"] = time.Since(began).Milliseconds()
	if err := o.waitExited(ctx); err != nil {
		return err
	}
	o.proof["killed"] = o.proof["exit_code"] == exitKilled
	return nil
}
