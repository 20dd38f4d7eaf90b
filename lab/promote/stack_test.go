package promote_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/api/types/network"
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

// pace is what a server's commits wait for: the disk (its journal, its redo log),
// others to go with them (microseconds), a replica.
func pace(t testing.TB, service string) string {
	t.Helper()
	return rootSQL(t, service, "SELECT CONCAT_WS(' ', @@sync_binlog, @@innodb_flush_log_at_trx_commit, @@binlog_group_commit_sync_delay, @@rpl_semi_sync_source_enabled)")
}

// TestPaceFollowsThePart: a server that starts with the file of another part waits
// at its commits for what its own part asks for.
func TestPaceFollowsThePart(t *testing.T) {
	f := newFixture(t, nil)
	home := f.source(t)
	for _, to := range []string{"slave3", "maestro1"} { // one of a replica's file, one of the source's
		_, err := f.Promote(t.Context(), to)
		require.NoError(t, err)
		for range 2 { // the second time a former source follows from the beginning
			for _, service := range []string{"maestro1", "slave3"} {
				begin, heal := kill(t, service)
				begin()
				heal()
				f.awaitWhole(t)
				want := "0 2 0 0"
				if service == to {
					want = "1 1 5000 1"
				}
				assert.EventuallyWithT(t, func(c *assert.CollectT) {
					assert.Equal(c, want, pace(t, service), "%s, while %s is the source", service, to)
				}, 20*time.Second, 200*time.Millisecond)
			}
		}
	}
	_, err := f.Promote(t.Context(), home)
	require.NoError(t, err)
}

func TestSwitchOver(t *testing.T) {
	f := newFixture(t, nil)
	w := startWriters(t)
	w.goOn(t, 20)
	for _, to := range []string{"slave2", "maestro1"} {
		from := f.source(t)
		began := time.Now()
		r, err := f.Promote(t.Context(), to)
		require.NoError(t, err)
		assert.Equal(t, to, r.Source)
		assert.Empty(t, r.Notes)
		w.goOn(t, 20)
		t.Logf("switch-over to %s: open after %s, longest time without a write %s", to, r.Took.Round(time.Millisecond), w.resumed(began).Round(time.Millisecond))
		assert.Equal(t, to, f.source(t))
		assert.Equal(t, "1 1 5000 1", pace(t, to))
		assert.Equal(t, "0 2 0 0", pace(t, from), "it need not wait any more")
		again, err := f.Promote(t.Context(), to)
		require.NoError(t, err)
		assert.Equal(t, r.Term, again.Term, "a second time there is nothing to do")
	}
	w.check(t)
	_, err := f.Promote(t.Context(), "nobody")
	assert.ErrorContains(t, err, `no database server "nobody"`)
}

