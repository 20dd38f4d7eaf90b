package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"inventariolab/app"
)

// session is one connection to one server for the time of one read.
type session struct {
	conn   *sql.Conn
	server *server
	floor  int64 // the server shows at least this revision
}

// saw records the revision that a statement of this session has shown.
func (s *session) saw(revision int64) { s.server.shows(revision) }

// errBehind: the replica has not caught up in time.
var errBehind = errors.New("replica has not caught up")

// answer is the outcome of one attempt of a read.
type answer[T any] struct {
	step  step
	value T
	err   error
}

// final says that no other server would answer better.
func (a answer[T]) final() bool {
	return a.err == nil || app.CodeOf(a.err) != app.ECodeInternal || !errors.Is(a.err, errBehind) && !elsewhere(a.err)
}

// read runs fn on a server that shows want.min, and again on another one when
// the server fails or is slow; fn must be free of effects, and may run twice at
// the same time. Errors of the statement itself come back as they are.
func read[T any](ctx context.Context, c *Cluster, want freshness, fn func(context.Context, *session) (T, error)) (T, error) {
	start := time.Now()
	defer func() { c.metrics.readSeconds.Observe(time.Since(start).Seconds()) }()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	for first := true; ; first = false {
		v := c.view.Load()
		a := readOnce(ctx, c, c.plan(v, want), want.min, fn)
		if a.err == nil {
			c.metrics.read(a.step)
			return a.value, nil
		}
		if a.final() {
			return a.value, a.err
		}
		// Nobody could. If somebody comes back right now, ask once more.
		if !first || !c.awaitOther(ctx, v) {
			return a.value, unavailable("no database server can answer", a.err)
		}
	}
}

// readOnce tries the servers in turn: the next one when an attempt fails, or,
// once, when the first takes long: a frozen server cannot be told from a busy
// one, so it may go on, and whoever answers first is right.
func readOnce[T any](ctx context.Context, c *Cluster, steps []step, min app.Position, fn func(context.Context, *session) (T, error)) answer[T] {
	answers := make(chan answer[T], len(steps))
	running, next := 0, 0
	begin := func() {
		st, last := steps[next], next == len(steps)-1
		next++
		running++
		go func() {
			value, err := attempt(ctx, st, min, last, fn)
			answers <- answer[T]{st, value, err}
		}()
	}
	a := answer[T]{err: context.DeadlineExceeded}
	if len(steps) == 0 {
		return a
	}
	begin()
	hedge := time.NewTimer(hedgeAfter)
	defer hedge.Stop()
	for running > 0 {
		select {
		case a = <-answers:
			running--
			if a.final() {
				return a
			}
			c.metrics.retry(a.step, a.err)
			if broken(a.err) {
				c.lost(a.step.server, a.err)
			}
			if running == 0 && next < len(steps) {
				begin()
			}
		case <-hedge.C:
			if next == 1 && next < len(steps) {
				c.metrics.retry(steps[0], context.DeadlineExceeded)
				begin()
			}
		case <-ctx.Done():
			return answer[T]{err: ctx.Err()}
		}
	}
	return a
}

// attempt runs fn on one server. It is not ended when the reader goes away:
// that would cost the connection, and it ends soon by itself.
func attempt[T any](ctx context.Context, st step, min app.Position, last bool, fn func(context.Context, *session) (T, error)) (none T, err error) {
	timeout := attemptTimeout
	if last {
		timeout = readTimeout
	}
	ctx, cancel := st.server.bind(context.WithoutCancel(ctx), timeout)
	defer cancel()
	s := &session{server: st.server, floor: st.server.known.Load()}
	if s.conn, err = st.server.db.Conn(ctx); err != nil {
		return none, err
	}
	defer s.conn.Close()
	if st.wait && s.floor < min.Revision {
		if s.floor, err = catchUp(ctx, s.conn, min); err != nil {
			return none, err
		}
		s.saw(s.floor)
	}
	return fn(ctx, s)
}

// awaitOther waits shortly for a view other than v in which somebody can be
// read from.
func (c *Cluster) awaitOther(ctx context.Context, v *view) bool {
	ctx, cancel := context.WithTimeout(ctx, comeback)
	defer cancel()
	return c.await(ctx, func(now *view) bool { return now != v && (now.source != nil || len(now.replicas) > 0) })
}

// catchUp waits shortly until the replica behind conn has applied all of min,
// and gives the revision that it shows then.
func catchUp(ctx context.Context, conn *sql.Conn, min app.Position) (revision int64, err error) {
	reached := false
	if min.GTID != "" {
		var late bool
		err := conn.QueryRowContext(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", min.GTID, gtidWait.Seconds()).Scan(&late)
		switch {
		case err == nil && late:
			return 0, errBehind
		case err == nil:
			reached = true
		case number(err) != erMalformedGTID:
			return 0, err
		}
	}
	if err := conn.QueryRowContext(ctx, readRevision).Scan(&revision); err != nil {
		return 0, err
	}
	if !reached && revision < min.Revision {
		return 0, errBehind
	}
	return revision, nil
}
