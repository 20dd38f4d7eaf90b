package stack

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// guardEnv, when set, makes any program that imports this package a guard: it
// waits for its standard input to end and then removes the project that the
// variable names.
//
// A process killed with SIGKILL cannot clean up after itself, and the reaper
// container of testcontainers needs an image from a registry. So the program
// starts itself once more, as a guard in a session of its own (a Ctrl-C in the
// terminal does not reach it), holding the other end of a pipe: however the
// parent ends, the pipe closes and the guard removes the stack.
const guardEnv = "INVENTARIOLAB_GUARD"

// guardDismiss is what the parent writes when the guard is not needed any more.
const guardDismiss = 'x'

func init() {
	if project := os.Getenv(guardEnv); project != "" {
		os.Exit(stand(project))
	}
}

// stand is the whole life of a guard.
func stand(project string) int {
	if b, _ := io.ReadAll(os.Stdin); len(b) > 0 && b[0] == guardDismiss {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*removeTimeout)
	defer cancel()
	e, err := Connect(ctx)
	if err != nil {
		return 2 // the next run sweeps
	}
	defer e.Close()
	// Compose may have had a request under way when its process was killed; the
	// engine finishes it. Look again until nothing new came for a while.
	quiet, since := 3*time.Second, time.Now()
	if err := poll(ctx, "quiet", func() (bool, string, error) {
		n, err := e.removeOnce(ctx, project)
		if n > 0 || err != nil {
			since = time.Now()
		}
		return time.Since(since) > quiet, "", nil
	}); err != nil {
		return 2
	}
	es, err := entries()
	if err != nil {
		return 2
	}
	for _, en := range es {
		if ok, _ := en.lock.TryLock(); en.Project == project && ok {
			_ = en.forget()
		}
	}
	return 0
}

type guard struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// postGuard starts a guard for a project.
func postGuard(project string) (*guard, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("post a guard: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), guardEnv+"="+project)
	cmd.SysProcAttr = ownSession()
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("post a guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("post a guard: %w", err)
	}
	return &guard{cmd: cmd, pipe: pipe}, nil
}

// dismiss ends the guard; the stack is gone or is to stay.
func (g *guard) dismiss() {
	if g == nil {
		return
	}
	_, _ = g.pipe.Write([]byte{guardDismiss}) // if it is dead already, there is nothing to dismiss
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}
