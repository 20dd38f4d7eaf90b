package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"inventariolab/app"
)

// silent is a server that accepts and never answers.
type silent struct{}

func (silent) Connect(ctx context.Context) (driver.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
func (silent) Driver() driver.Driver { return nil }

func silentServer(name string, known int64) *server {
	s := &server{Endpoint: Endpoint{Name: name}, db: sql.OpenDB(silent{}), wake: make(chan struct{}, 1)}
	s.up, s.cut = context.WithCancelCause(context.Background())
	s.known.Store(known)
	return s
}

// TestSearchIsShort: whoever must see what only a silent source has is told so
// before the proxy loses its patience, also while that source is only suspected.
func TestSearchIsShort(t *testing.T) {
	source, replica := silentServer("source", 2), silentServer("replica", 1)
	for about, v := range map[string]*view{
		"a source that passes for healthy":     {source: source, replicas: []*server{replica}},
		"a source that missed a health check":  {slow: source, slowSince: time.Now(), replicas: []*server{replica}},
		"a source and no replica":              {source: source},
		"a source, and a replica left out":     {source: source, rest: []*server{replica}},
		"a suspected source, and nobody else":  {slow: source, slowSince: time.Now()},
		"a suspected source, a replica is out": {slow: source, slowSince: time.Now(), rest: []*server{replica}},
	} {
		c := &Cluster{servers: []*server{source, replica}, changed: make(chan struct{})}
		c.metrics = newMetrics(nil, c)
		c.view.Store(v)
		began := time.Now()
		_, _, err := read(t.Context(), c, freshness{min: app.Position{Revision: 2}}, currentRevision)
		assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "%s: %v", about, err)
		assert.Less(t, time.Since(began), 950*time.Millisecond, about)
	}
}
