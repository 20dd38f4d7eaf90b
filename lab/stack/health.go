package stack

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// pollEvery is how often the engine is asked about a condition.
const pollEvery = 100 * time.Millisecond

// poll calls ready until it says yes, fails, or ctx ends; then the error names
// what was waited for and the last thing seen.
func poll(ctx context.Context, what string, ready func() (done bool, seen string, err error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last string
	for {
		done, seen, err := ready()
		if seen != "" {
			last = seen
		}
		switch {
		case ctx.Err() != nil:
			// The question itself may have failed because the time was up.
			return fmt.Errorf("wait for %s: %w (last seen: %s)", what, ctx.Err(), last)
		case err != nil:
			return fmt.Errorf("wait for %s: %w", what, err)
		case done:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last seen: %s)", what, ctx.Err(), last)
		case <-tick.C:
		}
	}
}

// WaitHealthy implements lab.Stack.
func (s *Stack) WaitHealthy(ctx context.Context, services ...string) error {
	if len(services) == 0 {
		services = s.services
	}
	var waiting []string
	err := poll(ctx, "healthy services", func() (bool, string, error) {
		var bad, seen []string
		for _, svc := range services {
			c, err := s.inspect(ctx, svc)
			if err != nil {
				return false, "", err
			}
			if st := stateOf(c); !st.Usable() && !finished(c) {
				bad = append(bad, svc)
				seen = append(seen, svc+" "+strings.TrimSpace(st.Status+" "+st.Health))
			}
		}
		waiting = bad
		return len(bad) == 0, strings.Join(seen, ", "), nil
	})
	if err == nil {
		return nil
	}
	return s.withLogs(err, waiting)
}

// finished says whether a container did its work and ended: a set-up service
// that exits with 0 is as it should be.
func finished(c container.InspectResponse) bool {
	return c.State.Status == container.StateExited && c.State.ExitCode == 0 && c.State.Health == nil &&
		c.HostConfig != nil && (c.HostConfig.RestartPolicy.Name == "" || c.HostConfig.RestartPolicy.Name == container.RestartPolicyDisabled)
}

// logLines is how much of a failing container's log stands in an error.
const logLines = 20

// withLogs adds the last log lines of the failing services to err.
func (s *Stack) withLogs(err error, services []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var b strings.Builder
	for _, svc := range services {
		id, ierr := s.containerID(ctx, svc)
		if ierr != nil {
			continue
		}
		fmt.Fprintf(&b, "\n  %s, its last log lines:\n%s", svc, s.engine.lastLines(ctx, id, logLines))
	}
	return fmt.Errorf("%w%s", err, b.String())
}

// autopsy explains a failed start: which containers ended or are unhealthy,
// with their exit status and last log lines. A container that was only stopped
// along with the others is not to blame.
func (s *Stack) autopsy(ctx context.Context, err error) error {
	cs, lerr := s.engine.containers(ctx, s.project, "")
	if lerr != nil {
		return err
	}
	sort.Slice(cs, func(i, j int) bool { return cs[i].Names[0] < cs[j].Names[0] })
	var b strings.Builder
	for _, c := range cs {
		res, ierr := s.engine.cli.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{})
		if ierr != nil {
			continue
		}
		st := res.Container.State
		unhealthy := st.Health != nil && st.Health.Status == container.Unhealthy
		died := st.Status == container.StateExited && st.ExitCode != 0
		if !unhealthy && !died {
			continue
		}
		fmt.Fprintf(&b, "\n  %s: ", c.Labels[serviceLabel])
		switch {
		case st.OOMKilled:
			b.WriteString("killed because it ran out of memory")
		case died:
			fmt.Fprintf(&b, "ended with exit status %d", st.ExitCode)
		default:
			b.WriteString("unhealthy")
			if n := len(st.Health.Log); n > 0 {
				fmt.Fprintf(&b, " (health check: %s)", strings.TrimSpace(st.Health.Log[n-1].Output))
			}
		}
		fmt.Fprintf(&b, "; its last log lines:\n%s", s.engine.lastLines(ctx, c.ID, logLines))
	}
	if b.Len() == 0 {
		return err
	}
	return lab.Hint(errors.New(err.Error()+b.String()),
		"The lines above say why the service did not start; correct that and run again.")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
