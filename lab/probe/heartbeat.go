package probe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Heartbeat tables and pace.
const (
	HeartbeatTable = "lab_heartbeat"
	HeartbeatEvery = 10 * time.Millisecond // a row this often
	heartbeatPoll  = 2 * time.Millisecond  // between two looks at a replica: the resolution
)

// Beat is one heartbeat row, seen at one replica for the first time.
type Beat struct {
	Replica string
	Written time.Time     // when the row was sent to the source
	Seen    time.Time     // when the first look that showed it had returned
	Lag     time.Duration // between the two
}

// Heartbeat measures lag on rows: a writer puts a row with its time into
// lab_heartbeat at the source every HeartbeatEvery, and one reader for each
// replica looks for rows that are new to it.
//
// Both times are taken here, in one process, so no clocks are compared. The
// lag is an upper bound: it includes the source's own commit, and up to one
// look (heartbeatPoll and the query's own time).
type Heartbeat struct {
	source   *DB
	replicas []*DB
	onBeat   func(Beat)

	cancel  context.CancelFunc
	wg      sync.WaitGroup
	mu      sync.Mutex
	err     error
	written int
}

// StartHeartbeat makes the table anew and starts to write and to read. onBeat
// is told every row at every replica, from one goroutine for each replica.
func StartHeartbeat(ctx context.Context, source *DB, replicas []*DB, onBeat func(Beat)) (*Heartbeat, error) {
	if err := DropTable(ctx, source, HeartbeatTable); err != nil {
		return nil, err
	}
	if _, err := source.ExecContext(ctx, "CREATE TABLE "+HeartbeatTable+" (n BIGINT NOT NULL PRIMARY KEY, at_us BIGINT NOT NULL COMMENT 'UTC, microseconds since 1970')"); err != nil {
		return nil, fmt.Errorf("make %s at %s: %w", HeartbeatTable, source.Name, err)
	}
	set, err := source.GTIDs(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range replicas {
		ok, err := r.WaitGTIDs(ctx, set, dbAnswer)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("start the heartbeat: %s has not got the table %s within %v", r.Name, HeartbeatTable, dbAnswer)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	h := &Heartbeat{source: source, replicas: replicas, onBeat: onBeat, cancel: cancel}
	h.wg.Go(func() { h.keep(h.write(ctx)) })
	for _, r := range replicas {
		h.wg.Go(func() { h.keep(h.read(ctx, r)) })
	}
	return h, nil
}

// Stop ends writing and reading, and says how many rows were written and what
// went wrong. It leaves the table: see DropTable.
func (h *Heartbeat) Stop() (written int, err error) {
	h.cancel()
	h.wg.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.written, h.err
}

func (h *Heartbeat) keep(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = errors.Join(h.err, err)
}

func (h *Heartbeat) write(ctx context.Context) error {
	tick := time.NewTicker(HeartbeatEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if _, err := h.source.ExecContext(ctx, "INSERT INTO "+HeartbeatTable+" VALUES (?, ?)", n, time.Now().UnixMicro()); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("write heartbeat at %s: %w", h.source.Name, err)
		}
		h.mu.Lock()
		h.written = n
		h.mu.Unlock()
	}
}

func (h *Heartbeat) read(ctx context.Context, r *DB) error {
	tick := time.NewTicker(heartbeatPoll)
	defer tick.Stop()
	last := 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		rows, err := r.QueryContext(ctx, "SELECT n, at_us FROM "+HeartbeatTable+" WHERE n > ? ORDER BY n", last)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("read heartbeat at %s: %w", r.Name, err)
		}
		seen := time.Now()
		for rows.Next() {
			var us int64
			if err := rows.Scan(&last, &us); err != nil {
				rows.Close()
				return fmt.Errorf("read heartbeat at %s: %w", r.Name, err)
			}
			at := time.UnixMicro(us)
			h.onBeat(Beat{Replica: r.Name, Written: at, Seen: seen, Lag: seen.Sub(at)})
		}
		err = rows.Err()
		rows.Close()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("read heartbeat at %s: %w", r.Name, err)
		}
	}
}

// DropTable drops one of the lab's own tables at the source; replication
// drops it everywhere. A table that is not there is no error.
func DropTable(ctx context.Context, source *DB, name string) error {
	if _, err := source.ExecContext(ctx, "DROP TABLE IF EXISTS "+quote(name)); err != nil {
		return fmt.Errorf("drop %s at %s: %w", name, source.Name, err)
	}
	return nil
}
