package stack_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/stack"
	"inventariolab/lab/stack/stacktest"
)

func TestMain(m *testing.M) {
	if os.Getenv("STACK_TEST_HOLD") != "" {
		os.Exit(m.Run()) // a helper process of a test that has the turn already
	}
	stacktest.MainInTurn(m)
}

// tinyFile is the Compose file of a stack of two services that start in a
// second; the program in them is compiled here, from testdata/tiny.
func tinyFile(t *testing.T) string {
	t.Helper()
	requireEngine(t)
	dir := filepath.Join("testdata", "tiny")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", "tiny", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "compile testdata/tiny: %s", out)
	return filepath.Join(dir, "docker-compose.yml")
}

func requireEngine(t *testing.T) {
	t.Helper()
	e, err := stack.Connect(t.Context())
	if err == nil {
		_ = e.Close()
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("nothing may skip in CI: %v", err)
	}
	t.Skipf("it needs a Docker engine: %v", err)
}

// ownLedger gives a test a ledger of its own, so that its sweeps do not meet
// other tests' stacks.
func ownLedger(t *testing.T) {
	t.Helper()
	t.Setenv("INVENTARIO_STATE", t.TempDir())
}

// leftovers lists what the engine still has of a project.
func leftovers(t *testing.T, project string) []string {
	t.Helper()
	cli, err := client.New(client.FromEnv)
	require.NoError(t, err)
	defer cli.Close()
	f := make(client.Filters).Add("label", "com.docker.compose.project="+project)
	ctx := context.Background()
	var left []string
	cs, err := cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: f})
	require.NoError(t, err)
	for _, c := range cs.Items {
		left = append(left, "container "+c.Names[0])
	}
	ns, err := cli.NetworkList(ctx, client.NetworkListOptions{Filters: f})
	require.NoError(t, err)
	for _, n := range ns.Items {
		left = append(left, "network "+n.Name)
	}
	vs, err := cli.VolumeList(ctx, client.VolumeListOptions{Filters: f})
	require.NoError(t, err)
	for _, v := range vs.Items {
		left = append(left, "volume "+v.Name)
	}
	return left
}

func TestStackLivesAndGoes(t *testing.T) {
	ownLedger(t)
	ctx := t.Context()
	s, err := stack.Up(ctx, stack.Options{Files: []string{tinyFile(t)}, Progress: func(l string) { t.Log(l) }})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Down(context.Background())) })
	assert.Equal(t, []string{"one", "two"}, s.Services())
	assert.NotEmpty(t, leftovers(t, s.Project()), "the label finds what runs")

	url, err := s.URL(ctx, "one", 8080)
	require.NoError(t, err)
	assert.Equal(t, "hello from one\n", get(t, url))

	out, err := s.Exec(ctx, "two", "/tiny", "check")
	require.NoError(t, err)
	assert.Contains(t, out, "tiny starts as two")
	out, err = s.Exec(ctx, "two", "/tiny", "fail")
	assert.ErrorContains(t, err, "exit status 1")
	assert.Contains(t, out, "never healthy")

	logs, err := s.Logs(ctx, "one", time.Time{})
	require.NoError(t, err)
	b, err := io.ReadAll(logs)
	require.NoError(t, err)
	require.NoError(t, logs.Close())
	assert.Equal(t, "tiny starts as one\n", string(b))

	_, err = s.State(ctx, "three")
	assert.ErrorContains(t, err, `"three"`)
	assert.Equal(t, "The services are: one, two.", lab.HintOf(err))
	_, err = s.Addr(ctx, "one", 9999)
	assert.ErrorContains(t, err, "not published")

	testKill(t, s)

	require.NoError(t, s.Down(ctx))
	require.NoError(t, s.Down(ctx), "a second Down does nothing")
	assert.Empty(t, leftovers(t, s.Project()))
}

