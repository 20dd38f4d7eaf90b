package store

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"inventariolab/app"
)

// The total of a query is kept for as long as the revision stands, but not
// longer than countAge: rows may be changed by hand, past the revision.
const (
	countsKept = 1000
	countAge   = 2 * time.Second
)

// counts remembers the totals of recent queries.
type counts struct {
	cache *lru.Cache[countKey, count]
}

type countKey struct {
	search, category string
	revision         int64
}

type count struct {
	n  int
	at time.Time
}

func newCounts() *counts {
	cache, err := lru.New[countKey, count](countsKept)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &counts{cache}
}

func (c *counts) get(q app.Query, revision int64) (int, bool) {
	found, ok := c.cache.Get(countKey{q.Search, q.Category, revision})
	if !ok || time.Since(found.at) > countAge {
		return 0, false
	}
	return found.n, true
}

func (c *counts) put(q app.Query, revision int64, n int) {
	c.cache.Add(countKey{q.Search, q.Category, revision}, count{n, time.Now()})
}
