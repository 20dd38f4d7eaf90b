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
	// Between two looks at a replica: the resolution. Looking more often would
	// cost the servers enough to lengthen what is measured.
	heartbeatPoll = 5 * time.Millisecond
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

	stopWriting, stopReading context.CancelFunc
	writing, reading         sync.WaitGroup

	mu      sync.Mutex
	err     error
	written int            // number of the last row
	seen    map[string]int // number of the last row, by replica
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
	h := &Heartbeat{source: source, replicas: replicas, onBeat: onBeat, seen: make(map[string]int)}
	var writing, reading context.Context
	writing, h.stopWriting = context.WithCancel(ctx)
	reading, h.stopReading = context.WithCancel(ctx)
	h.writing.Go(func() { h.keep(h.write(writing)) })
	for _, r := range replicas {
		h.reading.Go(func() { h.keep(h.read(reading, r)) })
	}
	return h, nil
}

// Written is how many rows the source has acknowledged so far.
func (h *Heartbeat) Written() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.written
}

// Stop ends the writing, goes on reading until every replica has shown every
// row, but not longer than the limit, and ends the reading. Rows that a replica
// has not shown by then are unseen: its lag is not known, only that it is long.
// It leaves the table: see DropTable.
func (h *Heartbeat) Stop(limit time.Duration) (unseen map[string]int, err error) {
	h.stopWriting()
	h.writing.Wait()
	end := time.NewTimer(limit)
	defer end.Stop()
	tick := time.NewTicker(heartbeatPoll)
	defer tick.Stop()
	for unseen = h.unseen(); len(unseen) > 0 && err == nil; unseen = h.unseen() {
		select {
		case <-tick.C:
			err = h.failure()
			continue
		case <-end.C:
		}
		break
	}
	h.stopReading()
	h.reading.Wait()
	return unseen, h.failure()
}

func (h *Heartbeat) unseen() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	unseen := make(map[string]int)
	for _, r := range h.replicas {
		if n := h.written - h.seen[r.Name]; n > 0 {
			unseen[r.Name] = n
		}
	}
	return unseen
}

func (h *Heartbeat) failure() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
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
		// Not cut off by Stop: the row might be there and not be counted.
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), dbAnswer)
		_, err := h.source.ExecContext(one, "INSERT INTO "+HeartbeatTable+" VALUES (?, ?)", n, time.Now().UnixMicro())
		cancel()
		if err != nil {
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
		h.mu.Lock()
		h.seen[r.Name] = last
		h.mu.Unlock()
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
