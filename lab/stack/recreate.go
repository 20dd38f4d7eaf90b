package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// recreating replaces a service's container by a new one of the same
// configuration at another address, as an update or a move to another machine
// does: what was written outside of its volumes is lost, and whoever remembers
// the address is wrong. The old container is stopped in good order before, and
// removed when the new one runs.
//
// It is in effect when the new container runs at an address that the old one
// did not have; if the engine gives the old one again, somebody else is made to
// take it. Healing waits until the service is usable: the new container stays.
var recreating = method{
	about:     "a new container of the same configuration at another address, as after an update",
	supported: freeAddress,
	prepare:   noteContainer,
	inject:    recreate,
	heal:      finishRecreate,
}

// replaced is the container that goes.
type replaced struct {
	ran
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
}

// aside is the name of the old container until it is removed.
func (r replaced) aside(w *wound) string { return r.Name + "-before-" + w.ID }

// freeAddress is why a service cannot get another address.
func freeAddress(ctx context.Context, s *Stack, spec lab.FaultSpec) (string, error) {
	if reason, err := s.ownNetwork(ctx, spec); err != nil || reason != "" {
		return reason, err
	}
	c, err := s.inspect(ctx, spec.Service)
	if err != nil {
		return "", err
	}
	for name, n := range c.NetworkSettings.Networks {
		if n.IPAMConfig != nil && (n.IPAMConfig.IPv4Address.IsValid() || n.IPAMConfig.IPv6Address.IsValid()) {
			return fmt.Sprintf("%s has a fixed address in network %s", spec.Service, name), nil
		}
	}
	return "", nil
}

func noteContainer(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	st := stateOf(c)
	return o.wound.note(replaced{ran{st.Started}, c.ID, c.Name[1:], st.Address})
}

func recreate(ctx context.Context, o *op) error {
	var old replaced
	if err := o.wound.recall(&old); err != nil {
		return err
	}
	cli := o.engine.cli
	res, err := cli.ContainerInspect(ctx, old.ID, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if _, err := cli.ContainerStop(ctx, old.ID, client.ContainerStopOptions{}); err != nil {
		return err
	}
	if _, err := cli.ContainerRename(ctx, old.ID, client.ContainerRenameOptions{NewName: old.aside(o.wound)}); err != nil {
		return err
	}
	id, err := o.createLike(ctx, res.Container, old.Name)
	if err != nil {
		return err
	}
	now, err := o.startElsewhere(ctx, id, old.Address, sortedKeys(res.Container.NetworkSettings.Networks))
	if err != nil {
		return err
	}
	o.proof["address_before"], o.proof["address"] = old.Address, now
	if _, err := cli.ContainerRemove(ctx, old.ID, client.ContainerRemoveOptions{RemoveVolumes: true}); err != nil {
		return err
	}
	return o.engine.removeHelpers(ctx, o.project, o.wound.ID, true)
}

// createLike makes a container with the configuration of another. It is marked
// with the fault's id, so that the healing knows it.
func (o *op) createLike(ctx context.Context, c container.InspectResponse, name string) (string, error) {
	cfg, host := *c.Config, *c.HostConfig
	cfg.Labels = maps.Clone(cfg.Labels)
	cfg.Labels[faultLabel] = o.wound.ID
	if cfg.Hostname == c.ID[:12] {
		cfg.Hostname = "" // the engine's own choice, to be made anew
	}
	if id, err := o.engine.imageID(ctx, cfg.Image); err != nil || id != c.Image {
		cfg.Image = c.Image // the name belongs to a newer image by now
	}
	names := sortedKeys(c.NetworkSettings.Networks)
	ends := make(map[string]*network.EndpointSettings, len(names))
	for name, n := range c.NetworkSettings.Networks {
		ends[name] = &network.EndpointSettings{
			IPAMConfig: n.IPAMConfig, Links: n.Links, DriverOpts: n.DriverOpts,
			Aliases: slices.DeleteFunc(slices.Clone(n.Aliases), func(a string) bool { return a == c.ID[:12] }),
		}
	}
	// Older engines take one network at the creation.
	first := string(host.NetworkMode)
	if _, ok := ends[first]; !ok {
		first = names[0]
	}
	created, err := o.engine.cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: name, Config: &cfg, HostConfig: &host,
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{first: ends[first]}},
	})
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if name == first {
			continue
		}
		if _, err := o.engine.cli.NetworkConnect(ctx, name, client.NetworkConnectOptions{Container: created.ID, EndpointConfig: ends[name]}); err != nil {
			return "", err
		}
	}
	return created.ID, nil
}

