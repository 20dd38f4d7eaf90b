package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Heartbeat tables and pace.
const (
	HeartbeatTable = "lab_heartbeat"
	HeartbeatEvery = 10 * time.Millisecond // a row this often
	// For how long one question to a replica waits for a row. It ends at once
	// when the row is there; only a replica that stands still is asked twice.
	heartbeatWait = time.Second
)

// Beat is one heartbeat row, seen at one replica.
type Beat struct {
	Replica string
	Written time.Time     // when the row was sent to the source
	Seen    time.Time     // when the answer that showed it had arrived
	Lag     time.Duration // between the two
}

// BeatHooks are told what a Heartbeat sees; each may be nil. Those of one
// replica are called from one goroutine, those of different replicas at the
// same time.
type BeatHooks struct {
	Commit func(sent time.Time, took time.Duration) // the source has acknowledged a row
	Beat   func(Beat)                               // a replica has shown it
}

// Heartbeat measures lag on rows: a writer puts a row with its time into
// lab_heartbeat at the source every HeartbeatEvery, and one reader for each
// replica waits for it there.
//
// A reader does not look again and again. The source names the transactions it
// has executed in the answer to each write, and the replica is asked to answer
// when it has applied them, with the row: it wakes the reader. So the reading
// costs one question for each row, and the lag has no resolution but the
// microsecond of the clock.
//
// Both times are taken here, in one process, so no clocks are compared. The lag
// is an upper bound: it includes the source's own commit, transactions that
// other connections committed in the same moment, and the way of the answer.
type Heartbeat struct {
	source   *DB
	replicas []*DB
	hooks    BeatHooks

	stopWriting, stopReading context.CancelFunc
	writing, reading         sync.WaitGroup

	mu    sync.Mutex
	err   error
	beats []beat                   // that the source has acknowledged
	news  map[string]chan struct{} // to each reader: there are more of them
	asked map[string]int           // rows that the replica was waited for, by replica
	seen  map[string]int           // … and that it has shown
}

// beat is a row at the source.
type beat struct {
	sent time.Time
	set  string // a GTID set with the row's transaction in it
}

// MakeHeartbeat makes the table anew at the source.
func MakeHeartbeat(ctx context.Context, source *DB) error {
	if err := DropTable(ctx, source, HeartbeatTable); err != nil {
		return err
	}
	if _, err := source.ExecContext(ctx, "CREATE TABLE "+HeartbeatTable+" (n BIGINT NOT NULL PRIMARY KEY, at_us BIGINT NOT NULL COMMENT 'UTC, microseconds since 1970')"); err != nil {
		return fmt.Errorf("make %s at %s: %w", HeartbeatTable, source.Name, err)
	}
	return nil
}

// StartHeartbeat starts to write and to read. Every replica must have the table
// already.
func StartHeartbeat(ctx context.Context, source *DB, replicas []*DB, hooks BeatHooks) *Heartbeat {
	h := &Heartbeat{
		source: source, replicas: replicas, hooks: hooks,
		news: make(map[string]chan struct{}), asked: make(map[string]int), seen: make(map[string]int),
	}
	for _, r := range replicas {
		h.news[r.Name] = make(chan struct{}, 1)
	}
	var writing, reading context.Context
	writing, h.stopWriting = context.WithCancel(ctx)
	reading, h.stopReading = context.WithCancel(ctx)
	h.writing.Go(func() { h.keep(h.write(writing)) })
	for _, r := range replicas {
		h.reading.Go(func() { h.keep(h.read(reading, r)) })
	}
	return h
}

// Written is how many rows the source has acknowledged so far.
func (h *Heartbeat) Written() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.beats)
}

// Stop ends the writing, goes on reading until every replica was asked for
// every row, but not longer than the limit, and ends the reading. Rows that a
// replica has not shown by then are unseen: its lag is not known, only that it
// is long. It leaves the table: see DropTable.
func (h *Heartbeat) Stop(limit time.Duration) (unseen map[string]int, err error) {
	h.stopWriting()
	h.writing.Wait()
	end := time.NewTimer(limit)
	defer end.Stop()
	tick := time.NewTicker(HeartbeatEvery / 2)
	defer tick.Stop()
	for waiting := true; waiting && h.failure() == nil && !h.allAsked(); {
		select {
		case <-tick.C:
		case <-end.C:
			waiting = false
		}
	}
	h.stopReading()
	h.reading.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	unseen = make(map[string]int)
	for _, r := range h.replicas {
		if n := len(h.beats) - h.seen[r.Name]; n > 0 {
			unseen[r.Name] = n
		}
	}
	return unseen, h.err
}

