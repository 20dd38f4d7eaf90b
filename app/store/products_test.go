package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

func TestProductLife(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	d := app.Draft{Code: unique(), Name: " Cámara  4K ", Description: "línea 1\r\nlínea 2 👩‍🔧", Unit: "pieza", Category: "Vídeo"}

	p, pos, err := f.products.Create(ctx, d, app.Once{})
	require.NoError(t, err)
	assert.Positive(t, p.ID)
	assert.Equal(t, "Cámara 4K", p.Name)
	assert.Equal(t, "línea 1\nlínea 2 👩‍🔧", p.Description)
	assert.Equal(t, p.CreatedAt, p.UpdatedAt)
	assert.NotEmpty(t, pos.GTID)
	got, _, err := f.products.Get(ctx, p.ID, pos)
	require.NoError(t, err)
	assert.Equal(t, p, got, "what Create returned is what is stored")

	d.Name = "Cámara 8K"
	d.Code = strings.ToUpper(d.Code)
	changed, pos2, err := f.products.Update(ctx, p.ID, d, app.Once{})
	require.NoError(t, err, "a product may keep its own code, in other letters")
	assert.Equal(t, pos.Revision+1, pos2.Revision)
	assert.Equal(t, p.CreatedAt, changed.CreatedAt)
	got, _, err = f.products.Get(ctx, p.ID, pos2)
	require.NoError(t, err)
	assert.Equal(t, changed, got)

	_, pos3, err := f.products.Delete(ctx, p.ID, app.Once{})
	require.NoError(t, err)
	_, _, err = f.products.Get(ctx, p.ID, pos3)
	assert.Equal(t, app.ECodeNotFound, app.CodeOf(err), "got %v", err)

	changes, gap, err := f.products.Changes(ctx, pos.Revision-1, 10)
	require.NoError(t, err)
	assert.False(t, gap)
	require.Len(t, changes, 3)
	for i, want := range []app.Change{
		{Revision: pos.Revision, Op: app.OpCreate, Product: p},
		{Revision: pos2.Revision, Op: app.OpUpdate, Product: changed},
		{Revision: pos3.Revision, Op: app.OpDelete, Product: changed},
	} {
		want.At = changes[i].At
		assert.Equal(t, want, changes[i])
	}
}

func TestRefusedWrites(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	p, pos := f.create(t, draft())
	other, _ := f.create(t, draft())

	_, _, err := f.products.Create(ctx, app.Draft{Code: "a b"}, app.Once{})
	var e *app.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, app.ECodeInvalid, e.Code)
	assert.Equal(t, map[string]string{"code": app.MsgBadCode, "name": app.MsgRequired, "unit": app.MsgRequired, "category": app.MsgRequired}, e.Fields)

	taken := draft()
	taken.Code = " " + strings.ToUpper(p.Code)
	_, _, err = f.products.Create(ctx, taken, app.Once{})
	require.ErrorAs(t, err, &e)
	assert.Equal(t, app.ECodeDuplicate, e.Code, "a code differs by more than case")
	assert.Equal(t, &p, e.Existing)

	_, _, err = f.products.Update(ctx, other.ID, taken, app.Once{})
	require.ErrorAs(t, err, &e)
	assert.Equal(t, app.ECodeDuplicate, e.Code)
	assert.Equal(t, &p, e.Existing)

	_, _, err = f.products.Update(ctx, 1<<60, draft(), app.Once{})
	assert.Equal(t, app.ECodeNotFound, app.CodeOf(err), "got %v", err)
	_, _, err = f.products.Delete(ctx, 1<<60, app.Once{})
	assert.Equal(t, app.ECodeNotFound, app.CodeOf(err), "got %v", err)
	_, _, err = f.products.Get(ctx, 1<<60, app.Position{})
	assert.Equal(t, app.ECodeNotFound, app.CodeOf(err), "got %v", err)

	newest, err := f.products.Revision(ctx)
	require.NoError(t, err)
	assert.Equal(t, pos.Revision+1, newest, "a refused write makes no revision")
}

func TestCodesDifferByAccents(t *testing.T) {
	f := newFixture(t)
	a, b := draft(), draft()
	b.Code = a.Code + "ñ"
	a.Code += "n"
	f.create(t, a)
	f.create(t, b)
}

