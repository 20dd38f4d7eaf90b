package stack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sort"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// containerID finds the service's container anew each time: a container that
// was recreated has another id, so nothing is remembered.
func (s *Stack) containerID(ctx context.Context, service string) (string, error) {
	cs, err := s.engine.containers(ctx, s.project, service)
	if err != nil {
		return "", err
	}
	if len(cs) == 0 {
		return "", lab.Hint(fmt.Errorf("find service %q: stack %s has no container of it", service, s.project),
			"The services are: "+strings.Join(s.services, ", ")+".")
	}
	// A service may be scaled; the first by name stands for it.
	sort.Slice(cs, func(i, j int) bool { return cs[i].Names[0] < cs[j].Names[0] })
	return cs[0].ID, nil
}

func (s *Stack) inspect(ctx context.Context, service string) (container.InspectResponse, error) {
	id, err := s.containerID(ctx, service)
	if err != nil {
		return container.InspectResponse{}, err
	}
	res, err := s.engine.cli.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return container.InspectResponse{}, fmt.Errorf("inspect %s: %w", service, err)
	}
	return res.Container, nil
}

// State implements lab.Stack.
func (s *Stack) State(ctx context.Context, service string) (lab.State, error) {
	c, err := s.inspect(ctx, service)
	if err != nil {
		return lab.State{}, err
	}
	return stateOf(c), nil
}

func stateOf(c container.InspectResponse) lab.State {
	st := lab.State{Status: string(c.State.Status)}
	if h := c.State.Health; h != nil && h.Status != container.NoHealthcheck {
		st.Health = string(h.Status)
	}
	st.Started, _ = time.Parse(time.RFC3339Nano, c.State.StartedAt) // zero for a container that never ran
	if c.NetworkSettings != nil && c.State.Running {
		for _, name := range sortedKeys(c.NetworkSettings.Networks) {
			if ip := c.NetworkSettings.Networks[name].IPAddress; ip.IsValid() {
				st.Address = ip.String()
				break
			}
		}
	}
	return st
}

// Addr implements lab.Stack.
func (s *Stack) Addr(ctx context.Context, service string, port int) (string, error) {
	c, err := s.inspect(ctx, service)
	if err != nil {
		return "", err
	}
	p, err := network.ParsePort(fmt.Sprintf("%d/tcp", port))
	if err != nil {
		return "", fmt.Errorf("find the address of %s: %w", service, err)
	}
	for _, b := range c.NetworkSettings.Ports[p] {
		if b.HostPort == "" || b.HostPort == "0" {
			continue
		}
		host := "127.0.0.1"
		if ip := b.HostIP; ip.IsValid() && !ip.IsUnspecified() {
			host = ip.String()
		}
		return net.JoinHostPort(host, b.HostPort), nil
	}
	if !c.State.Running {
		return "", fmt.Errorf("find the address of %s:%d: its container does not run (%s)", service, port, c.State.Status)
	}
	return "", lab.Hint(fmt.Errorf("find the address of %s:%d: the port is not published", service, port),
		fmt.Sprintf("Publish it on loopback in the Compose file: ports: [\"127.0.0.1::%d\"].", port))
}

// URL is "http://" and Addr.
func (s *Stack) URL(ctx context.Context, service string, port int) (string, error) {
	addr, err := s.Addr(ctx, service, port)
	if err != nil {
		return "", err
	}
	return "http://" + addr, nil
}

// Logs implements lab.Stack.
func (s *Stack) Logs(ctx context.Context, service string, since time.Time) (io.ReadCloser, error) {
	id, err := s.containerID(ctx, service)
	if err != nil {
		return nil, err
	}
	return s.engine.logs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Since: sinceParam(since)})
}

func sinceParam(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// logs joins the two output streams of a container in the order in which the
// engine received them.
func (e *Engine) logs(ctx context.Context, id string, opt client.ContainerLogsOptions) (io.ReadCloser, error) {
	raw, err := e.cli.ContainerLogs(ctx, id, opt)
	if err != nil {
		return nil, fmt.Errorf("read logs: %w", err)
	}
	r, w := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(w, w, raw)
		_ = raw.Close()
		_ = w.CloseWithError(err)
	}()
	return r, nil
}

// lastLines returns the last lines that a container printed, indented, for an
// error message.
func (e *Engine) lastLines(ctx context.Context, id string, n int) string {
	r, err := e.logs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: fmt.Sprint(n)})
	if err != nil {
		return "    (its log could not be read: " + err.Error() + ")"
	}
	defer r.Close()
	b, _ := io.ReadAll(io.LimitReader(r, 64<<10))
	text := strings.TrimSpace(string(b))
	if text == "" {
		return "    (it printed nothing)"
	}
	return "    " + strings.ReplaceAll(text, "\n", "\n    ")
}

// Exec implements lab.Stack.
func (s *Stack) Exec(ctx context.Context, service string, cmd ...string) (string, error) {
	id, err := s.containerID(ctx, service)
	if err != nil {
		return "", err
	}
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("exec %q in %s: %w", strings.Join(cmd, " "), service, err)
	}
	ex, err := s.engine.cli.ExecCreate(ctx, id, client.ExecCreateOptions{Cmd: cmd, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return fail(err)
	}
	at, err := s.engine.cli.ExecAttach(ctx, ex.ID, client.ExecAttachOptions{})
	if err != nil {
		return fail(err)
	}
	defer at.Close()
	stop := context.AfterFunc(ctx, at.Close) // the stream does not know the context
	defer stop()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, at.Reader); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fail(err)
	}
	res, err := s.engine.cli.ExecInspect(ctx, ex.ID, client.ExecInspectOptions{})
	if err != nil {
		return fail(err)
	}
	if res.ExitCode != 0 {
		return out.String(), fmt.Errorf("exec %q in %s: exit status %d: %s", strings.Join(cmd, " "), service,
			res.ExitCode, strings.TrimSpace(out.String()))
	}
	return out.String(), nil
}
