package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
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

// freshness is what a read asks of the server.
type freshness struct {
	min    app.Position
	newest bool // prefer the server with the newest data to the next in turn
}

// step is one server to try.
type step struct {
	server *server
	wait   bool // it must first catch up with the position asked for
	stale  bool // it may show less than was asked for
}

// errBehind: the replica has not caught up in time.
var errBehind = errors.New("replica has not caught up")

// read runs fn on a server that shows want.min, and again on another one if
// the server fails meanwhile; fn must be free of effects. Errors of the
// statement itself come back as they are.
func (c *Cluster) read(ctx context.Context, want freshness, fn func(context.Context, *session) error) error {
	start := time.Now()
	defer func() { c.metrics.readSeconds.Observe(time.Since(start).Seconds()) }()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()

	steps := c.plan(want)
	var last error
	for n, st := range steps {
		timeout := attemptTimeout
		if n == len(steps)-1 {
			timeout = readTimeout
		}
		err := c.attempt(ctx, st, want.min, timeout, fn)
		if err == nil {
			c.metrics.read(st)
			return nil
		}
		if app.CodeOf(err) != app.ECodeInternal || !errors.Is(err, errBehind) && !elsewhere(err) {
			return err
		}
		last = err
		c.metrics.retry(st, err)
		if broken(err) {
			c.lost(st.server, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return unavailable("no database server can answer", last)
}

// plan lists the servers to try, best first.
func (c *Cluster) plan(want freshness) []step {
	v := c.view.Load()
	replicas := slices.Clone(v.replicas)
	if n := len(replicas); n > 1 {
		first := int(c.turn.Add(1) % uint64(n))
		replicas = append(replicas[first:], replicas[:first]...)
	}
	if want.newest {
		newestFirst(replicas)
	}
	steps := make([]step, 0, len(c.servers)+1)
	var behind []*server
	for _, s := range replicas {
		if s.known.Load() >= want.min.Revision {
			steps = append(steps, step{server: s})
		} else {
			behind = append(behind, s)
		}
	}
	if len(behind) > 0 && len(steps) == 0 {
		steps = append(steps, step{server: behind[0], wait: true})
	}
	if v.source != nil {
		steps = append(steps, step{server: v.source})
	}
	// The last resort is a server that may show too little: better than nothing
	// while the source is away.
	rest := append(behind, v.rest...)
	newestFirst(rest)
	for _, s := range rest {
		steps = append(steps, step{server: s, stale: true})
	}
	return steps[:min(len(steps), maxAttempts)]
}

func newestFirst(servers []*server) {
	slices.SortStableFunc(servers, func(a, b *server) int { return cmp.Compare(b.known.Load(), a.known.Load()) })
}

func (c *Cluster) attempt(ctx context.Context, st step, min app.Position, timeout time.Duration, fn func(context.Context, *session) error) error {
	ctx, cancel := st.server.bind(ctx, timeout)
	defer cancel()
	floor := st.server.known.Load()
	conn, err := st.server.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if st.wait && floor < min.Revision {
		if err := catchUp(ctx, conn, min); err != nil {
			return err
		}
		st.server.shows(min.Revision)
		floor = min.Revision
	}
	return fn(ctx, &session{conn: conn, server: st.server, floor: floor})
}

// catchUp waits shortly until the replica behind conn has applied all of min.
func catchUp(ctx context.Context, conn *sql.Conn, min app.Position) error {
	if min.GTID != "" {
		var late bool
		err := conn.QueryRowContext(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", min.GTID, gtidWait.Seconds()).Scan(&late)
		switch {
		case err == nil && late:
			return errBehind
		case err == nil:
			return nil
		case number(err) != erMalformedGTID:
			return err
		}
	}
	var revision int64
	if err := conn.QueryRowContext(ctx, readRevision).Scan(&revision); err != nil {
		return err
	}
	if revision < min.Revision {
		return errBehind
	}
	return nil
}
