package web

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"inventariolab/app"
)

// listsKept bounds the cache: 256 pages of 50 products are about 10 MB.
const listsKept = 256

// listKey is everything a rendered list depends on but the inventory itself.
type listKey struct {
	lang     string
	readOnly bool
	query    app.Query // normalized
}

// listCache keeps rendered lists for as long as the inventory stands still.
type listCache struct {
	kept   *lru.Cache[listKey, *listHTML] // nil when switched off
	flight singleflight.Group
	holes  holes
	hits   atomic.Int64
	misses atomic.Int64
}

func newListCache(on bool) (*listCache, error) {
	c := &listCache{holes: newHoles()}
	if !on {
		return c, nil
	}
	var err error
	c.kept, err = lru.New[listKey, *listHTML](listsKept)
	return c, err
}

// get returns the list of key as of min or later. A kept list is good only
// while this instance knows of no newer revision, heard from the database a
// moment ago, and while the reader needs no newer one himself.
func (c *listCache) get(s *Server, ctx context.Context, key listKey, min app.Position) (*listHTML, error) {
	known, fresh := s.feed.current(time.Now())
	if c.kept == nil || !fresh || min.Revision > known {
		c.misses.Add(1)
		return s.renderList(ctx, key, min)
	}
	if list, ok := c.kept.Get(key); ok && list.revision >= known && list.revision >= min.Revision {
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
	if list.revision < min.Revision {
		return s.renderList(ctx, key, min)
	}
	if list.moved == "" && list.revision >= known {
		c.kept.Add(key, list)
	}
	return list, nil
}
