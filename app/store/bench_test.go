package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

// BenchmarkStore measures the store's calls against the stack's servers, with
// the parallelism of GOMAXPROCS. The inventory holds at least 50 products.
func BenchmarkStore(b *testing.B) {
	f := newFixture(b)
	category := unique()
	var pos app.Position
	var p app.Product
	for range 50 {
		d := draft()
		d.Category = category
		p, pos = f.create(b, d)
	}
	run := func(name string, call func(b *testing.B) error) {
		b.Run(name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					require.NoError(b, call(b))
				}
			})
		})
	}
	run("Changes", func(b *testing.B) error {
		_, _, err := f.products.Changes(b.Context(), pos.Revision, 100)
		return err
	})
	run("Get", func(b *testing.B) error {
		_, _, err := f.products.Get(b.Context(), p.ID, pos)
		return err
	})
	run("List", func(b *testing.B) error {
		_, _, err := f.products.List(b.Context(), app.Query{}, pos)
		return err
	})
	run("ListFiltered", func(b *testing.B) error {
		_, _, err := f.products.List(b.Context(), app.Query{Category: category, Search: "torn", Sort: app.SortName}, pos)
		return err
	})
	run("CreateDelete", func(b *testing.B) error {
		p, _, err := f.products.Create(b.Context(), draft(), app.Once{})
		if err == nil {
			_, _, err = f.products.Delete(b.Context(), p.ID, app.Once{})
		}
		return err
	})
}
