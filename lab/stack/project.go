package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"inventariolab/lab"
)

// environment is what the Compose file is read with, beside the process's own
// variables.
func environment(opt Options) map[string]string {
	env := make(map[string]string)
	if !opt.FixedPorts {
		env["HTTP_PORT"], env["PMA_PORT"] = "0", "0"
	}
	maps.Copy(env, opt.Env)
	return env
}

// load reads and checks the Compose files.
func load(ctx context.Context, opt Options, env map[string]string) (*types.Project, error) {
	vars := make([]string, 0, len(env))
	for _, k := range sortedKeys(env) {
		vars = append(vars, k+"="+env[k])
	}
	po, err := cli.NewProjectOptions(opt.Files, cli.WithName(opt.Project), cli.WithEnv(vars), cli.WithOsEnv,
		cli.WithWorkingDirectory(filepath.Dir(opt.Files[0])), cli.WithEnvFiles(), cli.WithDotEnv)
	if err == nil {
		var p *types.Project
		if p, err = po.LoadProject(ctx); err == nil {
			if len(p.Services) == 0 {
				err = errors.New("it defines no services")
			} else {
				return p, nil
			}
		}
	}
	return nil, lab.Hint(fmt.Errorf("read compose file %s: %w", strings.Join(opt.Files, ", "), err),
		"Correct the file; the Compose documentation explains each key.")
}

// expect checks that the Compose file has the services that somebody counts on.
func expect(p *types.Project, services []string) error {
	for _, svc := range services {
		if _, ok := p.Services[svc]; !ok {
			return lab.Hint(fmt.Errorf("find service %q: the Compose file has no such service", svc),
				"Its services are: "+strings.Join(sortedKeys(p.Services), ", ")+". Does the topology file belong to this Compose file?")
		}
	}
	return nil
}

// minFreeRunning is the disk space that a run needs with its images made: four
// databases with their logs.
const minFreeRunning = 1 << 30

// minFreeBuilding is the disk space that making the images needs: measured
// 1.1 GB for the four images on the Debian base, and the builder's layers.
const minFreeBuilding = 4 << 30

// preflight finds what would fail later with a worse message.
func (e *Engine) preflight(ctx context.Context, p *types.Project) error {
	if err := e.needDisk(minFreeRunning); err != nil {
		return err
	}
	return portsFree(ctx, p)
}

func (e *Engine) needDisk(want uint64) error {
	free, ok := freeBytes(e.RootDir)
	if !ok || free >= want {
		return nil // a remote engine's disk cannot be seen from here
	}
	return lab.Hint(fmt.Errorf("check the disk: %s has %.1f GB free, this needs %.1f GB", e.RootDir, float64(free)/1e9, float64(want)/1e9),
		"`docker system df` shows what the engine keeps; `docker system prune` removes what is not used.")
}

// portsFree checks the fixed host ports of a project.
func portsFree(ctx context.Context, p *types.Project) error {
	var lc net.ListenConfig
	for _, name := range sortedKeys(p.Services) {
		for _, port := range p.Services[name].Ports {
			n, err := strconv.Atoi(port.Published)
			if err != nil || n == 0 || port.Protocol == "udp" {
				continue // ephemeral, or a range
			}
			addr := net.JoinHostPort(port.HostIP, port.Published)
			l, err := lc.Listen(ctx, "tcp", addr)
			if err == nil {
				_ = l.Close()
				continue
			}
			switch {
			case errors.Is(err, syscall.EADDRINUSE):
				err = fmt.Errorf("port %d on %s, which service %s publishes, is in use by another program", n, orAny(port.HostIP), name)
			case errors.Is(err, syscall.EACCES):
				// The engine may bind it although this process may not.
				continue
			default:
				err = fmt.Errorf("port %d on %s, which service %s publishes: %w", n, orAny(port.HostIP), name, err)
			}
			return lab.Hint(fmt.Errorf("check the ports: %w", err),
				"Choose another one (reference stack: HTTP_PORT=8090 or PMA_PORT=8091 before the command, or in .env), or stop the other program.")
		}
	}
	return nil
}

func orAny(ip string) string {
	if ip == "" {
		return "all addresses"
	}
	return ip
}

// userSet says whether a variable was chosen by the user, on the command line
// or in the project's .env file.
func userSet(p *types.Project, opt Options, name string) bool {
	if _, ok := opt.Env[name]; ok {
		return true
	}
	if _, ok := os.LookupEnv(name); ok {
		return true
	}
	_, ok := p.Environment[name]
	return ok
}
