package stack

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// Labels that Compose puts on everything it makes.
const (
	projectLabel = "com.docker.compose.project"
	serviceLabel = "com.docker.compose.service"
	oneoffLabel  = "com.docker.compose.oneoff"
)

// pingTimeout bounds the first question to the engine: a local engine answers
// in milliseconds.
const pingTimeout = 5 * time.Second

// Engine is a connection to the Docker engine.
type Engine struct {
	cli     *client.Client
	Version string // of the engine
	API     string // the negotiated API version
	Arch    string // of the engine's containers, as Go names it
	RootDir string // where the engine stores images and volumes, on the engine's host
}

// Connect finds the Docker engine as the docker command does (DOCKER_HOST,
// else the default socket) and asks it for its version.
func Connect(ctx context.Context) (*Engine, error) {
	cli, err := client.New(client.FromEnv)
	if err != nil {
		return nil, lab.Hint(fmt.Errorf("connect to docker: %w", err), "Check DOCKER_HOST and DOCKER_CERT_PATH.")
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	info, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		_ = cli.Close()
		return nil, lab.Hint(fmt.Errorf("connect to docker at %s: %w", cli.DaemonHost(), err),
			"Is the Docker engine running, and may you use it? Try `docker info`; on Linux `sudo systemctl start docker`, and membership in the group docker.")
	}
	e := &Engine{cli: cli, Version: info.Info.ServerVersion, API: cli.ClientVersion(), RootDir: info.Info.DockerRootDir}
	switch arch := info.Info.Architecture; arch {
	case "x86_64":
		e.Arch = "amd64"
	case "aarch64":
		e.Arch = "arm64"
	default:
		e.Arch = arch
	}
	return e, nil
}

// Close releases the connection.
func (e *Engine) Close() error { return e.cli.Close() }

// containers lists the containers of a project, of any state; of one service
// if it is named. Containers of `compose run` do not count.
func (e *Engine) containers(ctx context.Context, project, service string) ([]container.Summary, error) {
	f := make(client.Filters).Add("label", projectLabel+"="+project)
	if service != "" {
		f.Add("label", serviceLabel+"="+service)
	}
	res, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: f})
	if err != nil {
		return nil, fmt.Errorf("list containers of %s: %w", project, err)
	}
	var own []container.Summary
	for _, c := range res.Items {
		if !strings.EqualFold(c.Labels[oneoffLabel], "true") {
			own = append(own, c)
		}
	}
	return own, nil
}
