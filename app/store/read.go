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
	conn    *sql.Conn
	server  *server
	floor   int64 // the server shows at least this revision
	foreign bool  // it is the source, and shows less than was asked for
}

// saw records the revision that a statement of this session has shown.
func (s *session) saw(revision int64) {
	s.floor = max(s.floor, revision)
	s.server.shows(revision)
}

// errBehind: the replica has not caught up in time.
var errBehind = errors.New("replica has not caught up")

// answer is the outcome of one attempt of a read.
type answer[T any] struct {
	step    step
	value   T
	floor   int64 // as in session
	foreign bool
	err     error
}

// final says that no other server would answer better.
func (a answer[T]) final() bool {
	return a.err == nil || app.CodeOf(a.err) != app.ECodeInternal || !errors.Is(a.err, errBehind) && !elsewhere(a.err)
}

// shown tells the reader how far he has seen.
func (a answer[T]) shown(min app.Position) app.Shown {
	return app.Shown{Revision: a.floor, Behind: a.step.stale && a.floor < min.Revision, Foreign: a.foreign}
}

// read runs fn on a server that shows want.min, and again on another one when
// the server fails or is slow; fn must be free of effects, and may run twice at
// the same time. Errors of the statement itself come back as they are, with how
// far was seen.
func read[T any](ctx context.Context, c *Cluster, want freshness, fn func(context.Context, *session) (T, error)) (T, app.Shown, error) {
	start := time.Now()
	defer func() { c.metrics.readSeconds.Observe(time.Since(start).Seconds()) }()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	// While nobody is known to show it, the search for somebody is short.
	search, stop := context.WithTimeout(ctx, freshPatience)
	defer stop()
	for first := true; ; {
		v := c.view.Load()
		steps, fresh := c.plan(v, want)
		bound := ctx
		if !fresh {
			bound = search
		}
		a, behind := readOnce(bound, c, steps, want.min, fn)
		switch {
		case a.final():
		case !fresh && (behind || search.Err() != nil) && ctx.Err() == nil:
			// Somebody answers, but has not got that far.
			if rest(search, freshPause) {
				continue
			}
			if v = c.view.Load(); v.sourceMayAnswer(time.Now()) {
				return a.value, app.Shown{}, unavailable("no database server shows in time what the reader has seen or saved", errors.Join(errBehind, a.err))
			}
			if a, _ = readOnce(ctx, c, planStale(v), app.Position{}, fn); !a.final() {
				return a.value, app.Shown{}, unavailable("no database server can answer", a.err)
			}
		default:
			// Nobody could. If somebody comes back right now, ask once more.
			if first && c.awaitOther(ctx, v) {
				first = false
				continue
			}
			return a.value, app.Shown{}, unavailable("no database server can answer", a.err)
		}
		if a.err == nil {
			c.metrics.read(a.step)
		}
		return a.value, a.shown(want.min), a.err
	}
}

// readOnce tries the servers in turn: the next one when an attempt fails, or when
// the only one under way takes long: a frozen server cannot be told from a busy
// one, so it may go on, and whoever answers first is right. behind says that a
// server answered that did not show what was asked for.
func readOnce[T any](ctx context.Context, c *Cluster, steps []step, min app.Position, fn func(context.Context, *session) (T, error)) (a answer[T], behind bool) {
	answers := make(chan answer[T], len(steps))
	running, next := 0, 0
	begin := func() {
		st, last := steps[next], next == len(steps)-1
		next++
		running++
		go func() { answers <- attempt(ctx, st, min, last, fn) }()
	}
	a = answer[T]{err: context.DeadlineExceeded}
	if len(steps) == 0 {
		return a, false
	}
	begin()
	hedge := time.NewTimer(hedgeAfter)
	defer hedge.Stop()
	for running > 0 {
		select {
		case a = <-answers:
			running--
			if a.final() {
				return a, behind
			}
			behind = behind || errors.Is(a.err, errBehind)
			c.metrics.retry(a.step, a.err)
			if broken(a.err) {
				c.lost(a.step.server, a.err)
			}
			if running == 0 && next < len(steps) {
				begin()
			}
			hedge.Reset(hedgeAfter)
		case <-hedge.C:
			if running == 1 && next < len(steps) {
				c.metrics.retry(steps[next-1], context.DeadlineExceeded)
				begin()
			}
		case <-ctx.Done():
			return answer[T]{err: ctx.Err()}, behind
		}
	}
	return a, behind
}

// attempt runs fn on one server. It is not ended when the reader goes away:
// that would cost the connection, and it ends soon by itself.
func attempt[T any](ctx context.Context, st step, min app.Position, last bool, fn func(context.Context, *session) (T, error)) (a answer[T]) {
	a.step = st
	timeout := attemptTimeout
	if last {
		timeout = readTimeout
	}
	ctx, cancel := st.server.bind(context.WithoutCancel(ctx), timeout)
	defer cancel()
	s := &session{server: st.server, floor: st.server.known.Load()}
	if s.conn, a.err = st.server.db.Conn(ctx); a.err != nil {
		return a
	}
	defer s.conn.Close()
	if st.check && s.floor < min.Revision {
		if a.err = s.reach(ctx, min, st.source); a.err != nil {
			return a
		}
	}
	a.value, a.err = fn(ctx, s)
	a.floor, a.foreign = s.floor, s.foreign
	return a
}

// awaitOther waits shortly for a view other than v in which somebody can be
// read from.
func (c *Cluster) awaitOther(ctx context.Context, v *view) bool {
	ctx, cancel := context.WithTimeout(ctx, comeback)
	defer cancel()
	return c.await(ctx, func(now *view) bool { return now != v && (now.source != nil || len(now.replicas) > 0) })
}

// reach waits shortly until the server has applied all of min, and fails with
// errBehind when it has not. The source is not waited for: what it lacks while it
// is writable is nowhere. One that is read-only now is not the source any more.
func (s *session) reach(ctx context.Context, min app.Position, source bool) error {
	if min.GTID != "" && !source {
		var late bool
		err := s.conn.QueryRowContext(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", min.GTID, gtidWait.Seconds()).Scan(&late)
		switch {
		case err == nil && late:
			return errBehind
		case err != nil && number(err) != erMalformedGTID:
			return err
		}
	}
	// The GTIDs are those of the reader's own writes; he may have been shown more.
	var revision int64
	var writable bool
	if err := s.conn.QueryRowContext(ctx, "SELECT value, NOT (@@global.read_only OR @@global.super_read_only) FROM revision WHERE id = 1").Scan(&revision, &writable); err != nil {
		return err
	}
	s.saw(revision)
	if revision < min.Revision {
		if !source || !writable {
			return errBehind
		}
		s.foreign = true
	}
	return nil
}
