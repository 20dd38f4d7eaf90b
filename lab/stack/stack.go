// Package stack brings a Compose project up with testcontainers-go, breaks it
// on purpose and clears it away. It is the only package that knows Docker.
//
// Whatever happens to the process, nothing of a stack stays behind: Down
// removes everything, a guard process does it when the process is killed, and
// the next start sweeps what even the guard could not.
package stack

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"
	tclog "github.com/testcontainers/testcontainers-go/log"
	tccompose "github.com/testcontainers/testcontainers-go/modules/compose"

	"inventariolab/lab"
)

// Defaults of Options.
const (
	DefaultUpTimeout = 3 * time.Minute // from the first container to every service usable, images built
	projectPrefix    = "inventario-lab-"
)

// Options say which stack to bring up, and how.
type Options struct {
	// Files are the Compose files, as `docker compose -f`; none means
	// docker-compose.yml or compose.yaml in the working directory or above it.
	Files []string
	// Project is the Compose project name; "" makes a new one, so that any
	// number of stacks run side by side.
	Project string
	// Env are variables for the Compose file; they win over the process's own.
	Env map[string]string
	// FixedPorts keeps the host ports as the Compose file has them. Otherwise
	// HTTP_PORT and PMA_PORT, which the reference stack reads, are 0: any free.
	FixedPorts bool
	// Keep leaves the stack running when the process ends.
	Keep bool
	// UpTimeout bounds the start, without the making of images; 0 means
	// DefaultUpTimeout.
	UpTimeout time.Duration
	// Expect names services that the Compose file must have; one that it lacks is
	// told before anything is started.
	Expect []string
	// Tools says that network faults are meant: the image with their tools is made
	// before the start, and not while the first of them has the stack under load.
	Tools bool
	// Progress is told, in short lines, what is being done; nil for silence.
	Progress func(line string)
}

// Stack is a running Compose project. It implements lab.Stack.
type Stack struct {
	engine   *Engine
	compose  *tccompose.DockerCompose
	entry    *entry
	guard    *guard
	project  string
	services []string
	keep     bool
	ready    time.Duration
	base     string
	env      map[string]string // what the Compose file was read with
	adopted  bool              // it ran before; a failed start must leave it alone
	progress func(line string) // nil for silence
	open     openWounds
	kernel   struct { // what the kernel was asked for network faults
		sync.Mutex
		lacks map[string]string
	}
}

var _ lab.Stack = (*Stack)(nil)

// Up makes the images that the project needs and does not have, starts it and
// returns when every service is usable. On an error nothing is left running,
// and the error carries the last log lines of the services that failed.
func Up(ctx context.Context, opt Options) (_ *Stack, err error) {
	if opt.Progress == nil {
		opt.Progress = func(string) {}
	}
	if opt.UpTimeout == 0 {
		opt.UpTimeout = DefaultUpTimeout
	}
	if opt.Files, err = findFiles(opt.Files); err != nil {
		return nil, err
	}
	if opt.Project == "" {
		opt.Project = projectPrefix + randomHex(4)
	}
	engine, err := Connect(ctx)
	if err != nil {
		return nil, err
	}
	s := &Stack{engine: engine, project: opt.Project, keep: opt.Keep, progress: opt.Progress}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.abandon())
		}
	}()
	if swept, serr := engine.Sweep(ctx, false); serr != nil {
		opt.Progress("could not sweep all that earlier runs left: " + serr.Error())
	} else if len(swept) > 0 {
		opt.Progress("swept what a killed run had left: " + strings.Join(swept, ", "))
	}
	if merr := engine.Mend(ctx, opt.Progress); merr != nil {
		opt.Progress("could not heal all that a killed lab had broken: " + merr.Error())
	}
	env := environment(opt)
	project, err := load(ctx, opt, env)
	if err != nil {
		return nil, err
	}
	if err := expect(project, opt.Expect); err != nil {
		return nil, err
	}
	s.env = project.Environment
	if running, err := engine.containers(ctx, opt.Project, ""); err != nil {
		return nil, err
	} else if len(running) > 0 {
		return s, s.adopt(ctx, opt, project.ServiceNames())
	}
	if err := engine.preflight(ctx, project); err != nil {
		return nil, err
	}
	if s.base, err = engine.prepareImages(ctx, opt, env, project); err != nil {
		return nil, err
	}
	if opt.Tools {
		if err = engine.ensureTools(ctx, opt.Progress); err != nil {
			return nil, err
		}
	}
	return s, s.start(ctx, opt, env)
}

