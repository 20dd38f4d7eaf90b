package stack

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// faultLabel is on every container that the lab makes for a fault, with the
// fault's id.
const faultLabel = "inventariolab.fault"

// partLabel is on a helper that is part of the fault, and lives as long.
const partLabel = "inventariolab.part"

// helper is a short-lived container with the network tools, inside of another
// container's namespaces.
type helper struct {
	fault   string   // id, for the label
	network string   // id of the container whose network it shares; "" for an empty one
	pid     string   // id of the container whose processes it sees; "" for none
	volumes string   // id of the container whose volumes it has; "" for none
	caps    []string // capabilities beside none
	user    string   // "" for root
	script  string   // for bash
	args    []string // $0, $1, … of the script
}

// helperTimeout bounds the life of a helper, also when the lab is killed.
const helperTimeout = 60 * time.Second

// run runs a helper to its end and returns what it printed; a non-zero exit
// status is an error that carries the output. Its labels make it part of the
// project, so that it goes with it, but none of its services.
func (s *Stack) run(ctx context.Context, h helper) (string, error) {
	cli := s.engine.cli
	fail := func(err error) (string, error) { return "", fmt.Errorf("run the fault's tools: %w", err) }
	if err := s.engine.ensureTools(ctx, s.tell); err != nil {
		return fail(err)
	}
	host := &container.HostConfig{
		NetworkMode: "none", AutoRemove: true, CapDrop: []string{"ALL"}, CapAdd: h.caps,
		SecurityOpt: []string{"no-new-privileges:true"}, LogConfig: container.LogConfig{Type: "none"},
	}
	if h.network != "" {
		host.NetworkMode = container.NetworkMode("container:" + h.network)
	}
	if h.pid != "" {
		host.PidMode = container.PidMode("container:" + h.pid)
	}
	if h.volumes != "" {
		host.VolumesFrom = []string{h.volumes}
	}
	created, err := cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: s.project + "-fault-" + randomHex(4), // so that `docker ps` tells what it is
		Config: &container.Config{
			Image: toolsImage, User: h.user, AttachStdout: true, AttachStderr: true,
			// timeout does not work as the first process of a container.
			Entrypoint: append([]string{"bash", "-c", `timeout "$@"; exit $?`, "fault", fmt.Sprint(helperTimeout.Seconds()), "bash", "-c", h.script}, h.args...),
			Labels:     map[string]string{projectLabel: s.project, oneoffLabel: "True", faultLabel: h.fault},
		},
		HostConfig: host,
	})
	if err != nil {
		return fail(err)
	}
	// It removes itself at its end; this is for one that did not start, or whose
	// end nobody waits for any more.
	defer func() {
		rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_, _ = cli.ContainerRemove(rctx, created.ID, client.ContainerRemoveOptions{Force: true})
	}()
	at, err := cli.ContainerAttach(ctx, created.ID, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return fail(err)
	}
	defer at.Close()
	stop := context.AfterFunc(ctx, at.Close) // the stream does not know the context
	defer stop()
	ended := cli.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	if _, err := cli.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return fail(err)
	}
	var out, errs bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &errs, at.Reader); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fail(err)
	}
	select {
	case res := <-ended.Result:
		if res.StatusCode != 0 {
			return out.String(), fmt.Errorf("run the fault's tools: exit status %d: %s", res.StatusCode, strings.TrimSpace(errs.String()+out.String()))
		}
	case err := <-ended.Error:
		return fail(err)
	}
	return out.String(), nil
}

// removeHelpers removes what helpers of one fault are left of a process that
// was killed while they ran, and returns when the engine has none any more (one
// that it removes already by itself is still there for a moment); with all also
// those that are part of the fault and live as long as it does.
func (e *Engine) removeHelpers(ctx context.Context, project, fault string, all bool) error {
	f := make(client.Filters).Add("label", projectLabel+"="+project).Add("label", faultLabel+"="+fault)
	return poll(ctx, "the end of the tools of fault "+fault, func() (bool, string, error) {
		cs, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: f})
		if err != nil {
			return false, "", err
		}
		var names []string
		for _, c := range cs.Items {
			if !strings.EqualFold(c.Labels[oneoffLabel], "true") {
				continue // the service itself, made anew
			}
			if _, part := c.Labels[partLabel]; part && !all {
				continue
			}
			names = append(names, strings.Join(c.Names, " "))
			if _, err := e.cli.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); ignoreGone(err) != nil {
				return false, "", err
			}
		}
		return len(names) == 0, strings.Join(names, ", "), nil
	})
}
