package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

// delayReplicas makes every replica apply what it receives that much later: it
// stays healthy and lags, as under overload.
func delayReplicas(t *testing.T, f *fixture, seconds int) {
	t.Helper()
	set := func(seconds int) {
		for _, service := range services[1:] {
			f.sql(t, service, fmt.Sprintf("STOP REPLICA SQL_THREAD; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = %d; START REPLICA SQL_THREAD", seconds))
		}
	}
	t.Cleanup(func() {
		set(0)
		f.awaitAllHealthy(t)
	})
	set(seconds)
	f.awaitAllHealthy(t)
}

// caughtUp waits until every server shows the revision.
func (f *fixture) caughtUp(t *testing.T, revision int64) {
	t.Helper()
	for _, service := range services {
		f.awaitServer(t, service, "caught up", func(s app.Server) bool { return s.Revision >= revision })
	}
}

// TestNoStalePageWhileTheSourceIsSlow: replicas lag and the source keeps silent
// for a while. Whoever has saved something sees it, or is told to try again; he
// never sees the inventory without it.
func TestNoStalePageWhileTheSourceIsSlow(t *testing.T) {
	f := newFixture(t)
	_, old := f.create(t, draft())
	f.caughtUp(t, old.Revision)
	delayReplicas(t, f, 4)
	p, pos := f.create(t, draft())

	f.gates["maestro1"].freeze()
	t.Cleanup(f.gates["maestro1"].unfreeze)
	refused := 0
	for began := time.Now(); time.Since(began) < 2*time.Second; {
		start := time.Now()
		_, shown, err := f.products.List(t.Context(), app.Query{}, pos)
		took := time.Since(start)
		if err != nil {
			require.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)
			assert.Less(t, took, time.Second, "refused before the proxy loses its patience")
			refused++
			continue
		}
		require.GreaterOrEqual(t, shown.Revision, pos.Revision, "a page without what was saved, after %s", took)
	}
	assert.Positive(t, refused, "nobody could answer meanwhile")
	_, _, err := f.products.Get(t.Context(), p.ID, pos)
	assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "not: no such product; got %v", err)

	f.gates["maestro1"].unfreeze()
	f.awaitServer(t, "maestro1", "healthy", healthy)
	got, _, err := f.products.Get(t.Context(), p.ID, pos)
	require.NoError(t, err)
	assert.Equal(t, p, got)
}

// TestSeenIsNotUnseen: a reader asks for more than his own last write, because he
// has been shown more. A replica that has his write but not what he was shown
// must not answer.
func TestSeenIsNotUnseen(t *testing.T) {
	f := newFixture(t)
	_, own := f.create(t, draft())
	f.caughtUp(t, own.Revision)
	delayReplicas(t, f, 4)
	_, others := f.create(t, draft())
	for range 6 {
		_, shown, err := f.products.List(t.Context(), app.Query{}, app.Position{Revision: others.Revision, GTID: own.GTID})
		require.NoError(t, err)
		require.GreaterOrEqual(t, shown.Revision, others.Revision, "time went back")
	}
}

// TestEmptyPageKnowsItsRevision: a page without rows, from a source that this
// instance has not asked since another one wrote, says how far it shows: else the
// reader's position would be taken for one of another inventory.
func TestEmptyPageKnowsItsRevision(t *testing.T) {
	one, two := newFixture(t), newFixture(t)
	_, own := one.create(t, draft())
	one.caughtUp(t, own.Revision)
	delayReplicas(t, one, 4)
	for range 5 {
		_, pos := one.create(t, draft())
		_, shown, err := two.products.List(t.Context(), app.Query{Search: "zzz-nothing"}, pos)
		require.NoError(t, err)
		require.GreaterOrEqual(t, shown.Revision, pos.Revision)
		require.False(t, shown.Behind || shown.Foreign, "%+v", shown)
	}
}
