package stack_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/stack"
)

// TestKilledProcessLeavesNothing kills a process that has a stack up, with
// SIGKILL: its guard must clear the stack away.
func TestKilledProcessLeavesNothing(t *testing.T) {
	ownLedger(t)
	const project = "inventario-lab-orphan"
	cmd := helperProcess(t, project)
	assert.NotEmpty(t, leftovers(t, project))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return len(leftovers(t, project)) == 0 }, time.Minute, 100*time.Millisecond,
		"the guard removes the stack")
	// The guard forgets the stack last.
	require.Eventually(t, func() bool {
		left, _ := filepath.Glob(filepath.Join(os.Getenv("INVENTARIO_STATE"), project+"*"))
		return len(left) == 0
	}, time.Minute, 100*time.Millisecond)
}

// TestSweepAfterGuardWasKilledToo kills process and guard: the next start
// sweeps, and spares the stack of the living.
func TestSweepAfterGuardWasKilledToo(t *testing.T) {
	ownLedger(t)
	file := tinyFile(t)
	const project = "inventario-lab-orphan2"
	t.Setenv("STACK_TEST_NO_GUARD", "1")
	cmd := helperProcess(t, project)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.NotEmpty(t, leftovers(t, project), "without a guard it stays")

	living, err := stack.Up(t.Context(), stack.Options{Files: []string{file}})
	require.NoError(t, err)
	defer living.Down(context.Background())
	assert.Empty(t, leftovers(t, project), "the next start sweeps")

	e, err := stack.Connect(t.Context())
	require.NoError(t, err)
	defer e.Close()
	swept, err := e.Sweep(t.Context(), true)
	require.NoError(t, err)
	assert.Empty(t, swept, "a stack in use is not swept")
	assert.NotEmpty(t, leftovers(t, living.Project()))
}

func TestKeptStackOutlivesItsProcessUntilDown(t *testing.T) {
	ownLedger(t)
	ctx := t.Context()
	s, err := stack.Up(ctx, stack.Options{Files: []string{tinyFile(t)}, Keep: true, Project: "inventario-lab-kept"})
	require.NoError(t, err)
	require.NoError(t, s.Release(ctx))
	e, err := stack.Connect(ctx)
	require.NoError(t, err)
	defer e.Close()
	swept, err := e.Sweep(ctx, false)
	require.NoError(t, err)
	assert.Empty(t, swept, "a start does not sweep what is kept")
	assert.NotEmpty(t, leftovers(t, s.Project()))
	swept, err = e.Sweep(ctx, true)
	require.NoError(t, err)
	assert.Equal(t, []string{s.Project()}, swept)
	assert.Empty(t, leftovers(t, s.Project()))
}

// TestUpTwiceKeepsWhatIsThere: a second start of a kept stack starts what is
// stopped and touches nothing else, whatever happens to it.
func TestUpTwiceKeepsWhatIsThere(t *testing.T) {
	ownLedger(t)
	ctx := t.Context()
	opt := stack.Options{Files: []string{tinyFile(t)}, Keep: true, Project: "inventario-lab-twice"}
	first, err := stack.Up(ctx, opt)
	require.NoError(t, err)
	t.Cleanup(func() {
		e, err := stack.Connect(context.Background())
		require.NoError(t, err)
		defer e.Close()
		_, err = e.RemoveProject(context.Background(), opt.Project)
		assert.NoError(t, err)
		assert.Empty(t, leftovers(t, opt.Project))
	})
	_, err = stack.Up(ctx, opt)
	require.ErrorContains(t, err, "in use by another process", "while somebody works with it")
	before := leftovers(t, opt.Project)
	two, err := first.State(ctx, "two")
	require.NoError(t, err)
	kill, err := first.NewFault(lab.FaultSpec{Kind: "kill", Service: "one"})
	require.NoError(t, err)
	require.NoError(t, kill.Inject(ctx))
	require.NoError(t, first.Release(ctx))

	again, err := stack.Up(ctx, opt)
	require.NoError(t, err)
	assert.ElementsMatch(t, before, leftovers(t, opt.Project))
	url, err := again.URL(ctx, "one", 8080)
	require.NoError(t, err)
	assert.Equal(t, "hello from one\n", get(t, url), "what was stopped runs")
	broken, err := stack.Broken(opt.Project)
	require.NoError(t, err)
	assert.Empty(t, broken, "the fault is healed")
	same, err := again.State(ctx, "two")
	require.NoError(t, err)
	assert.Equal(t, two.Started, same.Started, "what ran was left alone")
	require.NoError(t, again.Release(ctx))

	canceled, cancel := context.WithTimeout(ctx, time.Nanosecond)
	defer cancel()
	_, err = stack.Up(canceled, opt)
	require.Error(t, err)
	assert.ElementsMatch(t, before, leftovers(t, opt.Project), "a start that fails removes nothing")
}

func TestUpMissesAnExpectedService(t *testing.T) {
	ownLedger(t)
	_, err := stack.Up(t.Context(), stack.Options{Files: []string{tinyFile(t)}, Expect: []string{"one", "nginx"}, Project: "inventario-lab-expect"})
	require.ErrorContains(t, err, `find service "nginx"`)
	assert.Contains(t, lab.HintOf(err), "one, two")
	assert.Empty(t, leftovers(t, "inventario-lab-expect"))
}

// helperProcess runs this test binary once more as a process that brings the
// tiny stack up and then waits to be killed.
func helperProcess(t *testing.T, project string) *exec.Cmd {
	t.Helper()
	tinyFile(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperHoldsAStack$")
	cmd.Env = append(os.Environ(), "STACK_TEST_HOLD="+project)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	buf := make([]byte, 64)
	n, err := out.Read(buf)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(buf[:n]), "up"), "the helper said %q", buf[:n])
	return cmd
}

func TestHelperHoldsAStack(t *testing.T) {
	project := os.Getenv("STACK_TEST_HOLD")
	if project == "" {
		return // only a process for the tests above
	}
	s, err := stack.Up(t.Context(), stack.Options{Files: []string{tinyFile(t)}, Project: project})
	require.NoError(t, err)
	for _, spec := range []lab.FaultSpec{{Kind: "partition", Service: "two"}, {Kind: "recreate", Service: "one"}} {
		f, err := s.NewFault(spec)
		require.NoError(t, err)
		require.NoError(t, f.Inject(t.Context()))
	}
	if os.Getenv("STACK_TEST_NO_GUARD") != "" {
		stack.DismissGuard(s)
	}
	_, _ = os.Stdout.WriteString("up\n")
	select {} // until killed
}
