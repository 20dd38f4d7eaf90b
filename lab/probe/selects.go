package probe

import (
	"context"
	"fmt"
)

// Selects counts the SELECTs of tables that the server has executed in the
// lab's schema since it started, as its statement digests have them. Who looks
// after servers (their variables, performance_schema) is left out: health checks
// go on where nobody reads. Since the count begins anew with the server, only
// the growth between two answers means something.
func (db *DB) Selects(ctx context.Context) (n int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT COALESCE(SUM(COUNT_STAR), 0) FROM performance_schema.events_statements_summary_by_digest
		WHERE SCHEMA_NAME = ? AND DIGEST_TEXT LIKE 'SELECT %' AND DIGEST_TEXT LIKE '% FROM %'
		AND DIGEST_TEXT NOT LIKE '%@@%' AND DIGEST_TEXT NOT LIKE '%_schema%'`, db.schema).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the SELECTs of %s: %w", db.Name, err)
	}
	return n, nil
}

// ReceiverState is what the thread that fetches from the source does just now,
// in MySQL's words: "Waiting for source to send event". It is read from the list
// of threads, which answers even while the thread hangs on a full disk; the
// tables of replication may not. "" when there is no such thread.
func (db *DB) ReceiverState(ctx context.Context) (state string, err error) {
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(PROCESSLIST_STATE), '') FROM performance_schema.threads
		WHERE NAME IN ('thread/sql/replica_io', 'thread/sql/slave_io')`).Scan(&state)
	if err != nil {
		return "", fmt.Errorf("read what the receiver of %s does: %w", db.Name, err)
	}
	return state, nil
}

// UUID is the server's own name, the first half of the GTIDs of what is written
// there. A server that lost its data has another one.
func (db *DB) UUID(ctx context.Context) (id string, err error) {
	if err = db.QueryRowContext(ctx, "SELECT @@GLOBAL.server_uuid").Scan(&id); err != nil {
		return "", fmt.Errorf("read the server_uuid of %s: %w", db.Name, err)
	}
	return id, nil
}

// Clone is what a server says of the last copy of another one's data that
// replaced its own.
type Clone struct {
	State string // "Completed", "In Progress", "Failed"; "" when there was none
	From  string // host:port
	Error string
}

// LastClone reads performance_schema.clone_status.
func (db *DB) LastClone(ctx context.Context) (c Clone, err error) {
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(STATE), ''), COALESCE(MAX(SOURCE), ''), COALESCE(MAX(ERROR_MESSAGE), '')
		FROM performance_schema.clone_status`).Scan(&c.State, &c.From, &c.Error)
	if err != nil {
		return c, fmt.Errorf("read the last clone of %s: %w", db.Name, err)
	}
	return c, nil
}