func testKill(t *testing.T, s *stack.Stack) {
	ctx := t.Context()
	_, err := s.NewFault(lab.FaultSpec{Kind: "tickle", Service: "one"})
	assert.ErrorContains(t, err, `"tickle"`)
	_, err = s.NewFault(lab.FaultSpec{Kind: "kill", Service: "nobody"})
	assert.ErrorContains(t, err, `"nobody"`)

	f, err := s.NewFault(lab.FaultSpec{Kind: "kill", Service: "one"})
	require.NoError(t, err)
	require.NoError(t, f.Heal(ctx), "healing what was not injected does nothing")
	before, err := s.State(ctx, "one")
	require.NoError(t, err)
	assert.True(t, before.Usable())

	require.NoError(t, f.Inject(ctx))
	st, err := s.State(ctx, "one")
	require.NoError(t, err)
	assert.Equal(t, "exited", st.Status)
	assert.False(t, st.Usable())
	_, err = s.Addr(ctx, "one", 8080)
	assert.ErrorContains(t, err, "does not run")

	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	err = s.WaitHealthy(short)
	assert.ErrorContains(t, err, "one exited", "it names what it waits for")
	assert.ErrorContains(t, err, "tiny starts as one", "and shows the log")

	require.NoError(t, f.Heal(ctx))
	url, err := s.URL(ctx, "one", 8080) // another port than before
	require.NoError(t, err)
	assert.Equal(t, "hello from one\n", get(t, url))
	after, err := s.State(ctx, "one")
	require.NoError(t, err)
	assert.True(t, after.Started.After(before.Started))
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url) //nolint:noctx // a test
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}

func TestUpExplainsWhatIsWrong(t *testing.T) {
	file := tinyFile(t)
	broken := filepath.Join(t.TempDir(), "broken.yml")
	require.NoError(t, os.WriteFile(broken, []byte("services:\n  one:\n    imag: x\n"), 0o644))
	empty := filepath.Join(t.TempDir(), "empty.yml")
	require.NoError(t, os.WriteFile(empty, []byte("services: {}\n"), 0o644))
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	_, port, _ := net.SplitHostPort(busy.Addr().String())

	for name, tc := range map[string]struct {
		opt  stack.Options
		env  map[string]string // of the process
		want []string
		hint string
	}{
		"a compose file that is not there": {
			opt:  stack.Options{Files: []string{"nowhere/docker-compose.yml"}},
			want: []string{"nowhere/docker-compose.yml does not exist"}, hint: "--file",
		},
		"a compose file that Compose does not understand": {
			opt:  stack.Options{Files: []string{broken}},
			want: []string{"broken.yml", "imag"}, hint: "Correct the file",
		},
		"a compose file without services": {
			opt:  stack.Options{Files: []string{empty}},
			want: []string{"empty.yml", "no services"}, hint: "Correct the file",
		},
		"a port in use": {
			opt:  stack.Options{Files: []string{file}, FixedPorts: true, Env: map[string]string{"ONE_PORT": port}},
			want: []string{"port " + port, "service one", "in use"}, hint: "HTTP_PORT",
		},
		"no Docker engine": {
			opt: stack.Options{Files: []string{file}}, env: map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:1"},
			want: []string{"connect to docker at tcp://127.0.0.1:1"}, hint: "docker info",
		},
		"a service that dies during the start": {
			opt:  stack.Options{Files: []string{file}, Env: map[string]string{"TWO_COMMAND": "die"}},
			want: []string{"two: ended with exit status 3", "tiny: cannot open the vault"}, hint: "lines above",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ownLedger(t)
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			tc.opt.Project = "inventario-lab-wrong"
			s, err := stack.Up(t.Context(), tc.opt)
			if err == nil {
				_ = s.Down(context.Background())
			}
			require.Error(t, err)
			for _, w := range tc.want {
				assert.ErrorContains(t, err, w)
			}
			assert.Contains(t, lab.HintOf(err), tc.hint)
			if tc.env == nil {
				assert.Empty(t, leftovers(t, tc.opt.Project))
			}
		})
	}
}

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
	if os.Getenv("STACK_TEST_NO_GUARD") != "" {
		stack.DismissGuard(s)
	}
	_, _ = os.Stdout.WriteString("up\n")
	select {} // until killed
}
