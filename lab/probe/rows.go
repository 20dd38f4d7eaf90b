package probe

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// RowsTable holds the rows that a replication scenario writes.
const RowsTable = "lab_rows"

// MakeRows makes the table of the rows anew at the source.
func MakeRows(ctx context.Context, source *DB) error {
	if err := DropTable(ctx, source, RowsTable); err != nil {
		return err
	}
	if _, err := source.ExecContext(ctx, "CREATE TABLE "+RowsTable+` (writer INT NOT NULL, n INT NOT NULL,
		note VARCHAR(40) NOT NULL, at DATETIME(6) NOT NULL COMMENT 'UTC', PRIMARY KEY (writer, n))`); err != nil {
		return fmt.Errorf("make %s at %s: %w", RowsTable, source.Name, err)
	}
	return nil
}

// RowWriter writes rows at the source: each of several writers numbers its own
// from 1 and commits every row by itself, one after the other.
type RowWriter struct {
	source *DB
	cancel context.CancelFunc
	wg     sync.WaitGroup
	acked  []atomic.Int64 // by writer
	errs   []error
}

// WriteRows starts writers that together write so many rows a second, evenly:
// they take turns and do not write all at the same moment.
func WriteRows(ctx context.Context, source *DB, writers int, rate float64) *RowWriter {
	ctx, cancel := context.WithCancel(ctx)
	w := &RowWriter{source: source, cancel: cancel, acked: make([]atomic.Int64, writers), errs: make([]error, writers)}
	step := time.Duration(float64(writers) / rate * float64(time.Second))
	for i := range writers {
		turn := step * time.Duration(i+1) / time.Duration(writers)
		w.wg.Go(func() { w.errs[i] = w.write(ctx, i, turn, step) })
	}
	return w
}

// Stop ends the writing and returns how many rows of each writer the source
// acknowledged. A row under way at the end is finished first.
func (w *RowWriter) Stop() (acked []int, err error) {
	w.cancel()
	w.wg.Wait()
	for i := range w.acked {
		acked = append(acked, int(w.acked[i].Load()))
		if w.errs[i] != nil && err == nil {
			err = w.errs[i]
		}
	}
	return acked, err
}

func (w *RowWriter) write(ctx context.Context, writer int, turn, step time.Duration) error {
	tick := time.NewTicker(turn)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if n == 1 {
			tick.Reset(step)
		}
		// Not cut off by Stop: a row whose fate is not known would spoil the count.
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), dbAnswer)
		_, err := w.source.ExecContext(one, "INSERT INTO "+RowsTable+" VALUES (?, ?, ?, ?)",
			writer, n, fmt.Sprintf("fila %d del escritor %d", n, writer), time.Now().UTC().Format("2006-01-02 15:04:05.000000"))
		cancel()
		if err != nil {
			return fmt.Errorf("write row %d of writer %d at %s: %w", n, writer, w.source.Name, err)
		}
		w.acked[writer].Store(int64(n))
	}
}

// Written is what one writer's rows look like at a server.
type Written struct {
	Rows    int // that are there
	Highest int // number of the last one
}

// Rows reads what is there of every writer's rows, in one look. Where the table
// is not there is nothing: a replica may leave it out.
func (db *DB) Rows(ctx context.Context) (map[int]Written, error) {
	rows, err := db.QueryContext(ctx, "SELECT writer, COUNT(*), MAX(n) FROM "+RowsTable+" GROUP BY writer")
	if is(err, erNoSuchTable) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("count the rows at %s: %w", db.Name, err)
	}
	defer rows.Close()
	seen := make(map[int]Written)
	for rows.Next() {
		var writer int
		var w Written
		if err := rows.Scan(&writer, &w.Rows, &w.Highest); err != nil {
			return nil, fmt.Errorf("count the rows at %s: %w", db.Name, err)
		}
		seen[writer] = w
	}
	return seen, rows.Err()
}
