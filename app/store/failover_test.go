package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

// TestReadsGoToReplicas: with all servers up the source answers no reads, and
// the replicas share them.
func TestReadsGoToReplicas(t *testing.T) {
	f := newFixture(t)
	before := map[string]float64{}
	for _, service := range services {
		before[service] = f.readsBy(t, service)
	}
	for range 30 {
		_, _, err := f.products.List(t.Context(), app.Query{}, app.Position{})
		require.NoError(t, err)
	}
	for _, service := range services[1:] {
		assert.InDelta(t, 10, f.readsBy(t, service)-before[service], 1, service)
	}
	assert.Zero(t, f.readsBy(t, "maestro1")-before["maestro1"])
}

// TestReadYourWrites: whoever brings the position of his write sees it at once,
// also when replicas have stopped applying; the others may read the past.
func TestReadYourWrites(t *testing.T) {
	f := newFixture(t)
	for _, service := range services[1:] {
		f.sql(t, service, "STOP REPLICA SQL_THREAD")
		t.Cleanup(func() { f.sql(t, service, "START REPLICA SQL_THREAD") })
	}
	for range 5 {
		p, pos := f.create(t, draft())
		got, _, err := f.products.Get(t.Context(), p.ID, pos)
		require.NoError(t, err)
		assert.Equal(t, p, got)
		page, shown, err := f.products.List(t.Context(), app.Query{Search: p.Code}, pos)
		require.NoError(t, err)
		assert.Equal(t, []app.Product{p}, page.Products)
		assert.GreaterOrEqual(t, shown.Revision, pos.Revision)
		_, shown, err = f.products.List(t.Context(), app.Query{}, app.Position{Revision: pos.Revision})
		require.NoError(t, err)
		assert.GreaterOrEqual(t, shown.Revision, pos.Revision, "a revision alone is enough")
		_, shown, err = f.products.List(t.Context(), app.Query{}, app.Position{Revision: pos.Revision, GTID: "nonsense"})
		require.NoError(t, err)
		assert.GreaterOrEqual(t, shown.Revision, pos.Revision, "a GTID that is none does no harm")
	}
	for _, service := range services[1:] {
		f.awaitServer(t, service, "left out", leftOut)
		f.sql(t, service, "START REPLICA SQL_THREAD")
		f.awaitServer(t, service, "healthy", healthy)
	}
	_, pos := f.create(t, draft())
	before := f.readsBy(t, "maestro1")
	for range 9 {
		_, shown, err := f.products.List(t.Context(), app.Query{}, pos)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, shown.Revision, pos.Revision)
	}
	assert.LessOrEqual(t, f.readsBy(t, "maestro1")-before, 1.0, "replicas that have caught up are read again")
}

// readers read all the time until stopped, and count.
type readers struct {
	reads, failed atomic.Int64
	worst         atomic.Int64 // nanoseconds
	lastError     atomic.Value
	stop          func()
}

func startReaders(t *testing.T, f *fixture) *readers {
	t.Helper()
	r := &readers{}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				_, _, err := f.products.List(context.Background(), app.Query{}, app.Position{})
				took := int64(time.Since(start))
				r.reads.Add(1)
				if err != nil {
					r.failed.Add(1)
					r.lastError.Store(err.Error())
				}
				for old := r.worst.Load(); took > old && !r.worst.CompareAndSwap(old, took); old = r.worst.Load() {
				}
			}
		})
	}
	r.stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(r.stop)
	return r
}

// goOn waits until the readers have read n times more.
func (r *readers) goOn(t *testing.T, n int64) {
	t.Helper()
	until := r.reads.Load() + n
	require.Eventually(t, func() bool { return r.reads.Load() >= until }, patience, waitTick, "%d more reads should be done", n)
}

func (r *readers) check(t *testing.T) {
	t.Helper()
	r.stop()
	t.Logf("%d reads, %d failed, slowest %s", r.reads.Load(), r.failed.Load(), time.Duration(r.worst.Load()))
	assert.Zero(t, r.failed.Load(), "%v", r.lastError.Load())
}

// TestReplicaKilled: a replica's death under load fails no read, and it is used
// again after it has come back.
func TestReplicaKilled(t *testing.T) {
	f := newFixture(t)
	r := startReaders(t, f)
	r.goOn(t, 50)
	kill(t, "slave2", func() {
		f.awaitServer(t, "slave2", "left out", leftOut)
		before := f.readsBy(t, "slave2")
		r.goOn(t, 100)
		assert.Equal(t, before, f.readsBy(t, "slave2"), "a dead server answers nothing")
		f.create(t, draft())
	})
	f.awaitServer(t, "slave2", "healthy", healthy)
	before := f.readsBy(t, "slave2")
	r.goOn(t, 50)
	assert.Greater(t, f.readsBy(t, "slave2"), before)
	r.check(t)
}

// TestReplicaFrozen: a server that keeps its connections and says nothing
// delays reads but fails none, and is left out.
func TestReplicaFrozen(t *testing.T) {
	f := newFixture(t)
	r := startReaders(t, f)
	r.goOn(t, 50)
	f.gates["slave3"].freeze()
	f.awaitServer(t, "slave3", "left out", leftOut)
	r.goOn(t, 100)
	f.gates["slave3"].unfreeze()
	f.awaitServer(t, "slave3", "healthy", healthy)
	r.goOn(t, 50)
	r.check(t)
}

// TestConnectionsCut: connections that break under a read, while the server is
// well, fail nothing.
func TestConnectionsCut(t *testing.T) {
	f := newFixture(t)
	r := startReaders(t, f)
	for range 5 {
		for _, service := range services {
			f.gates[service].cut()
			r.goOn(t, 20)
		}
	}
	r.check(t)
	f.awaitAllHealthy(t)
}

