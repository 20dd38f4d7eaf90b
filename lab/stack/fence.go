package stack

import (
	"context"

	"github.com/moby/moby/client"
)

// Fence sees to it that a service does not run, and returns when the engine says
// so: what runs is killed. It is no fault: nobody heals it, and whoever wants the
// service back starts it. Fencing what does not run does nothing.
func (s *Stack) Fence(ctx context.Context, service string) error {
	return poll(ctx, service+" not to run", func() (bool, string, error) {
		c, err := s.inspect(ctx, service)
		if err != nil {
			return false, "", err
		}
		if !c.State.Running && !c.State.Paused && !c.State.Restarting {
			return true, "", nil
		}
		// It may end, or be killed by somebody else, in this moment: the next look tells.
		_, _ = s.engine.cli.ContainerKill(ctx, c.ID, client.ContainerKillOptions{Signal: "SIGKILL"})
		return false, string(c.State.Status), nil
	})
}
