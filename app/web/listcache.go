package web

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"inventariolab/app"
)

// Bounds of the page cache. A list of 50 products has about 20 kB.
const (
	listsKept = 256      // lists
	listBytes = 16 << 20 // bytes of all of them together
)

// listAge is how long a list is kept at most. Changes made through the app show
// at once, by their revision; a row edited around it, in phpMyAdmin, has none
// and shows after this time.
const listAge = 2 * time.Second

// listKey is everything a rendered list depends on but the inventory itself.
type listKey struct {
	lang     string
	readOnly bool
	query    app.Query // normalized
}

// listCache keeps rendered lists for as long as the inventory stands still.
type listCache struct {
	on     bool
	flight singleflight.Group
	holes  holes
	hits   atomic.Int64
	misses atomic.Int64

	kept  *lru.Cache[listKey, *listHTML]
	mu    sync.Mutex   // for keep
	bytes atomic.Int64 // in kept
}

func newListCache(on bool) (*listCache, error) {
	c := &listCache{on: on, holes: newHoles()}
	var err error
	c.kept, err = lru.NewWithEvict(listsKept, func(_ listKey, gone *listHTML) { c.bytes.Add(-gone.size()) })
	return c, err
}

// get returns the list of key as of min or later. A kept list is good only
// while this instance knows of no newer revision, heard from the database a
// moment ago, and while the reader needs no newer one himself.
func (c *listCache) get(ctx context.Context, s *Server, key listKey, min app.Position) (*listHTML, error) {
	now := time.Now()
	known, fresh := s.feed.current(now)
	if !c.on || !fresh || min.Revision > known {
		c.misses.Add(1)
		return s.renderList(ctx, key, min)
	}
	if list, ok := c.kept.Get(key); ok && list.shown.Revision >= known && list.shown.Revision >= min.Revision && now.Sub(list.read) < listAge {
		c.hits.Add(1)
		return list, nil
	}
	c.misses.Add(1)
	// All who miss the same list at the same moment share one reading of it,
	// as of the revision that this instance knows; nobody of them needs more.
	shared := app.Position{Revision: known}
	name := fmt.Sprintf("%+v %d", key, known)
	v, err, _ := c.flight.Do(name, func() (any, error) {
		return s.renderList(context.WithoutCancel(ctx), key, shared)
	})
	if err != nil {
		return nil, err
	}
	list := v.(*listHTML)
	if list.shown.Revision < min.Revision {
		return s.renderList(ctx, key, min)
	}
	if list.moved == "" && list.shown.Revision >= known && !list.shown.Behind {
		c.keep(key, list)
	}
	return list, nil
}

// keep stores a list, and forgets the least recent ones when there is no room.
func (c *listCache) keep(key listKey, list *listHTML) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Remove(key) // a replaced value is not reported as evicted
	c.bytes.Add(list.size())
	c.kept.Add(key, list)
	for c.bytes.Load() > listBytes {
		c.kept.RemoveOldest()
	}
}