// adopt takes over a project that has containers already: what is stopped is
// started, nothing is made anew and nothing is removed. Compose is not asked: it
// would want to recreate a network that is in use.
func (s *Stack) adopt(ctx context.Context, opt Options, services []string) (err error) {
	s.adopted, s.services = true, services
	opt.Progress("stack " + s.project + " is there already; changed settings take effect after `lab down`")
	if s.entry, err = claim(entry{Project: s.project, Keep: opt.Keep, Files: opt.Files, Created: time.Now().UTC(), Host: s.engine.cli.DaemonHost()}); err != nil {
		return lab.Hint(err, "Another lab is working with it: wait for its end, or use another --project.")
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, opt.UpTimeout)
	defer cancel()
	// Who asks for the stack wants it whole: also what was broken to stay is healed.
	if err := s.mend(ctx, func(*wound) bool { return true }); err != nil {
		return fmt.Errorf("start stack %s again: %w", s.project, err)
	}
	for _, svc := range services {
		c, err := s.inspect(ctx, svc)
		if err != nil {
			return lab.Hint(fmt.Errorf("start stack %s again: %w", s.project, err), "It is not whole any more: `lab down`, then start it anew.")
		}
		if c.State.Running || finished(c) {
			continue
		}
		if _, err := s.engine.cli.ContainerStart(ctx, c.ID, client.ContainerStartOptions{}); err != nil {
			return fmt.Errorf("start %s again: %w", svc, err)
		}
	}
	if err := s.WaitHealthy(ctx); err != nil {
		return s.autopsy(ctx, fmt.Errorf("start stack %s again: %w", s.project, err))
	}
	s.ready = time.Since(began)
	return nil
}

// Getenv is the value of a variable as the Compose file saw it: from
// Options.Env, the process, or the .env file beside it; "" if none has it.
func (s *Stack) Getenv(name string) string { return s.env[name] }

// Prepare makes the images that the project needs and does not have, and the
// one with the tools of the faults. It starts nothing.
func Prepare(ctx context.Context, opt Options) (err error) {
	if opt.Progress == nil {
		opt.Progress = func(string) {}
	}
	if opt.Files, err = findFiles(opt.Files); err != nil {
		return err
	}
	opt.Project = prepareProject
	engine, err := Connect(ctx)
	if err != nil {
		return err
	}
	defer engine.Close()
	env := environment(opt)
	project, err := load(ctx, opt, env)
	if err != nil {
		return err
	}
	if _, err = engine.prepareImages(ctx, opt, env, project); err != nil {
		return err
	}
	return engine.ensureTools(ctx, opt.Progress)
}

// prepareProject stands for a project name where none is needed: the
// Compose file cannot be read without one.
const prepareProject = projectPrefix + "prepare"

// start is the part of Up that has something to clean up.
func (s *Stack) start(ctx context.Context, opt Options, env map[string]string) (err error) {
	s.entry, err = claim(entry{Project: s.project, Files: opt.Files, Created: time.Now().UTC(), Host: s.engine.cli.DaemonHost()})
	if err != nil {
		return err
	}
	if s.guard, err = postGuard(s.project); err != nil {
		return err
	}
	// The reaper of testcontainers is an image from a registry; guard and
	// ledger do its work without one.
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return fmt.Errorf("start stack: %w", err)
	}
	tclog.SetDefault(tclog.NewNoopLogger()) // its banner says nothing that Progress does not
	s.compose, err = tccompose.NewDockerComposeWith(
		tccompose.WithStackFiles(opt.Files...),
		tccompose.StackIdentifier(s.project),
	)
	if err != nil {
		return fmt.Errorf("start stack: %w", err)
	}
	opt.Progress("starting stack " + s.project)
	began := time.Now()
	upCtx, cancel := context.WithTimeout(ctx, opt.UpTimeout)
	defer cancel()
	if err := s.compose.WithEnv(env).Up(upCtx, tccompose.Wait(true)); err != nil {
		return s.explainStart(ctx, upCtx, err, opt)
	}
	s.services = s.compose.Services()
	if err := s.WaitHealthy(upCtx); err != nil {
		return s.explainStart(ctx, upCtx, err, opt)
	}
	s.ready = time.Since(began)
	opt.Progress(fmt.Sprintf("ready after %.1f s", s.ready.Seconds()))
	if opt.Keep {
		s.entry.Keep = true
		if err := s.entry.save(); err != nil {
			return err
		}
		s.guard.dismiss()
		s.guard = nil
	}
	return nil
}

