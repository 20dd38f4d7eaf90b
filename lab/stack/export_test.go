package stack

import (
	"context"
	"errors"
	"io"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// EachOnce copies the lines of a log that is followed.
func EachOnce(w io.Writer, r io.Reader) error { return eachOnce(w, r) }

// DismissGuard sends a stack's guard away, as if it had been killed together
// with its process.
func DismissGuard(s *Stack) { s.guard.dismiss() }

// InNetwork runs a script with the tools of the network faults in the network
// of a service.
func InNetwork(ctx context.Context, s *Stack, service, script string) (string, error) {
	id, err := s.containerID(ctx, service)
	if err != nil {
		return "", err
	}
	return s.run(ctx, helper{fault: "test", network: id, caps: []string{"NET_ADMIN"}, script: script})
}

// QuotaOf is the quota and its period, in µs, that leave a share of a processor.
var QuotaOf = quotaOf

// MarkHealing writes into the journal that a healing of a project's faults has
// begun, as of a process that was killed then, and returns the faults' ids.
func MarkHealing(project string) (ids []string, err error) {
	ws, err := wounds(project)
	for _, w := range ws {
		w.Healing = true
		err = errors.Join(err, w.save())
		ids = append(ids, w.ID)
	}
	return ids, err
}

// ToolLeft returns what makes the container of a fault's tool, as the engine does
// for a request whose sender was killed: never started. Its image is a service's.
func ToolLeft(ctx context.Context, s *Stack, fault, service string) (func() error, error) {
	c, err := s.inspect(ctx, service)
	return func() error {
		_, err := s.engine.cli.ContainerCreate(ctx, client.ContainerCreateOptions{
			Name: s.project + "-fault-" + fault,
			Config: &container.Config{
				Image:  c.Image,
				Labels: map[string]string{projectLabel: s.project, oneoffLabel: "True", faultLabel: fault},
			},
		})
		return err
	}, err
}