// TestDuplicateRace: of many that register the same code at the same moment,
// through two instances, exactly one wins, and every loser learns who.
func TestDuplicateRace(t *testing.T) {
	one, two := newFixture(t), newFixture(t)
	const racers = 24
	d := draft()
	var (
		mu      sync.Mutex
		winners []app.Product
		losers  []error
		start   = make(chan struct{})
		all     sync.WaitGroup
	)
	for i := range racers {
		f := []*fixture{one, two}[i%2]
		all.Go(func() {
			<-start
			p, _, err := f.products.Create(context.Background(), d, app.Once{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				losers = append(losers, err)
			} else {
				winners = append(winners, p)
			}
		})
	}
	close(start)
	all.Wait()
	require.Len(t, winners, 1)
	t.Cleanup(func() { _, _, _ = one.products.Delete(context.Background(), winners[0].ID, app.Once{}) })
	require.Len(t, losers, racers-1)
	for _, err := range losers {
		var e *app.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, app.ECodeDuplicate, e.Code)
		assert.Equal(t, &winners[0], e.Existing)
	}
}

// TestRevisionsAreStrict: under concurrent creates, updates and deletes, some
// of which are refused, every committed change has the next number, on every
// server, and in the order in which it happened to the product.
func TestRevisionsAreStrict(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	before, err := f.products.Revision(ctx)
	require.NoError(t, err)
	shared := draft()
	var (
		mu   sync.Mutex
		seen = map[int64]app.Op{}
		all  sync.WaitGroup
	)
	note := func(op app.Op, pos app.Position, err error) bool {
		if err != nil {
			assert.Contains(t, []app.ECode{app.ECodeDuplicate, app.ECodeNotFound}, app.CodeOf(err), "%s: %v", op, err)
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		assert.NotContains(t, seen, pos.Revision, "two changes have one revision")
		seen[pos.Revision] = op
		return true
	}
	for range 8 {
		all.Go(func() {
			for range 6 {
				p, pos, err := f.products.Create(ctx, draft(), app.Once{})
				if note(app.OpCreate, pos, err) {
					d := draft()
					_, pos, err = f.products.Update(ctx, p.ID, d, app.Once{})
					note(app.OpUpdate, pos, err)
					_, pos, err = f.products.Delete(ctx, p.ID, app.Once{})
					note(app.OpDelete, pos, err)
				}
				// One code that all fight for: created and deleted all the time.
				if p, pos, err = f.products.Create(ctx, shared, app.Once{}); note(app.OpCreate, pos, err) {
					_, pos, err = f.products.Delete(ctx, p.ID, app.Once{})
					note(app.OpDelete, pos, err)
				}
			}
		})
	}
	all.Wait()
	require.GreaterOrEqual(t, len(seen), 8*6*3)

	changes := allChanges(t, f, before, before+int64(len(seen)))
	require.Len(t, changes, len(seen))
	alive := map[int64]bool{}
	for i, c := range changes {
		require.Equal(t, before+1+int64(i), c.Revision, "no gap and no repetition")
		assert.Equal(t, seen[c.Revision], c.Op)
		assert.Equal(t, c.Op != app.OpCreate, alive[c.Product.ID], "%s of product %d at %d", c.Op, c.Product.ID, c.Revision)
		alive[c.Product.ID] = c.Op != app.OpDelete
	}
	content := func(service string) string {
		return f.sql(t, service, "SELECT revision, op, product_id, product FROM changes ORDER BY revision")
	}
	source := content("maestro1")
	for _, service := range services[1:] {
		require.Eventually(t, func() bool { return content(service) == source }, patience, waitTick, "%s should have the same changes as the source", service)
	}
}

// allChanges reads the changes after one revision up to another.
func allChanges(t *testing.T, f *fixture, after, upTo int64) []app.Change {
	t.Helper()
	var all []app.Change
	require.Eventually(t, func() bool {
		changes, gap, err := f.products.Changes(t.Context(), after, 50)
		if err != nil || gap {
			t.Errorf("Changes(%d): gap %t, error %v", after, gap, err)
			return true
		}
		all = append(all, changes...)
		if len(changes) > 0 {
			after = changes[len(changes)-1].Revision
		}
		return after >= upTo
	}, patience, waitTick, "changes up to %d should arrive", upTo)
	return all
}

func TestCancelledWrite(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := draft()
	_, _, err := f.products.Create(ctx, d, app.Once{})
	require.Error(t, err)
	var e *app.Error
	require.True(t, errors.As(err, &e) && e.Code == app.ECodeUnavailable && !e.Uncertain, "got %v", err)
	f.create(t, d) // it was not saved
}
