package stack

import (
	"context"
	"fmt"

	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// faults are the ways to break a service, by name; each stands in its own file.
var faults = map[string]func(*Stack, lab.FaultSpec) lab.Fault{
	"kill": newKill,
}

// NewFault implements lab.Stack.
func (s *Stack) NewFault(spec lab.FaultSpec) (lab.Fault, error) {
	make, ok := faults[spec.Kind]
	if !ok {
		return nil, lab.Hint(fmt.Errorf("make fault %q: no such fault", spec.Kind), fmt.Sprintf("The faults are: %v.", sortedKeys(faults)))
	}
	if _, err := s.containerID(context.Background(), spec.Service); err != nil {
		return nil, fmt.Errorf("make fault %s: %w", spec, err)
	}
	return make(s, spec), nil
}

// kill ends a service's process with SIGKILL, as a crash or a power cut does:
// nothing is flushed, no connection is closed in an orderly way by the program
// (the kernel still closes its sockets). Healing starts the same container
// again.
type kill struct {
	stack    *Stack
	spec     lab.FaultSpec
	injected bool
}

func newKill(s *Stack, spec lab.FaultSpec) lab.Fault { return &kill{stack: s, spec: spec} }

// Spec implements lab.Fault.
func (k *kill) Spec() lab.FaultSpec { return k.spec }

// Inject implements lab.Fault; it returns when the engine says that the
// container has exited.
func (k *kill) Inject(ctx context.Context) error {
	id, err := k.stack.containerID(ctx, k.spec.Service)
	if err != nil {
		return err
	}
	k.injected = true // from here on healing is due, even if the next line fails half-way
	if _, err := k.stack.engine.cli.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
		return err
	}
	return poll(ctx, k.spec.Service+" to be dead", func() (bool, string, error) {
		st, err := k.stack.State(ctx, k.spec.Service)
		return st.Status == "exited", st.Status, err
	})
}

// Heal implements lab.Fault; it returns when the service is usable again.
func (k *kill) Heal(ctx context.Context) error {
	if !k.injected {
		return nil
	}
	id, err := k.stack.containerID(ctx, k.spec.Service)
	if err != nil {
		return err
	}
	if _, err := k.stack.engine.cli.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return err
	}
	if err := k.stack.WaitHealthy(ctx, k.spec.Service); err != nil {
		return err
	}
	k.injected = false
	return nil
}
