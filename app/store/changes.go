package store

import (
	"context"
	"encoding/json"
	"fmt"

	"inventariolab/app"
)

// Changes implements app.Products. It prefers the server with the newest data,
// and costs one look into an index when there is nothing new.
func (p *Products) Changes(ctx context.Context, after int64, limit int) (changes []app.Change, gap bool, err error) {
	changes, _, err = read(ctx, p.cluster, freshness{newest: true}, func(ctx context.Context, s *session) ([]app.Change, error) {
		return readChanges(ctx, s, after, limit)
	})
	if err != nil {
		return nil, false, fmt.Errorf("read changes after %d: %w", after, err)
	}
	if len(changes) > 0 {
		return changes, changes[0].Revision != after+1, nil
	}
	// Nothing newer: the reader has everything, or comes from another life of
	// the database, whose numbers went further.
	if after > p.cluster.newest() {
		gap, err = p.cluster.beyond(ctx, after)
	}
	return nil, gap, err
}

func readChanges(ctx context.Context, s *session, after int64, limit int) ([]app.Change, error) {
	rows, err := s.conn.QueryContext(ctx, "SELECT revision, op, product, at FROM changes WHERE revision > ? ORDER BY revision LIMIT ?", after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var changes []app.Change
	for rows.Next() {
		var c app.Change
		var product []byte
		if err := rows.Scan(&c.Revision, &c.Op, &product, &c.At); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(product, &c.Product); err != nil {
			return nil, fmt.Errorf("decode change %d: %w", c.Revision, err)
		}
		changes = append(changes, c)
		s.saw(c.Revision)
	}
	return changes, rows.Err()
}

// beyond says whether revision was never given out. Only the source knows;
// while it is away the answer is no.
func (c *Cluster) beyond(ctx context.Context, revision int64) (bool, error) {
	source := c.view.Load().source
	if source == nil {
		return false, nil
	}
	a := attempt(ctx, step{server: source}, app.Position{}, false, currentRevision)
	if a.err != nil {
		if elsewhere(a.err) {
			return false, nil
		}
		return false, fmt.Errorf("read newest revision: %w", a.err)
	}
	return revision > a.value, nil
}

// Revision implements app.Products.
func (p *Products) Revision(ctx context.Context) (int64, error) {
	revision, _, err := read(ctx, p.cluster, freshness{newest: true}, currentRevision)
	if err != nil {
		return 0, fmt.Errorf("read revision: %w", err)
	}
	return revision, nil
}

func currentRevision(ctx context.Context, s *session) (revision int64, err error) {
	err = s.conn.QueryRowContext(ctx, readRevision).Scan(&revision)
	s.saw(revision)
	return revision, err
}
