package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"inventariolab/app"
)

// write runs fn in a transaction on the source, adds the key and the change that
// fn returns to it, and commits. A write that was committed before under the same
// key is not done again: its product is returned. It fails with
// app.ECodeUnavailable when there is no source; errors of the domain from fn come
// back as they are.
func (c *Cluster) write(ctx context.Context, op app.Op, key writeKey, fn func(context.Context, transaction) (app.Change, error)) (app.Product, app.Position, error) {
	start := time.Now()
	product, pos, err := c.tryWrite(ctx, key, fn)
	c.metrics.wrote(op, err, time.Since(start))
	return product, pos, err
}

// tryWrite tries until it is known how the write ended, for writePatience at
// most. The key makes that safe: whatever happened to the tries before, on this
// source or on the one before a promotion, no two of them can commit.
func (c *Cluster) tryWrite(ctx context.Context, key writeKey, fn func(context.Context, transaction) (app.Change, error)) (app.Product, app.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, writePatience)
	defer cancel()
	uncertain := false
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		product, pos, err := c.writeOnce(ctx, key, fn)
		if err == nil {
			return product, pos, nil
		}
		var u *uncertainError
		if errors.As(err, &u) {
			uncertain = true
		}
		if !again(err) || !rest(ctx, pause) {
			return app.Product{}, app.Position{}, c.explain(err, uncertain)
		}
		c.metrics.writeRetry(err)
	}
}

// again says that a write that failed with err can be tried again: the server
// has undone it, it took too long, or its connection broke. What the domain says,
// and that there is no source, are answers.
func again(err error) bool {
	var e *app.Error
	if errors.As(err, &e) {
		return false
	}
	return rolledBack(err) || elsewhere(err) || refused(err) || errors.Is(err, errKeyUsed)
}

// rest waits for half of pause to all of it, so that four instances that lost the
// source together do not come back together. False when ctx ends before.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause/2 + rand.N(pause/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// writeOnce is one try on whoever is the source now.
func (c *Cluster) writeOnce(ctx context.Context, key writeKey, fn func(context.Context, transaction) (app.Change, error)) (app.Product, app.Position, error) {
	source, err := c.awaitSource(ctx)
	if err != nil {
		return app.Product{}, app.Position{}, err
	}
	ctx, cancel := source.bind(ctx, writeTimeout)
	defer cancel()
	change, pos, err := c.transact(ctx, source, key, fn)
	switch {
	case err == nil:
		c.trimSometimes(source, change.Revision)
	case broken(err), refused(err):
		c.lost(source, err)
	}
	return change.Product, pos, err
}

// awaitSource gives the source, waiting a little for one to appear: a restart
// of the server is then a slow answer instead of an error. So is a promotion,
// which takes longer: a source that has only just been lost is waited for until
// there has been time for one.
func (c *Cluster) awaitSource(ctx context.Context) (*server, error) {
	patience := max(comeback, promotion-time.Since(time.Unix(0, c.lostAt.Load())))
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var source *server
	if !c.await(ctx, func(v *view) bool { source = v.source; return source != nil }) {
		return nil, unavailable("the database source cannot be written to", ctx.Err())
	}
	return source, nil
}

// transaction is an open transaction on one connection. database/sql's Tx does
// not fit: its Commit cannot be ended by a context, and a frozen server would
// hold it for the whole network time-out.
type transaction struct{ conn *sql.Conn }

func (t transaction) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.conn.ExecContext(ctx, query, args...)
}

func (t transaction) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return t.conn.QueryRowContext(ctx, query, args...)
}

