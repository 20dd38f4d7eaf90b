package lab

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Stack is a running Compose project, as far as scenarios may touch it.
// lab/stack implements it with testcontainers-go.
type Stack interface {
	// Project is the Compose project name.
	Project() string
	// Services lists the services of the Compose file, sorted.
	Services() []string
	// Addr is the host:port on 127.0.0.1 at which a service's inside TCP port is
	// published now. Ephemeral ports change when a container restarts: ask again.
	Addr(ctx context.Context, service string, port int) (string, error)
	// State reads the state of the service's container from the engine.
	State(ctx context.Context, service string) (State, error)
	// WaitHealthy returns when every named service (all of them if none is
	// named) runs and its health check passes; the error names those that do
	// not and carries their last log lines.
	WaitHealthy(ctx context.Context, services ...string) error
	// CPUTime is the processor time that the service's container has used since it
	// was started, by the kernel's own count. What it used in between is the
	// difference of two readings; a restart begins at 0 again.
	CPUTime(ctx context.Context, service string) (time.Duration, error)
	// Logs streams what the service printed since a time, one line a line. It
	// ends at the present; the caller closes it.
	Logs(ctx context.Context, service string, since time.Time) (io.ReadCloser, error)
	// Follow is Logs that goes on with what the service prints from now on. It ends
	// when the container stops, ctx ends or the caller closes it.
	Follow(ctx context.Context, service string, since time.Time) (io.ReadCloser, error)
	// Exec runs a command in the service's container and returns what it
	// printed; a non-zero exit status is an error that carries the output.
	Exec(ctx context.Context, service string, cmd ...string) (string, error)
	// NewFault prepares a fault; nothing is broken before its Inject. A fault that
	// this machine or this service cannot have is an *UnsupportedError; a scenario
	// that returns it is skipped with the reason.
	NewFault(spec FaultSpec) (Fault, error)
}

// State is the state of one container.
type State struct {
	Status  string // as the engine says: "running", "exited", "paused", …
	Health  string // "healthy", "unhealthy", "starting", or "" without a health check
	Started time.Time
	Address string // in the private network; "" when it does not run
}

// Usable says whether the container runs and, if it has a health check, is
// healthy.
func (s State) Usable() bool {
	return s.Status == "running" && (s.Health == "" || s.Health == "healthy")
}

// Options are what the user may turn.
type Options struct {
	Requests    int // of the load scenario, per variant
	Concurrency int // of the load scenario

	Profile    string  // of the capacity scenario: "home", "inventory" or "mixed"
	GoalP99MS  float64 // of the capacity scenario: the p99 that must be kept, in ms from the moment a request was due
	GoalErrors float64 // of the capacity scenario: the share of failed requests that must be kept, from 0 to 1
}

// Defaults of Options: the `ab -n 1000 -c 100` of the classroom.
const (
	DefaultRequests    = 1000
	DefaultConcurrency = 100
	DefaultProfile     = "home"
	DefaultGoalP99MS   = 250
	DefaultGoalErrors  = 0.01
)

// Env is what a scenario works on: the stack and what is expected of it.
type Env struct {
	Stack    Stack
	Topology *Topology
	Options  Options
}

// BalancerURL is the base URL of the balancer, "http://127.0.0.1:PORT", asked
// anew from the engine.
func (e *Env) BalancerURL(ctx context.Context) (string, error) {
	b := e.Topology.Balancer
	addr, err := e.Stack.Addr(ctx, b.Service, b.Port)
	if err != nil {
		return "", fmt.Errorf("find the balancer %s:%d: %w", b.Service, b.Port, err)
	}
	return "http://" + addr, nil
}