func (s *Stack) explainStart(ctx, upCtx context.Context, err error, opt Options) error {
	if ctx.Err() != nil {
		return fmt.Errorf("start stack: %w", context.Cause(ctx))
	}
	if upCtx.Err() != nil {
		err = fmt.Errorf("%w (gave it %v)", err, opt.UpTimeout)
	}
	actx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return s.autopsy(actx, fmt.Errorf("start stack: %w", err))
}

// abandon clears away a stack whose start failed.
func (s *Stack) abandon() error {
	if s.entry == nil { // nothing was made yet
		return s.engine.Close()
	}
	if s.adopted { // it ran before, with somebody's data: leave it
		err := s.entry.release()
		s.entry = nil
		return errors.Join(err, s.close())
	}
	s.keep = false
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	return s.Down(ctx)
}

// Down removes the stack with everything that belongs to it. A second Down
// does nothing. When ctx ends before, the rest is swept at the next start.
func (s *Stack) Down(ctx context.Context) error {
	if s.entry == nil {
		return nil
	}
	err := s.engine.Remove(ctx, s.project)
	if err == nil {
		err = s.entry.forget()
		s.guard.dismiss()
	}
	s.entry = nil
	return errors.Join(err, s.close())
}

// Release lets go of a stack that was brought up with Keep and leaves it
// running. Without Keep it is Down.
func (s *Stack) Release(ctx context.Context) error {
	if !s.keep {
		return s.Down(ctx)
	}
	if s.entry == nil {
		return nil
	}
	err := s.entry.release()
	s.entry = nil
	return errors.Join(err, s.close())
}

func (s *Stack) close() error {
	var errs []error
	for _, w := range s.open.all() { // what is still broken is for the next to heal
		errs = append(errs, w.letGo())
	}
	if s.compose != nil {
		errs = append(errs, s.compose.Close())
	}
	return errors.Join(append(errs, s.engine.Close())...)
}

// Project implements lab.Stack.
func (s *Stack) Project() string { return s.project }

// Services implements lab.Stack.
func (s *Stack) Services() []string { return s.services }

// Ready is how long the start took, from the first container to every service
// usable.
func (s *Stack) Ready() time.Duration { return s.ready }

// Base says where the images come from: "official", "debian", or "" for a
// stack that uses none of the reference images.
func (s *Stack) Base() string { return s.base }

func (s *Stack) tell(line string) {
	if s.progress != nil {
		s.progress(line)
	}
}

// Engine is the engine on which the stack runs.
func (s *Stack) Engine() *Engine { return s.engine }

func findFiles(files []string) ([]string, error) {
	if len(files) == 0 {
		dir, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("find the compose file: %w", err)
		}
		for d := dir; ; d = filepath.Dir(d) {
			for _, name := range []string{"docker-compose.yml", "compose.yaml", "docker-compose.yaml", "compose.yml"} {
				if p := filepath.Join(d, name); exists(p) {
					return []string{p}, nil
				}
			}
			if d == filepath.Dir(d) {
				return nil, lab.Hint(fmt.Errorf("find the compose file: no docker-compose.yml or compose.yaml in %s or above it", dir),
					"Go to the folder of your project, or name the file with --file.")
			}
		}
	}
	abs := make([]string, len(files))
	for i, f := range files {
		p, err := filepath.Abs(f)
		if err != nil {
			return nil, fmt.Errorf("find the compose file: %w", err)
		}
		if !exists(p) {
			return nil, lab.Hint(fmt.Errorf("find the compose file: %s does not exist", f), "Check the path after --file.")
		}
		abs[i] = p
	}
	return abs, nil
}

func exists(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.IsDir()
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b)
}