// TestFailOverByWatching kills the source under writers, again and again, and
// brings it back each time. FAILOVERS sets how often; what the goal says is 20.
func TestFailOverByWatching(t *testing.T) {
	rounds := 2
	if n, err := strconv.Atoi(os.Getenv("FAILOVERS")); err == nil {
		rounds = n
	}
	f := newFixture(t, nil)
	w := startWriters(t)
	f.watching(t)
	var took []time.Duration
	for range rounds {
		w.goOn(t, 20)
		before := f.source(t)
		killed := time.Now()
		_, heal := kill(t, before)
		w.goOn(t, 20)
		took = append(took, w.resumed(killed))
		after := f.source(t)
		assert.NotEqual(t, before, after)
		heal()
		f.awaitWhole(t)
		assert.Equal(t, after, f.source(t), "the old source came back as a replica")
	}
	w.check(t)
	slices.Sort(took)
	t.Logf("writes stood still, %d times: median %s, least %s, most %s", rounds, took[len(took)/2].Round(time.Millisecond),
		took[0].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	assert.LessOrEqual(t, took[len(took)/2], 3*time.Second)
}

// TestPromoteByHand: without a watcher the same, and a user's wish.
func TestPromoteByHand(t *testing.T) {
	f := newFixture(t, nil)
	before := f.source(t)
	wish := "slave3"
	if before == wish {
		wish = "slave2"
	}
	_, heal := kill(t, before)
	r, err := f.Promote(t.Context(), wish)
	require.NoError(t, err)
	assert.Equal(t, wish, r.Source)
	assert.Equal(t, before, r.Before)
	assert.Contains(t, strings.Join(r.Notes, "\n"), before+" does not answer")
	heal()
	f.awaitWhole(t)
	assert.Equal(t, wish, f.source(t))
}

var errInterrupted = errors.New("interrupted by the test")

// TestInterrupted ends promotions before each of their steps, as a kill of `lab`
// would, and lets the next one finish.
func TestInterrupted(t *testing.T) {
	var at string
	f := newFixture(t, func(step string) error {
		if step == at {
			return errInterrupted
		}
		return nil
	})
	w := startWriters(t)
	for _, step := range []string{"fence", "drain", "detach", "repoint", "open", "verify"} {
		t.Run("planned, before "+step, func(t *testing.T) {
			w.goOn(t, 5)
			before := f.source(t)
			to := "slave1"
			if before == to {
				to = "slave2"
			}
			at = step
			_, err := f.Promote(t.Context(), to)
			require.ErrorIs(t, err, errInterrupted)
			at = ""
			r, err := f.Promote(t.Context(), "")
			require.NoError(t, err)
			assert.Equal(t, r.Source, f.source(t))
			f.awaitWhole(t)
			w.goOn(t, 5)
		})
	}
	for _, step := range []string{"stop receivers", "detach", "open"} {
		t.Run("after a death, before "+step, func(t *testing.T) {
			w.goOn(t, 5)
			before := f.source(t)
			begin, heal := kill(t, before)
			at = step
			_, err := f.Promote(t.Context(), "")
			require.ErrorIs(t, err, errInterrupted)
			at = ""
			begin() // the old source comes back in the middle of it
			require.Eventually(t, func() bool { return f.Look(context.Background())[slices.Index(services, before)].Up() }, time.Minute, 50*time.Millisecond)
			r, err := f.Promote(t.Context(), "")
			require.NoError(t, err)
			assert.Equal(t, r.Source, f.source(t))
			heal()
			f.awaitWhole(t)
			w.goOn(t, 5)
		})
	}
	w.check(t)
}

// TestErrantSourceIsRebuilt: the old source has a commit that no replica received
// and nobody was told of. It stays fenced, and is rebuilt without it.
func TestErrantSourceIsRebuilt(t *testing.T) {
	f := newFixture(t, nil)
	before := f.source(t)
	for _, s := range services {
		if s != before {
			rootSQL(t, s, "STOP REPLICA IO_THREAD")
		}
	}
	code := "errant" + time.Now().UTC().Format("150405.000")
	committing := make(chan struct{})
	go func() { // waits for a replica until the kill
		defer close(committing)
		_, _ = theStack(t).Exec(context.Background(), before, "bash", "-c", `MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --user=root --execute="$1" "$DB_NAME"`, "sql",
			`INSERT INTO products (code, name, description, unit, category, created_at, updated_at) VALUES ("`+code+`", "n", "", "u", "c", NOW(6), NOW(6))`)
	}()
	require.Eventually(t, func() bool {
		return rootSQL(t, before, "SELECT COUNT(*) FROM performance_schema.processlist WHERE state LIKE 'Waiting for semi-sync ACK%'") == "1"
	}, 10*time.Second, 20*time.Millisecond, "the commit should wait for a replica")
	begin, heal := kill(t, before)
	<-committing
	_, err := f.Promote(t.Context(), "")
	require.NoError(t, err)
	begin()
	require.Eventually(t, func() bool {
		log, err := theStack(t).Exec(context.Background(), before, "cat", "/run/mysqld/guard")
		return err == nil && strings.Contains(log, "rebuild this server")
	}, time.Minute, 100*time.Millisecond, "the old source should say that it must be rebuilt")
	assert.Equal(t, "1", rootSQL(t, before, "SELECT COUNT(*) FROM products WHERE code = '"+code+"'"), "it does have the commit")
	began := time.Now()
	_, err = f.Promote(t.Context(), "")
	require.NoError(t, err)
	heal()
	t.Logf("rebuilt and following after %s", time.Since(began).Round(time.Millisecond))
	f.awaitWhole(t)
	for _, s := range services {
		assert.Equal(t, "0", rootSQL(t, s, "SELECT COUNT(*) FROM products WHERE code = '"+code+"'"), s)
	}
}

// TestCutOff: a source that lives, but is cut off from the replicas, the app and
// us, confirms nothing any more, while another one takes over.
func TestCutOff(t *testing.T) {
	f := newFixture(t, nil)
	w := startWriters(t)
	f.watching(t)
	w.goOn(t, 10)
	before := f.source(t)
	s := theStack(t)
	cli, err := client.New(client.FromEnv)
	require.NoError(t, err)
	defer cli.Close()
	private := s.Project() + "_inventarioApp"
	cut := time.Now()
	_, err = cli.NetworkDisconnect(t.Context(), private, client.NetworkDisconnectOptions{Container: container(before, s), Force: true})
	require.NoError(t, err)
	committed := make(chan string, 1)
	go func() { // somebody on its side of the cut
		out, err := s.Exec(context.Background(), before, "bash", "-c", `MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --user=root --execute="$1" "$DB_NAME"`, "sql",
			`INSERT INTO products (code, name, description, unit, category, created_at, updated_at) VALUES ("cut`+w.prefix+`", "n", "", "u", "c", NOW(6), NOW(6))`)
		if err == nil {
			committed <- out
		}
		close(committed)
	}()
	w.goOn(t, 10)
	out, confirmed := <-committed
	assert.False(t, confirmed, "a write was confirmed on the side that was cut off: %s", out)
	t.Logf("writes stood still for %s after the cut", w.resumed(cut).Round(time.Millisecond))
	_, err = cli.NetworkConnect(context.Background(), private, client.NetworkConnectOptions{Container: container(before, s), EndpointConfig: endpoint(before)})
	require.NoError(t, err)
	start(t, before)
	f.awaitWhole(t)
	assert.NotEqual(t, before, f.source(t))
	w.check(t)
}

// TestColdRestart: all four are killed at once and started again: the one that was
// the source is it again, and nobody else.
func TestColdRestart(t *testing.T) {
	f := newFixture(t, nil)
	to := "slave1"
	if f.source(t) == to {
		to = "slave2"
	}
	_, err := f.Promote(t.Context(), to)
	require.NoError(t, err)
	var heals []func()
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, s := range services {
		all.Go(func() {
			begin, heal := kill(t, s)
			mu.Lock()
			defer mu.Unlock()
			heals = append(heals, func() { begin(); heal() })
		})
	}
	all.Wait()
	for _, heal := range heals {
		all.Go(heal)
	}
	all.Wait()
	f.awaitWhole(t)
	assert.Equal(t, to, f.source(t))
}

func endpoint(service string) *network.EndpointSettings {
	return &network.EndpointSettings{Aliases: []string{service}}
}
