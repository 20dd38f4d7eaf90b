package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

// key is an idempotency key that nobody has used.
func key() app.Once { return app.Once{User: 1, Key: unique()} }

// TestSameKeyWritesOnce: the same write sent again, later and through another
// instance, is answered as the first time and changes nothing.
func TestSameKeyWritesOnce(t *testing.T) {
	one, two := newFixture(t), newFixture(t)
	d := draft()
	create, update, remove := key(), key(), key()
	p, pos, err := one.products.Create(t.Context(), d, create)
	require.NoError(t, err)

	again, pos2, err := two.products.Create(t.Context(), d, create)
	require.NoError(t, err)
	assert.Equal(t, p, again, "the first answer")
	assert.Equal(t, pos.Revision, pos2.Revision, "and no change")

	changed := d
	changed.Name = "Clavo"
	p2, pos, err := one.products.Update(t.Context(), p.ID, changed, update)
	require.NoError(t, err)
	again, pos2, err = two.products.Update(t.Context(), p.ID, changed, update)
	require.NoError(t, err)
	assert.Equal(t, p2, again)
	assert.Equal(t, pos.Revision, pos2.Revision)

	gone, pos, err := one.products.Delete(t.Context(), p.ID, remove)
	require.NoError(t, err)
	assert.Equal(t, p2, gone)
	again, pos2, err = two.products.Delete(t.Context(), p.ID, remove)
	require.NoError(t, err)
	assert.Equal(t, p2, again)
	assert.Equal(t, pos.Revision, pos2.Revision)

	again, _, err = two.products.Create(t.Context(), d, create)
	require.NoError(t, err, "long after, with the product gone")
	assert.Equal(t, p, again, "still the first answer")
	_, _, err = two.products.Get(t.Context(), p.ID, pos)
	assert.Equal(t, app.ECodeNotFound, app.CodeOf(err), "and it is not made again")
}

// TestKeyOfAnotherWrite: a key is good for one write of one user.
func TestKeyOfAnotherWrite(t *testing.T) {
	f := newFixture(t)
	d, k := draft(), key()
	p, _, err := f.products.Create(t.Context(), d, k)
	require.NoError(t, err)
	t.Cleanup(func() { _, _, _ = f.products.Delete(context.Background(), p.ID, app.Once{}) })

	other := d
	other.Name = "Clavo"
	_, _, err = f.products.Create(t.Context(), other, k)
	assert.Equal(t, app.ECodeKeyReused, app.CodeOf(err), "another body with the same code: %v", err)
	_, _, err = f.products.Create(t.Context(), draft(), k)
	assert.Equal(t, app.ECodeKeyReused, app.CodeOf(err), "another body with another code: %v", err)
	_, _, err = f.products.Delete(t.Context(), p.ID, k)
	assert.Equal(t, app.ECodeKeyReused, app.CodeOf(err), "another operation: %v", err)
	_, _, err = f.products.Create(t.Context(), d, app.Once{User: 2, Key: k.Key})
	assert.Equal(t, app.ECodeDuplicate, app.CodeOf(err), "somebody else with the same key is told nothing: %v", err)
	_, _, err = f.products.Create(t.Context(), d, app.Once{})
	assert.Equal(t, app.ECodeDuplicate, app.CodeOf(err), "without a key a duplicate is one: %v", err)

	failed := key()
	_, _, err = f.products.Create(t.Context(), d, failed)
	require.Equal(t, app.ECodeDuplicate, app.CodeOf(err))
	fresh := draft()
	q, _, err := f.products.Create(t.Context(), fresh, failed)
	require.NoError(t, err, "what failed has used up nothing")
	t.Cleanup(func() { _, _, _ = f.products.Delete(context.Background(), q.ID, app.Once{}) })
}

// TestSameKeyAtOnce: eight at the same time, through two instances, get one
// product.
func TestSameKeyAtOnce(t *testing.T) {
	one, two := newFixture(t), newFixture(t)
	d, k := draft(), key()
	start := make(chan struct{})
	var all sync.WaitGroup
	products, errs := make([]app.Product, 8), make([]error, 8)
	for i := range products {
		f := one
		if i%2 == 1 {
			f = two
		}
		all.Go(func() {
			<-start
			products[i], _, errs[i] = f.products.Create(context.Background(), d, k)
		})
	}
	_, before := one.create(t, draft())
	close(start)
	all.Wait()
	for i := range products {
		require.NoError(t, errs[i])
		assert.Equal(t, products[0], products[i])
	}
	_, after, err := one.products.Delete(t.Context(), products[0].ID, key())
	require.NoError(t, err)
	assert.Equal(t, before.Revision+2, after.Revision, "one registration, one removal")
}

// TestCommitOfUnknownEnd: connections that break again and again under writers,
// also in their COMMIT, lose no write and make none happen twice. On a slow machine
// a write may end as unavailable; then it is sent again, as a client would.
func TestCommitOfUnknownEnd(t *testing.T) {
	f := newFixture(t)
	stop := make(chan struct{})
	var cutter, writers sync.WaitGroup
	cutter.Go(func() {
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				f.gates["maestro1"].cut()
			}
		}
	})
	_, before := f.create(t, draft())
	const each = 15
	ids := make(chan int64, 4*each)
	for range 4 {
		writers.Go(func() {
			for range each {
				d, k := draft(), key()
				p, _, err := f.products.Create(context.Background(), d, k)
				for tries := 1; app.CodeOf(err) == app.ECodeUnavailable && tries < 10; tries++ {
					p, _, err = f.products.Create(context.Background(), d, k)
				}
				if assert.NoError(t, err) {
					ids <- p.ID
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	cutter.Wait()
	close(ids)
	written := f.eachOnce(t, before, ids)
	t.Logf("%d writes; tries after a COMMIT of unknown end: %.0f, after another break: %.0f", written,
		f.metric(t, "inventory_db_write_retries_total", "reason", "uncertain"),
		f.metric(t, "inventory_db_write_retries_total", "reason", "broken"))
}