func (h *Heartbeat) allAsked() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.replicas {
		if h.asked[r.Name] < len(h.beats) {
			return false
		}
	}
	return true
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
	db, err := h.source.several()
	if err != nil {
		return fmt.Errorf("write heartbeat at %s: %w", h.source.Name, err)
	}
	defer db.Close()
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
		b := beat{sent: time.Now()}
		// Two statements in one message, so that the readers need not wait for
		// another round trip. QueryRow skips the first, which has no rows.
		err := db.QueryRowContext(one, "INSERT INTO "+HeartbeatTable+" VALUES (?, ?); SELECT @@GLOBAL.gtid_executed", n, b.sent.UnixMicro()).Scan(&b.set)
		took := time.Since(b.sent)
		cancel()
		if err != nil {
			return fmt.Errorf("write heartbeat at %s: %w", h.source.Name, err)
		}
		b.set = strings.ReplaceAll(b.set, "\n", "")
		h.mu.Lock()
		h.beats = append(h.beats, b)
		h.mu.Unlock()
		for _, r := range h.replicas {
			select {
			case h.news[r.Name] <- struct{}{}:
			default: // it knows already
			}
		}
		if h.hooks.Commit != nil {
			h.hooks.Commit(b.sent, took)
		}
	}
}

// next waits until there is a beat with this index.
func (h *Heartbeat) next(ctx context.Context, r *DB, i int) (beat, error) {
	for {
		h.mu.Lock()
		if i < len(h.beats) {
			b := h.beats[i]
			h.mu.Unlock()
			return b, nil
		}
		h.mu.Unlock()
		select {
		case <-ctx.Done():
			return beat{}, ctx.Err()
		case <-h.news[r.Name]:
		}
	}
}

func (h *Heartbeat) read(ctx context.Context, r *DB) error {
	for i := 0; ; i++ {
		b, err := h.next(ctx, r, i)
		if err != nil {
			return err
		}
		var shown bool
		for applied := false; !applied; {
			if applied, shown, err = r.awaitBeat(ctx, b.set, i+1); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return fmt.Errorf("read heartbeat at %s: %w", r.Name, err)
			}
		}
		seen := time.Now()
		if shown && h.hooks.Beat != nil {
			h.hooks.Beat(Beat{Replica: r.Name, Written: b.sent, Seen: seen, Lag: seen.Sub(b.sent)})
		}
		h.mu.Lock()
		h.asked[r.Name]++
		if shown {
			h.seen[r.Name]++
		}
		h.mu.Unlock()
	}
}

// awaitBeat waits at a replica until it has applied a GTID set, and looks for
// row n then: both in one question. The look is a range with a limit, and no
// look by key, because MySQL evaluates the latter first. A replica without the
// table will never show it.
func (db *DB) awaitBeat(ctx context.Context, set string, n int) (applied, shown bool, err error) {
	var found int64
	err = db.QueryRowContext(ctx, "SELECT IF(WAIT_FOR_EXECUTED_GTID_SET(?, ?) = 0, COALESCE((SELECT n FROM "+HeartbeatTable+
		" WHERE n >= ? ORDER BY n LIMIT 1), 0), -1)", set, heartbeatWait.Seconds(), n).Scan(&found)
	if is(err, erNoSuchTable) {
		return true, false, nil
	}
	return found >= 0, found == int64(n), err
}

// DropTable drops one of the lab's own tables at the source; replication
// drops it everywhere. A table that is not there is no error.
func DropTable(ctx context.Context, source *DB, name string) error {
	if _, err := source.ExecContext(ctx, "DROP TABLE IF EXISTS "+quote(name)); err != nil {
		return fmt.Errorf("drop %s at %s: %w", name, source.Name, err)
	}
	return nil
}
