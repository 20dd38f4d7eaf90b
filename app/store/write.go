package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"inventariolab/app"
)

// write runs fn in a transaction on the source, adds the change that fn
// returns to the outbox, and commits. It fails with app.ECodeUnavailable when
// there is no source; errors of the domain from fn come back as they are.
//
// Only a transaction that MySQL itself has rolled back (a deadlock) is run
// again: after anything else the server may have committed it.
func (c *Cluster) write(ctx context.Context, op app.Op, fn func(context.Context, transaction) (app.Change, error)) (app.Change, app.Position, error) {
	start := time.Now()
	change, pos, err := c.tryWrite(ctx, fn)
	c.metrics.wrote(op, err, time.Since(start))
	return change, pos, err
}

func (c *Cluster) tryWrite(ctx context.Context, fn func(context.Context, transaction) (app.Change, error)) (app.Change, app.Position, error) {
	source, err := c.awaitSource(ctx)
	if err != nil {
		return app.Change{}, app.Position{}, err
	}
	ctx, cancel := source.bind(ctx, writeTimeout)
	defer cancel()
	for {
		change, pos, err := c.transact(ctx, source, fn)
		if err != nil && rolledBack(err) && ctx.Err() == nil {
			c.metrics.deadlocks.Inc()
			continue
		}
		if err != nil && (broken(err) || refused(err)) {
			c.lost(source, err)
		}
		if err != nil && app.CodeOf(err) == app.ECodeInternal {
			err = c.explain(err)
		}
		if err == nil {
			c.trimSometimes(source, change.Revision)
		}
		return change, pos, err
	}
}

// awaitSource gives the source, waiting a little for one to appear: a restart
// of the server is then a slow answer instead of an error.
func (c *Cluster) awaitSource(ctx context.Context) (*server, error) {
	ctx, cancel := context.WithTimeout(ctx, comeback)
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

func (c *Cluster) transact(ctx context.Context, source *server, fn func(context.Context, transaction) (app.Change, error)) (change app.Change, pos app.Position, err error) {
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
		err = record(ctx, t, &change)
	}
	if err == nil && ctx.Err() != nil {
		err = ctx.Err() // the last moment at which it certainly was not saved
	}
	if err != nil {
		t.abort(ctx)
		return change, pos, err
	}
	if _, err := t.exec(ctx, "COMMIT"); err != nil {
		if number(err) != 0 { // the server has said no
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
func (c *Cluster) explain(err error) error {
	var u *uncertainError
	switch {
	case errors.As(err, &u):
		e := unavailable("the connection broke while saving", err)
		e.Uncertain = true
		return e
	case refused(err), elsewhere(err), rolledBack(err):
		return unavailable("the database source cannot be written to", err)
	}
	return internal("write", err)
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
			c.cfg.Log.Warn("old changes were not trimmed; the next trim will try again", slog.Any("error", err))
		}
	})
}

func (c *Cluster) trim(ctx context.Context, source *server, upTo int64) error {
	for {
		res, err := source.db.ExecContext(ctx, "DELETE FROM changes WHERE revision <= ? ORDER BY revision LIMIT ?", upTo, trimBatch)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n < trimBatch {
			return err
		}
	}
}
