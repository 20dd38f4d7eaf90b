package stack_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/stack"
)

// TestFaultsOnTheReferenceStack breaks what the tiny stack does not have: NGINX
// and its configuration, a file system of MySQL, replication.
func TestFaultsOnTheReferenceStack(t *testing.T) {
	requireEngine(t)
	ownLedger(t)
	s, err := stack.Up(t.Context(), stack.Options{
		Files: []string{filepath.Join(root, "docker-compose.yml")}, Project: "inventario-lab-broken-reference",
		Keep: true, Progress: func(l string) { t.Log(l) }, // for other processes to attach to
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, s.Down(context.Background()))
		assert.Empty(t, leftovers(t, s.Project()))
	})
	site, err := s.URL(t.Context(), "nginx", 8080)
	require.NoError(t, err)
	serves := func(t *testing.T) {
		t.Helper()
		c := http.Client{Timeout: 10 * time.Second}
		res, err := c.Get(site) //nolint:noctx // a test
		require.NoError(t, err)
		_ = res.Body.Close()
		assert.Equal(t, http.StatusOK, res.StatusCode)
	}
	ask := func(t *testing.T, service, sql string) string {
		t.Helper()
		out, err := s.Exec(t.Context(), service, "sh", "-c", `MYSQL_PWD=docente mysql -h127.0.0.1 -udocente -N -e "$1" 2>&1 || true`, "sh", sql)
		require.NoError(t, err)
		return out
	}
	for _, c := range []struct {
		why    string
		spec   lab.FaultSpec
		effect func(t *testing.T)
	}{
		{"NGINX refuses and serves", lab.FaultSpec{Kind: "bad-config", Service: "nginx"}, func(t *testing.T) {
			serves(t)
			out, err := s.Exec(t.Context(), "nginx", "nginx", "-t")
			assert.Error(t, err)
			assert.Contains(t, out, "unknown directive")
		}},
		{"NGINX has no room for temporary files", lab.FaultSpec{Kind: "disk-full", Service: "nginx"}, serves},
		{"MySQL has no room for temporary files", lab.FaultSpec{Kind: "disk-full", Service: "maestro1"}, func(t *testing.T) {
			out, err := s.Exec(t.Context(), "maestro1", "bash", "-c", "echo x > /tmp/x || true")
			require.NoError(t, err)
			assert.Contains(t, out, "No space left on device")
		}},
		{"a replica does not hear its source, and answers", lab.FaultSpec{Kind: "partition", Service: "slave1", Peer: "maestro1"}, func(t *testing.T) {
			assert.Equal(t, "1\n", ask(t, "slave1", "SELECT 1"))
			out, err := s.Exec(t.Context(), "slave1", "bash", "-c", "timeout 1 bash -c 'exec 3<>/dev/tcp/maestro1/3306'; echo status $?")
			require.NoError(t, err)
			assert.Contains(t, out, "status 124", "neither accepted nor refused")
		}},
		{"a replica hears its source late", lab.FaultSpec{Kind: "latency", Service: "slave1", Peer: "maestro1"}, func(t *testing.T) {
			require.Eventually(t, func() bool {
				return ask(t, "slave1", "SELECT service_state FROM performance_schema.replication_connection_status") == "ON\n"
			}, time.Minute, 200*time.Millisecond, "it comes back after its connection was cut")
		}},
		{"an instance answers the balancer late", lab.FaultSpec{Kind: "latency", Service: "nginx", Peer: "app"}, serves},
		{"an instance has no memory to spare", lab.FaultSpec{Kind: "memory", Service: "app1"}, serves},
		{"an instance is at another address", lab.FaultSpec{Kind: "recreate", Service: "app"}, serves},
		{"the balancer is at another address", lab.FaultSpec{Kind: "recreate", Service: "nginx"}, func(t *testing.T) {
			require.NoError(t, s.WaitHealthy(t.Context(), "nginx"))
			site, err = s.URL(t.Context(), "nginx", 8080)
			require.NoError(t, err)
			serves(t)
		}},
		{"a server is told to go", lab.FaultSpec{Kind: "stop", Service: "slave2"}, serves},
	} {
		t.Run(strings.ReplaceAll(c.spec.String(), " ", "-"), func(t *testing.T) {
			f, err := s.NewFault(c.spec)
			require.NoError(t, err)
			require.NoError(t, f.Inject(t.Context()))
			t.Logf("%s: %v", c.why, f.(lab.Proven).Proof())
			c.effect(t)
			require.NoError(t, f.Heal(t.Context()))
			require.NoError(t, s.WaitHealthy(t.Context()))
			serves(t)
		})
	}
	t.Run("requests under way are finished at a stop", func(t *testing.T) { drains(t, s) })
	t.Run("a process is killed while it spoils the configuration", func(t *testing.T) {
		require.NoError(t, s.Share(t.Context(), func(context.Context) { configSurvives(t, s, serves) }))
	})
}

