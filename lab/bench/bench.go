// Package bench measures what the reference stack promises: how quickly it is
// ready, how much memory it takes, what share of a bare handler's requests a
// second it reaches, and what a client notices of a failure. Machines differ
// and are noisy, so rates are ratios of interleaved rounds within one run, and
// every figure comes with its spread.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/stack"
)

// Options say how much to measure.
type Options struct {
	Root     string        // the repository's folder
	Topology *lab.Topology // of the reference stack
	Faults   []lab.Scenario
	Starts   int // stack starts that are timed
	Rounds   int // interleaved rounds of load
	Repeats  int // runs of each fault scenario
	Requests int // a round and page
	Clients  int

	Failovers int // runs of source-failover
	Progress  func(line string)
}

// Defaults of Options.
const (
	DefaultStarts    = 3
	DefaultRounds    = 7
	DefaultRepeats   = 3
	DefaultFailovers = 20
	DefaultRequests  = 3000
	DefaultClients   = 100
)

// Figure is one measured quantity: its repeats and what was aimed at.
type Figure struct {
	Name   string
	Unit   string
	Values []float64 // in the order of measuring
	Goal   string    // "" when it is only shown
	Met    bool      // whether the median keeps to the goal
}

// Median of the repeats.
func (f Figure) Median() float64 {
	if len(f.Values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(f.Values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// Spread is the least and the greatest of the repeats.
func (f Figure) Spread() (least, most float64) {
	if len(f.Values) == 0 {
		return 0, 0
	}
	return slices.Min(f.Values), slices.Max(f.Values)
}

// Run measures everything, one after the other, and leaves nothing running.
func Run(ctx context.Context, o Options) ([]Figure, error) {
	if err := compileBare(ctx, o.Root); err != nil {
		return nil, err
	}
	ready, err := measureStarts(ctx, o)
	if err != nil {
		return nil, err
	}
	ref, err := up(ctx, o, filepath.Join(o.Root, "docker-compose.yml"))
	if err != nil {
		return nil, err
	}
	defer down(ref)
	o.Topology.Resolve(ref.Getenv)
	bare, err := up(ctx, o, filepath.Join(o.Root, "lab", "bench", "bare", "docker-compose.yml"))
	if err != nil {
		return nil, err
	}
	defer down(bare)
	rates, err := measureRates(ctx, o, ref, bare)
	if err != nil {
		return nil, err
	}
	if err := bare.Down(ctx); err != nil { // it would only disturb from here on
		return nil, err
	}
	faults, err := measureFaults(ctx, o, ref)
	if err != nil {
		return nil, err
	}
	// After the load: what the containers have taken by then.
	memory, err := measureMemory(ctx, o, ref)
	if err != nil {
		return nil, err
	}
	all := slices.Concat([]Figure{ready, memory}, rates, faults)
	return slices.DeleteFunc(all, func(f Figure) bool { return len(f.Values) == 0 }), nil // not asked for
}

func up(ctx context.Context, o Options, file string) (*stack.Stack, error) {
	return stack.Up(ctx, stack.Options{Files: []string{file}, Progress: o.Progress})
}

func down(s *stack.Stack) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = s.Down(ctx) // what it cannot remove, the next start sweeps
}

// compileBare compiles the yardstick for the engine's platform.
func compileBare(ctx context.Context, root string) error {
	e, err := stack.Connect(ctx)
	if err != nil {
		return err
	}
	defer e.Close()
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join("dist", "bare"), "./lab/bench/bare")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+e.Arch)
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the bare handler: %w\n%s", err, b)
	}
	return nil
}

// readyGoal is how soon the stack should be usable, in seconds.
const readyGoal = 8.0

func measureStarts(ctx context.Context, o Options) (Figure, error) {
	f := Figure{Name: "stack ready", Unit: "s", Goal: fmt.Sprintf("≤ %.0f s", readyGoal)}
	for n := range o.Starts {
		o.Progress(fmt.Sprintf("start %d of %d", n+1, o.Starts))
		s, err := up(ctx, o, filepath.Join(o.Root, "docker-compose.yml"))
		if err != nil {
			return f, err
		}
		f.Values = append(f.Values, s.Ready().Seconds())
		if err := s.Down(ctx); err != nil {
			return f, err
		}
	}
	f.Met = f.Median() <= readyGoal
	return f, nil
}

// memoryGoal is what all containers may take together, in GiB.
const memoryGoal = 1.6

func measureMemory(ctx context.Context, o Options, s *stack.Stack) (Figure, error) {
	f := Figure{Name: "memory of all containers, after the load", Unit: "GiB", Goal: fmt.Sprintf("≤ %.1f GiB", memoryGoal)}
	used, err := s.Memory(ctx)
	if err != nil {
		return f, err
	}
	var sum uint64
	for _, svc := range s.Services() {
		sum += used[svc]
		o.Progress(fmt.Sprintf("memory of %s: %.0f MiB", svc, float64(used[svc])/(1<<20)))
	}
	f.Values = []float64{float64(sum) / (1 << 30)}
	f.Met = f.Median() <= memoryGoal
	return f, nil
}

var errFailedRequests = errors.New("requests failed")
