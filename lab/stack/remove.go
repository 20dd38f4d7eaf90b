package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

// Remove deletes everything of a Compose project: containers (running or not),
// networks and volumes, found by their labels. It needs neither the Compose
// file nor a process that remembers the project, so it also clears what a
// killed run left. What is gone already is not an error.
func (e *Engine) Remove(ctx context.Context, project string) error {
	if project == "" {
		return errors.New("remove stack: no project named") // an empty label filter would match every project
	}
	// A Compose that was killed in the middle may have a request under way in
	// the engine, which makes one more thing after the first look.
	return poll(ctx, "the removal of stack "+project, func() (bool, string, error) {
		n, err := e.removeOnce(ctx, project)
		return n == 0, fmt.Sprintf("%d things left", n), err
	})
}

// anything says whether the engine has anything of a project.
func (e *Engine) anything(ctx context.Context, project string) (bool, error) {
	f := make(client.Filters).Add("label", projectLabel+"="+project)
	cs, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: f})
	if err != nil {
		return false, fmt.Errorf("list containers of %s: %w", project, err)
	}
	ns, err := e.cli.NetworkList(ctx, client.NetworkListOptions{Filters: f})
	if err != nil {
		return false, fmt.Errorf("list networks of %s: %w", project, err)
	}
	vs, err := e.cli.VolumeList(ctx, client.VolumeListOptions{Filters: f})
	if err != nil {
		return false, fmt.Errorf("list volumes of %s: %w", project, err)
	}
	return len(cs.Items)+len(ns.Items)+len(vs.Items) > 0, nil
}

// removeOnce removes what is there now and says how much that was.
func (e *Engine) removeOnce(ctx context.Context, project string) (int, error) {
	f := make(client.Filters).Add("label", projectLabel+"="+project)
	cs, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: f})
	if err != nil {
		return 0, fmt.Errorf("list containers of %s: %w", project, err)
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, c := range cs.Items {
		g.Go(func() error {
			_, err := e.cli.ContainerRemove(gctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			return ignoreGone(err)
		})
	}
	if err := g.Wait(); err != nil {
		return 0, fmt.Errorf("remove containers of %s: %w", project, err)
	}
	ns, err := e.cli.NetworkList(ctx, client.NetworkListOptions{Filters: f})
	if err != nil {
		return 0, fmt.Errorf("list networks of %s: %w", project, err)
	}
	for _, n := range ns.Items {
		if _, err := e.cli.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); ignoreGone(err) != nil {
			return 0, fmt.Errorf("remove network %s: %w", n.Name, err)
		}
	}
	vs, err := e.cli.VolumeList(ctx, client.VolumeListOptions{Filters: f})
	if err != nil {
		return 0, fmt.Errorf("list volumes of %s: %w", project, err)
	}
	for _, v := range vs.Items {
		if _, err := e.cli.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true}); ignoreGone(err) != nil {
			return 0, fmt.Errorf("remove volume %s: %w", v.Name, err)
		}
	}
	return len(cs.Items) + len(ns.Items) + len(vs.Items), nil
}

// ignoreGone forgives what another removal got to first: "no such container"
// and "removal already in progress".
func ignoreGone(err error) error {
	if cerrdefs.IsNotFound(err) || cerrdefs.IsConflict(err) {
		return nil
	}
	return err
}

// removeTimeout bounds the removal of one stack: ten containers take about two
// seconds here, a busy machine gets a wide margin.
const removeTimeout = 60 * time.Second