// squatters is how many containers may be made to take addresses until the new
// one gets another than the old one had.
const squatters = 5

// startElsewhere starts the new container at an address that is not the old
// one, and returns it.
func (o *op) startElsewhere(ctx context.Context, id, not string, networks []string) (string, error) {
	cli := o.engine.cli
	for range squatters {
		if _, err := cli.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
			return "", err
		}
		res, err := cli.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		if err != nil {
			return "", err
		}
		if now := stateOf(res.Container).Address; now != not {
			return now, nil // "" when it has ended already; the healing tells why
		}
		// It has served nobody yet, and does not hear a stop signal before it has got
		// round to listening for it: the first process of a container ignores what it
		// does not handle, and the engine would wait for its whole grace period.
		if _, err := cli.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: new(0)}); err != nil {
			return "", err
		}
		if err := o.squat(ctx, networks); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("the engine gives %s its old address %s again and again", o.spec.Service, not)
}

// squat lets a container of no use take the next free address of each network
// until the end of the injection.
func (o *op) squat(ctx context.Context, networks []string) error {
	if err := o.engine.ensureTools(ctx, o.tell); err != nil {
		return err
	}
	for _, name := range networks {
		created, err := o.engine.cli.ContainerCreate(ctx, client.ContainerCreateOptions{
			Config: &container.Config{
				Image: toolsImage, Entrypoint: []string{"bash", "-c", "sleep " + fmt.Sprint(helperTimeout.Seconds()) + "; exit"},
				Labels: map[string]string{projectLabel: o.project, oneoffLabel: "True", faultLabel: o.wound.ID},
			},
			HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(name), AutoRemove: true, CapDrop: []string{"ALL"}},
		})
		if err != nil {
			return err
		}
		if _, err := o.engine.cli.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// finishRecreate brings a replacement to its end: forwards if there is a new
// container, else back to the old one.
func finishRecreate(ctx context.Context, o *op) error {
	var old replaced
	if err := o.wound.recall(&old); err != nil {
		return err
	}
	cli := o.engine.cli
	return poll(ctx, "the end of the replacement of "+o.spec.Service, func() (bool, string, error) {
		newID, oldThere, err := o.twins(ctx, old.ID)
		switch {
		case err != nil:
			return false, "", err
		case newID == "" && !oldThere:
			return false, "", lab.Hint(fmt.Errorf("find the container of %s: somebody has removed it", o.spec.Service), "`lab down`, then `lab up`.")
		case newID == "":
			return o.backTo(ctx, old)
		}
		if oldThere { // it must not run beside the new one on the same volumes
			if _, err := cli.ContainerRemove(ctx, old.ID, client.ContainerRemoveOptions{RemoveVolumes: true, Force: true}); ignoreGone(err) != nil {
				return false, "", err
			}
		}
		return true, "", startAgain(ctx, o)
	})
}

// twins finds the new container, and says whether the old one is still there.
func (o *op) twins(ctx context.Context, oldID string) (newID string, oldThere bool, err error) {
	cs, err := o.engine.containers(ctx, o.wound.Project, o.spec.Service)
	for _, c := range cs {
		switch {
		case c.ID == oldID:
			oldThere = true
		case c.Labels[faultLabel] == o.wound.ID:
			newID = c.ID
		}
	}
	return newID, oldThere, err
}

// backTo gives the old container its name back and starts it; not done when
// the new one appears in this moment.
func (o *op) backTo(ctx context.Context, old replaced) (bool, string, error) {
	cli := o.engine.cli
	res, err := cli.ContainerInspect(ctx, old.ID, client.ContainerInspectOptions{})
	if err != nil {
		return false, "", err
	}
	if res.Container.Name[1:] != old.Name {
		_, err := cli.ContainerRename(ctx, old.ID, client.ContainerRenameOptions{NewName: old.Name})
		if cerrdefs.IsConflict(err) {
			return false, "its name is taken", nil
		}
		if err != nil {
			return false, "", err
		}
	}
	if stateOf(res.Container).Started.Equal(old.Started) { // the stop may be under way
		_, err = cli.ContainerStop(ctx, old.ID, client.ContainerStopOptions{})
	}
	return err == nil, "", errors.Join(err, startAgain(ctx, o))
}
