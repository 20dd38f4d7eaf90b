package stack_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

	testFollow(t, s)
	_, err = s.State(ctx, "three")
	assert.ErrorContains(t, err, `"three"`)
	assert.Equal(t, "The services are: one, two.", lab.HintOf(err))
	_, err = s.Addr(ctx, "one", 9999)
	assert.ErrorContains(t, err, "not published")

	testKill(t, s)
	testPause(t, s)

	require.NoError(t, s.Down(ctx))
	require.NoError(t, s.Down(ctx), "a second Down does nothing")
	assert.Empty(t, leftovers(t, s.Project()))
}

// testFollow prints more than the engine keeps of a log, and reads all of it,
// each line once.
func testFollow(t *testing.T, s *stack.Stack) {
	const lines = 10_000
	url, err := s.URL(t.Context(), "two", 8080)
	require.NoError(t, err)
	log, err := s.Follow(t.Context(), "two", time.Time{})
	require.NoError(t, err)
	in := bufio.NewScanner(log)
	require.True(t, in.Scan())
	assert.Equal(t, "tiny starts as two", in.Text())
	printed := make(chan string, 1)
	go func() { printed <- get(t, url+"/print?n="+strconv.Itoa(lines)) }()
	for i := range lines {
		require.True(t, in.Scan(), "line %d: %v", i+1, in.Err())
		require.Equal(t, fmt.Sprintf("line %0494d", i+1), in.Text())
	}
	assert.Equal(t, "ok\n", <-printed)
	require.NoError(t, log.Close())
	assert.False(t, in.Scan(), "a closed log ends, also when nothing is printed")

	kept, err := s.Logs(t.Context(), "two", time.Time{})
	require.NoError(t, err)
	defer kept.Close()
	b, err := io.ReadAll(kept)
	require.NoError(t, err)
	assert.Less(t, bytes.Count(b, []byte("\n")), lines, "the engine keeps less than that")
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

func testPause(t *testing.T, s *stack.Stack) {
	ctx := t.Context()
	f, err := s.NewFault(lab.FaultSpec{Kind: "pause", Service: "one"})
	require.NoError(t, err)
	require.NoError(t, f.Heal(ctx), "healing what was not injected does nothing")
	before, err := s.State(ctx, "one")
	require.NoError(t, err)
	url, err := s.URL(ctx, "one", 8080)
	require.NoError(t, err)

	require.NoError(t, f.Inject(ctx))
	st, err := s.State(ctx, "one")
	require.NoError(t, err)
	assert.Equal(t, "paused", st.Status)
	assert.False(t, st.Usable())
	c := http.Client{Timeout: 300 * time.Millisecond}
	res, err := c.Get(url)
	if !assert.Error(t, err, "who is frozen does not answer") {
		res.Body.Close()
	}
	assert.ErrorIs(t, err, context.DeadlineExceeded, "nor refuse")

	require.NoError(t, f.Heal(ctx))
	assert.Equal(t, "hello from one\n", get(t, url), "at the same port")
	after, err := s.State(ctx, "one")
	require.NoError(t, err)
	assert.Equal(t, before.Started, after.Started, "it is the same process")
	require.NoError(t, f.Heal(ctx), "healing twice does nothing")
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
