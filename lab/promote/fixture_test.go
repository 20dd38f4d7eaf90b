package promote_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/promote"
	"inventariolab/lab/stack"
	"inventariolab/lab/stack/stacktest"
)

func TestMain(m *testing.M) { stacktest.Main(m) }

func theStack(t testing.TB) *stack.Stack {
	t.Helper()
	return stacktest.Stack(t)
}

var services = []string{"maestro1", "slave1", "slave2", "slave3"}

// fixture is a way to the stack's database, with everything that it tells.
type fixture struct {
	*promote.Cluster
	mu     sync.Mutex
	events []promote.Event
}

// newFixture begins with a whole database: one source, three replicas.
func newFixture(t testing.TB, beforeStep func(string) error) *fixture {
	t.Helper()
	top, err := lab.ReadTopology("../../scenarios/topology.yaml")
	require.NoError(t, err)
	f := &fixture{}
	f.Cluster, err = promote.Open(promote.Options{
		Stack: theStack(t), Database: *top.Database, BeforeStep: beforeStep,
		Event: func(e promote.Event) {
			t.Logf("%s %-9s %s", e.At.Format("05.000"), e.Kind, e.Text)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, e)
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	f.awaitWhole(t)
	return f
}

// told finds an event of a kind since a moment.
func (f *fixture) told(kind string, since time.Time) (promote.Event, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Kind == kind && !e.At.Before(since) {
			return e, true
		}
	}
	return promote.Event{}, false
}

// source is the name of the source; exactly one server may be writable.
func (f *fixture) source(t testing.TB) string {
	t.Helper()
	servers := f.Look(t.Context())
	at := promote.Source(servers)
	require.GreaterOrEqual(t, at, 0, "there should be a source: %+v", servers)
	for i, s := range servers {
		assert.Equal(t, i == at, s.Up() && s.Writable, "%s", s.Name)
	}
	return servers[at].Name
}

// lookText is formatted when a wait has failed, not when it begins.
type lookText struct{ atomic.Value }

func (l *lookText) String() string { return fmt.Sprint(l.Load()) }

// awaitWhole waits until all replicas follow the source.
func (f *fixture) awaitWhole(t testing.TB) {
	t.Helper()
	var last lookText
	require.Eventually(t, func() bool {
		servers := f.Look(context.Background())
		at := promote.Source(servers)
		last.Store(fmt.Sprintf("%+v", servers))
		for i, s := range servers {
			if at < 0 || !s.Up() || i != at && (s.Follows != servers[at].Name || s.Receiver != "ON" || s.Applier != "ON") {
				return false
			}
		}
		return true
	}, time.Minute, 50*time.Millisecond, "every replica should follow the source: %s", &last)
}

// watching runs a watcher until the test ends, or stop is called.
func (f *fixture) watching(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Watch(ctx, promote.WatchOptions{}) }()
	stop = sync.OnceFunc(func() { cancel(); assert.NoError(t, <-done) })
	t.Cleanup(stop)
	require.Eventually(t, func() bool { _, ok := f.told("back", time.Time{}); return ok }, time.Minute, 10*time.Millisecond, "the watcher should see the source")
	return stop
}

// kill ends a server; heal brings it back. That waits until it is usable, which a
// server that must be rebuilt is not yet: begin does not wait for it.
func kill(t *testing.T, service string) (begin, heal func()) {
	t.Helper()
	fault, err := theStack(t).NewFault(lab.FaultSpec{Kind: "kill", Service: service})
	require.NoError(t, err)
	require.NoError(t, fault.Inject(t.Context()))
	healed := make(chan error, 1)
	begin = sync.OnceFunc(func() {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			healed <- fault.Heal(ctx)
		}()
	})
	heal = sync.OnceFunc(func() { begin(); assert.NoError(t, <-healed) })
	t.Cleanup(heal)
	return begin, heal
}

// start starts a container, without waiting for it to be usable.
func start(t *testing.T, service string) {
	t.Helper()
	cli, err := client.New(client.FromEnv)
	require.NoError(t, err)
	defer cli.Close()
	_, err = cli.ContainerStart(context.Background(), container(service, theStack(t)), client.ContainerStartOptions{})
	require.NoError(t, err)
}

func container(service string, s *stack.Stack) string { return s.Project() + "-" + service + "-1" }

func rootSQL(t testing.TB, service, statements string) string {
	t.Helper()
	out, err := theStack(t).Exec(context.Background(), service, "bash", "-c",
		`MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysql --user=root --batch --raw --skip-column-names --execute="$1" "$DB_NAME"`, "sql", statements)
	require.NoError(t, err, "%s on %s: %s", statements, service, out)
	return strings.TrimSpace(out)
}
