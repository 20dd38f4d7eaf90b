package promote_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
