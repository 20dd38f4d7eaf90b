package probe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SecondsBehind is what a replica itself says about its lag: the field
// Seconds_Behind_Source of SHOW REPLICA STATUS, in whole seconds. It is nil for
// NULL, which the server says when replication does not run.
func (db *DB) SecondsBehind(ctx context.Context) (*int64, error) {
	seconds, err := db.statusNumber(ctx, "SHOW REPLICA STATUS", "Seconds_Behind_Source")
	if is(err, erParse) { // before 8.0.22
		seconds, err = db.statusNumber(ctx, "SHOW SLAVE STATUS", "Seconds_Behind_Master")
	}
	if err != nil {
		return nil, fmt.Errorf("read Seconds_Behind_Source of %s: %w", db.Name, err)
	}
	return seconds, nil
}

// statusNumber reads one column, by its name, of the first row that a
// statement answers.
func (db *DB) statusNumber(ctx context.Context, statement, column string) (*int64, error) {
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var number *int64
	into, found := make([]any, len(names)), false
	for i, name := range names {
		into[i] = new(sql.RawBytes)
		if name == column {
			into[i], found = &number, true
		}
	}
	switch {
	case !found:
		return nil, fmt.Errorf("%s has no column %s", statement, column)
	case !rows.Next():
		return nil, errors.Join(errors.New("it is no replica"), rows.Err())
	}
	return number, rows.Scan(into...)
}

// Applied is the newest transaction that one applier worker of a replica has
// finished: how long after its commit at the source. Both times come from the
// servers, which share this machine's clock.
type Applied struct {
	GTID  string
	At    time.Time     // when it was applied
	After time.Duration // since its commit at the source
}

// Applied reads the newest finished transaction of every applier worker. Looks
// that follow each other show the same one again until the worker has finished
// another, and miss those that it has finished in between.
func (db *DB) Applied(ctx context.Context) ([]Applied, error) {
	rows, err := db.QueryContext(ctx, `SELECT LAST_APPLIED_TRANSACTION,
		UNIX_TIMESTAMP(LAST_APPLIED_TRANSACTION_END_APPLY_TIMESTAMP),
		UNIX_TIMESTAMP(LAST_APPLIED_TRANSACTION_END_APPLY_TIMESTAMP) - UNIX_TIMESTAMP(LAST_APPLIED_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP)
		FROM performance_schema.replication_applier_status_by_worker
		WHERE LAST_APPLIED_TRANSACTION <> '' AND LAST_APPLIED_TRANSACTION <> 'ANONYMOUS'
		  AND LAST_APPLIED_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP > '1971-01-01'`)
	if err != nil {
		return nil, fmt.Errorf("read the applier's times of %s: %w", db.Name, err)
	}
	defer rows.Close()
	var all []Applied
	for rows.Next() {
		var a Applied
		var at, after string
		if err := rows.Scan(&a.GTID, &at, &after); err != nil {
			return nil, fmt.Errorf("read the applier's times of %s: %w", db.Name, err)
		}
		a.At = time.Unix(0, 0).UTC().Add(seconds(at))
		negative := strings.HasPrefix(after, "-")
		a.After = seconds(strings.TrimPrefix(after, "-"))
		if negative {
			a.After = -a.After
		}
		all = append(all, a)
	}
	return all, rows.Err()
}