// TestSourceKilled: without the source reading goes on and writing says so;
// with the source back, writing works.
func TestSourceKilled(t *testing.T) {
	f := newFixture(t)
	p, pos := f.create(t, draft())
	for _, service := range services[1:] { // what no replica has received is gone with the source
		f.awaitServer(t, service, "caught up", func(s app.Server) bool { return s.Revision >= pos.Revision })
	}
	r := startReaders(t, f)
	r.goOn(t, 50)
	kill(t, "maestro1", func() {
		f.awaitServer(t, "maestro1", "left out", leftOut)
		for range 3 {
			d := draft()
			_, _, err := f.products.Create(t.Context(), d, app.Once{})
			assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)
		}
		_, _, err := f.products.Update(t.Context(), p.ID, draft(), app.Once{})
		assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)
		_, _, err = f.products.Delete(t.Context(), p.ID, app.Once{})
		assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)

		got, _, err := f.products.Get(t.Context(), p.ID, pos)
		require.NoError(t, err)
		assert.Equal(t, p, got)
		_, _, err = f.products.Get(t.Context(), 1<<60, app.Position{})
		assert.Equal(t, app.ECodeNotFound, app.CodeOf(err), "got %v", err)
		_, err = f.users.ByName(t.Context(), "admin")
		require.NoError(t, err, "logging in works without the source")
		_, shown, err := f.products.List(t.Context(), app.Query{}, app.Position{Revision: pos.Revision + 1000, GTID: pos.GTID})
		require.NoError(t, err, "what no server has any more must not lock the reader out")
		assert.True(t, shown.Behind, "but he is told: %+v", shown)
		_, _, err = f.products.Get(t.Context(), 1<<60, app.Position{Revision: pos.Revision + 1000})
		assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "a server that lacks what he saved cannot say that it is not there: %v", err)
		r.goOn(t, 100)
		for _, s := range f.Servers() {
			assert.Equal(t, s.Name != "maestro1", s.Healthy, "%+v", s)
		}
		done, err := f.Migrated(t.Context())
		require.NoError(t, err)
		assert.True(t, done, "an instance that starts now can serve reads")
	})
	f.awaitServer(t, "maestro1", "healthy", healthy)
	_, pos2 := f.create(t, draft())
	assert.Equal(t, pos.Revision+1, pos2.Revision, "what was refused was not written")
	f.awaitAllHealthy(t)
	r.check(t)
}

// TestSourceFrozen: a write to a source that does not answer ends, and what it
// would have written is not there afterwards.
func TestSourceFrozen(t *testing.T) {
	f := newFixture(t)
	_, pos := f.create(t, draft())
	f.gates["maestro1"].freeze()
	d := draft()
	_, _, err := f.products.Create(t.Context(), d, app.Once{})
	var e *app.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, app.ECodeUnavailable, e.Code)
	assert.False(t, e.Uncertain, "nothing was being committed")
	_, _, err = f.products.List(t.Context(), app.Query{}, pos)
	require.NoError(t, err)
	f.gates["maestro1"].unfreeze()
	f.awaitServer(t, "maestro1", "healthy", healthy)
	_, pos2 := f.create(t, d)
	assert.Equal(t, pos.Revision+1, pos2.Revision)
}

// TestReadOnlySource: a source that was made read-only takes no writes, and is
// the source again afterwards.
func TestReadOnlySource(t *testing.T) {
	f := newFixture(t)
	t.Cleanup(func() { f.sql(t, "maestro1", "SET GLOBAL read_only = OFF") })
	f.sql(t, "maestro1", "SET GLOBAL super_read_only = ON")
	_, _, err := f.products.Create(t.Context(), draft(), app.Once{})
	assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)
	f.awaitServer(t, "maestro1", "left out", leftOut)
	f.sql(t, "maestro1", "SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF")
	f.awaitServer(t, "maestro1", "the source", func(s app.Server) bool { return s.Healthy && s.Role == "source" })
	f.create(t, draft())
}

// TestTwoWritableServers: a replica that somebody made writable gets no writes.
func TestTwoWritableServers(t *testing.T) {
	f := newFixture(t)
	t.Cleanup(func() { f.sql(t, "slave1", "SET GLOBAL super_read_only = ON") })
	f.sql(t, "slave1", "SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF")
	f.awaitServer(t, "slave1", "left out", leftOut)
	for range 5 {
		f.create(t, draft())
	}
	f.sql(t, "slave1", "SET GLOBAL super_read_only = ON")
	f.awaitServer(t, "slave1", "healthy", healthy)
	executed := func(service string) string { return f.sql(t, service, "SELECT @@global.gtid_executed") }
	extra := f.sql(t, "maestro1", "SELECT GTID_SUBTRACT('"+executed("slave1")+"', @@global.gtid_executed)")
	assert.Empty(t, extra, "nothing was written to the replica")
}

// TestNoServer: with nobody there, everything says so.
func TestNoServer(t *testing.T) {
	f := newFixture(t)
	for _, service := range services {
		f.gates[service].freeze()
	}
	t.Cleanup(func() {
		for _, service := range services {
			f.gates[service].unfreeze()
		}
		f.awaitAllHealthy(t)
	})
	for _, service := range services {
		f.awaitServer(t, service, "left out", leftOut)
	}
	_, _, err := f.products.List(t.Context(), app.Query{}, app.Position{})
	assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)
	_, _, err = f.products.Create(t.Context(), draft(), app.Once{})
	assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)
	_, _, err = f.products.Changes(t.Context(), 0, 10)
	assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)
}