// configSurvives kills a process in the middle of spoiling NGINX's configuration,
// once it is spoilt, and in the middle of repairing it. The next command leaves
// the file as it was, an NGINX that serves by it, and nothing else.
func configSurvives(t *testing.T, s *stack.Stack, serves func(*testing.T)) {
	exec := func(t *testing.T, s *stack.Stack, cmd ...string) string {
		t.Helper()
		out, err := s.Exec(t.Context(), "nginx", cmd...)
		require.NoError(t, err)
		return out
	}
	const file = "/run/nginx/upstream.conf"
	good := exec(t, s, "cat", file)
	before := leftovers(t, s.Project())
	whole := func(t *testing.T, s *stack.Stack) {
		t.Helper()
		require.NoError(t, s.WaitHealthy(t.Context()))
		serves(t)
		assert.Equal(t, good, exec(t, s, "cat", file))
		exec(t, s, "nginx", "-t")
		// A reload that is taken replaces the workers: nothing of the fault is in the way.
		const workers = `for p in /proc/[0-9]*; do
			case "$({ tr '\0' ' ' < "$p/cmdline"; } 2>/dev/null)" in *"shutting down"*) ;; "nginx: worker"*) echo "${p#/proc/}";; esac
		done`
		old := strings.Fields(exec(t, s, "sh", "-c", workers))
		require.NotEmpty(t, old)
		exec(t, s, "nginx", "-e", "/dev/stderr", "-s", "reload")
		require.Eventually(t, func() bool {
			now := strings.Fields(exec(t, s, "sh", "-c", workers))
			return len(now) == len(old) && !slices.ContainsFunc(now, func(pid string) bool { return slices.Contains(old, pid) })
		}, 10*time.Second, 100*time.Millisecond, "new workers")
		serves(t)
		broken, err := stack.Broken(s.Project())
		require.NoError(t, err)
		assert.Empty(t, broken)
		assert.ElementsMatch(t, before, leftovers(t, s.Project()))
	}
	spec := lab.FaultSpec{Kind: "bad-config", Service: "nginx"}
	for range 3 { // the moment is another one each time
		killed(t, s.Project(), spec, "breaking", rand.N(time.Second), whole)
		killed(t, s.Project(), spec, "healing", rand.N(700*time.Millisecond), whole)
	}
	killed(t, s.Project(), spec, "broken", 0, whole)
}

// drains stops an instance while requests go to it through the balancer.
func drains(t *testing.T, s *stack.Stack) {
	site, err := s.URL(t.Context(), "nginx", 8080)
	require.NoError(t, err)
	f, err := s.NewFault(lab.FaultSpec{Kind: "stop", Service: "app"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	bad, good := 0, 0
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				res, err := http.Get(site) //nolint:noctx // a test
				mu.Lock()
				if err != nil || res.StatusCode != http.StatusOK {
					bad++
				} else {
					good++
				}
				mu.Unlock()
				if err == nil {
					_ = res.Body.Close()
				}
			}
		})
	}
	err = f.Inject(t.Context())
	cancel()
	wg.Wait()
	require.NoError(t, err)
	assert.Zero(t, bad, "of %d requests", bad+good)
	assert.Positive(t, good)
	assert.Equal(t, false, f.(lab.Proven).Proof()["killed"], "it ended within its grace period")
	require.NoError(t, f.Heal(t.Context()))
}
