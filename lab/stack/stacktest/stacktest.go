// Package stacktest gives tests a running reference stack: one a test binary,
// started at its first use and removed at the end. Test binaries of several
// packages, which `go test ./...` runs side by side, take turns, so that no
// stack disturbs the measurements on another.
//
//	func TestMain(m *testing.M) { stacktest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		s := stacktest.Stack(t)
//		url, err := s.URL(t.Context(), "nginx", 8080)
//		…
//	}
package stacktest

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"inventariolab/lab/stack"
)

// turnTimeout is how long a test binary waits for the others: longer than all
// of them together take, shorter than the limit that make test gives.
const turnTimeout = 25 * time.Minute

var shared struct {
	once  sync.Once
	stack *stack.Stack
	turn  *flock.Flock
	err   error
	noway string // why there can be no stack on this machine
}

// Main runs the tests of a package and removes the stack that they used, also
// when a test panics or the run is interrupted. It calls os.Exit.
func Main(m *testing.M) {
	os.Exit(run(m))
}

// MainInTurn is Main for a package that brings stacks up by itself: its tests
// wait for their turn as a whole.
func MainInTurn(m *testing.M) {
	ctx, cancel := context.WithTimeout(context.Background(), turnTimeout)
	defer cancel()
	turn, err := takeTurn(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "stacktest:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = turn.Unlock()
	os.Exit(code)
}

// takeTurn waits until no other test binary has a stack.
func takeTurn(ctx context.Context) (*flock.Flock, error) {
	// One lock for each user: a file of somebody else's could not be opened.
	turn := flock.New(filepath.Join(os.TempDir(), fmt.Sprintf("inventariolab-%d-test-turn.lock", os.Getuid())))
	if _, err := turn.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return nil, fmt.Errorf("wait for the other packages' tests: %w", err)
	}
	return turn, nil
}

func run(m *testing.M) (code int) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		down()
		os.Exit(2)
	}()
	defer func() {
		if err := down(); err != nil {
			fmt.Fprintln(os.Stderr, "stacktest:", err)
			code = 1
		}
	}()
	return m.Run()
}

func down() error {
	if shared.stack == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := shared.stack.Down(ctx)
	_ = shared.turn.Unlock()
	return err
}

// Stack returns the package's stack. Without a Docker engine the test is
// skipped with the reason; where nothing may skip (CI is set) it fails.
func Stack(t testing.TB) *stack.Stack {
	t.Helper()
	shared.once.Do(start)
	if shared.noway != "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("nothing may skip in CI: %s", shared.noway)
		}
		t.Skip(shared.noway)
	}
	if shared.err != nil {
		t.Fatalf("bring the reference stack up: %v", shared.err)
	}
	return shared.stack
}

// start brings the stack up in its turn.
func start() {
	ctx, cancel := context.WithTimeout(context.Background(), turnTimeout)
	defer cancel()
	e, err := stack.Connect(ctx)
	if err != nil {
		shared.noway = fmt.Sprintf("it needs a Docker engine: %v", err)
		return
	}
	_ = e.Close()
	file, err := composeFile()
	if err != nil {
		shared.err = err
		return
	}
	if shared.turn, shared.err = takeTurn(ctx); shared.err != nil {
		return
	}
	began := time.Now()
	shared.stack, shared.err = stack.Up(context.Background(), stack.Options{
		Files: []string{file},
		Progress: func(line string) {
			fmt.Fprintf(os.Stderr, "stacktest %4.0f s  %s\n", time.Since(began).Seconds(), line)
		},
	})
	if shared.err != nil {
		_ = shared.turn.Unlock()
		shared.stack = nil
	}
}

// composeFile finds the module's docker-compose.yml from the package's folder,
// which is where `go test` runs a test binary.
func composeFile() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return filepath.Join(d, "docker-compose.yml"), nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("find docker-compose.yml: no go.mod in %s or above it", dir)
		}
	}
}

// Turn keeps other test binaries from having a stack until the end of a test
// that brings one up by itself.
func Turn(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), turnTimeout)
	defer cancel()
	turn, err := takeTurn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = turn.Unlock() })
}