// abort undoes the transaction. A connection on which that is not certain is
// thrown away, and the server undoes it when it notices.
func (t transaction) abort(ctx context.Context) {
	if _, err := t.exec(ctx, "ROLLBACK"); err != nil {
		_ = t.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

// uncertainError wraps the failure of a COMMIT: nobody knows whether it took place.
type uncertainError struct{ err error }

func (e *uncertainError) Error() string { return fmt.Sprintf("commit: %v", e.err) }
func (e *uncertainError) Unwrap() error { return e.err }

func (c *Cluster) transact(ctx context.Context, source *server, key writeKey, fn func(context.Context, transaction) (app.Change, error)) (change app.Change, pos app.Position, err error) {
	conn, err := source.db.Conn(ctx)
	if err != nil {
		return change, pos, err
	}
	defer conn.Close()
	t := transaction{conn}
	if _, err := t.exec(ctx, "START TRANSACTION"); err != nil {
		return change, pos, err
	}
	change, err = fn(ctx, t)
	if err == nil {
		err = key.claim(ctx, t, change)
	}
	if err == nil {
		err = record(ctx, t, &change)
	}
	if err == nil && ctx.Err() != nil {
		err = ctx.Err() // the last moment at which it certainly was not saved
	}
	if err != nil {
		t.abort(ctx)
		if decided(err) {
			product, pos, found, e := key.replay(ctx, conn)
			if found {
				c.metrics.replays.Inc()
				return app.Change{Product: product, Revision: pos.Revision}, pos, nil
			}
			if e != nil {
				return change, pos, e
			}
		}
		return change, pos, err
	}
	if _, err := t.exec(ctx, "COMMIT"); err != nil {
		if undone(err) {
			t.abort(ctx)
			return change, pos, err
		}
		return change, pos, &uncertainError{err}
	}
	source.shows(change.Revision)
	pos.Revision = change.Revision
	// Without the GTID a reader still finds a server that shows the revision, only later.
	if err := conn.QueryRowContext(ctx, "SELECT @@global.gtid_executed").Scan(&pos.GTID); err != nil {
		c.cfg.Log.Warn("position after a write is unknown", slog.Any("error", err))
	}
	pos.GTID = strings.ReplaceAll(pos.GTID, "\n", "")
	return change, pos, nil
}

// record takes the next revision and writes the change under it. From here to
// the commit the transaction holds the lock that all writers need.
func record(ctx context.Context, t transaction, change *app.Change) error {
	product, err := json.Marshal(change.Product)
	if err != nil {
		return fmt.Errorf("encode change: %w", err)
	}
	res, err := t.exec(ctx, "UPDATE revision SET value = LAST_INSERT_ID(value + 1) WHERE id = 1")
	if err != nil {
		return fmt.Errorf("count revision up: %w", err)
	}
	if change.Revision, err = res.LastInsertId(); err != nil {
		return fmt.Errorf("read revision: %w", err)
	}
	_, err = t.exec(ctx, "INSERT INTO changes (revision, op, product_id, product, at) VALUES (?, ?, ?, ?, ?)",
		change.Revision, string(change.Op), change.Product.ID, string(product), change.At)
	if err != nil {
		return fmt.Errorf("write change: %w", err)
	}
	return nil
}

// explain turns an error of the database on a write into one of the domain.
// uncertain: one of the tries broke while it was committing, and none after it
// found out how that ended.
func (c *Cluster) explain(err error, uncertain bool) error {
	var u *uncertainError
	var e *app.Error
	switch {
	case errors.As(err, &e) && e.Code != app.ECodeUnavailable:
		return err
	case errors.As(err, &u):
		e = unavailable("the connection broke while saving", err)
	case errors.As(err, &e):
	case uncertain: // whatever the last try failed with, an earlier one may have saved it
		e = unavailable("the connection broke while saving", err)
	case refused(err), elsewhere(err), rolledBack(err), errors.Is(err, errKeyUsed):
		e = unavailable("the database source cannot be written to", err)
	default:
		return internal("write", err)
	}
	e.Uncertain = uncertain
	return e
}

// trimEvery is how many changes pass between two trims, and trimBatch the most
// rows that one statement of a trim removes: small transactions do not hold up
// the replicas.
const (
	trimEvery = 200
	trimBatch = 1000
)

// trimSometimes forgets old changes, in the background.
func (c *Cluster) trimSometimes(source *server, revision int64) {
	if revision%trimEvery != 0 {
		return
	}
	c.done.Go(func() {
		ctx, cancel := source.bind(context.Background(), 2*writeTimeout)
		defer cancel()
		if err := c.trim(ctx, source, revision-int64(c.cfg.KeepChanges)); err != nil {
			c.cfg.Log.Warn("old changes or keys were not trimmed; the next trim will try again", slog.Any("error", err))
		}
	})
}

func (c *Cluster) trim(ctx context.Context, source *server, upTo int64) error {
	return errors.Join(
		inBatches(ctx, source, "DELETE FROM changes WHERE revision <= ? ORDER BY revision LIMIT ?", upTo),
		inBatches(ctx, source, "DELETE FROM write_keys WHERE at < ? ORDER BY at LIMIT ?", now().Add(-keepKeys)))
}

// inBatches runs a DELETE until it finds nothing more, trimBatch rows at a time.
func inBatches(ctx context.Context, source *server, statement string, bound any) error {
	for {
		res, err := source.db.ExecContext(ctx, statement, bound, trimBatch)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n < trimBatch {
			return err
		}
	}
}
