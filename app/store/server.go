package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// server is one database server: its connections, and what is known of it.
type server struct {
	Endpoint
	db    *sql.DB // for the inventory
	probe *sql.DB // one connection for the health checks, so that they never queue behind the load
	wake  chan struct{}

	// known is a revision that the server certainly shows. It only grows while
	// the server stays up.
	known atomic.Int64

	semi atomic.Pointer[semiSync] // nil when it is not known, or the server is not writable

	mu  sync.Mutex
	up  context.Context // done as soon as the server is down; ends what waits for it
	cut context.CancelCauseFunc
}

func newServer(cfg Config, e Endpoint) (*server, error) {
	db, err := cfg.open(e, maxConns, netTimeout)
	if err != nil {
		return nil, err
	}
	probe, err := cfg.open(e, 1, netTimeout)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &server{Endpoint: e, db: db, probe: probe, wake: make(chan struct{}, 1)}
	s.up, s.cut = context.WithCancelCause(context.Background())
	return s, nil
}

func (s *server) close() error {
	s.takeDown(errors.New("store closed"))
	return errors.Join(s.db.Close(), s.probe.Close())
}

// checkNow asks for a health check without waiting for the next turn.
func (s *server) checkNow() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// shows records that the server was seen at revision.
func (s *server) shows(revision int64) {
	for {
		old := s.known.Load()
		if revision <= old || s.known.CompareAndSwap(old, revision) {
			return
		}
	}
}

// takeDown ends everything that waits for the server and drops its idle
// connections, which a restarted server would not know any more.
func (s *server) takeDown(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up.Err() != nil {
		return
	}
	s.cut(fmt.Errorf("server %s is down: %w", s.Name, why))
	s.known.Store(0)
	s.db.SetMaxIdleConns(0) // closes them
	s.db.SetMaxIdleConns(maxConns)
}

func (s *server) bringUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up.Err() != nil {
		s.up, s.cut = context.WithCancelCause(context.Background())
	}
}

// bind gives a context that also ends when the server goes down.
func (s *server) bind(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	s.mu.Lock()
	up := s.up
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	stop := context.AfterFunc(up, cancel)
	return ctx, func() { stop(); cancel() }
}

const readRevision = `SELECT value FROM revision WHERE id = 1`

// The lacks of a server that a health check has to do without.
type lacks struct {
	state bool // the account may not read the replication state
	term  bool // there is no table of promotions: it is not the reference stack
	data  bool // there are no tables of the inventory yet
}

// observeQuery is the statement of a health check: one round trip. The
// performance_schema tables have a row for the default channel only when the
// server is configured to replicate.
func observeQuery(without lacks) string {
	revision := "COALESCE((" + readRevision + "), -1)"
	if without.data {
		revision = "-1"
	}
	term := "COALESCE((SELECT MAX(term) FROM promotions), 0), COALESCE((SELECT server_uuid FROM promotions ORDER BY term DESC LIMIT 1), '')"
	if without.term {
		term = "0, ''"
	}
	query := "SELECT @@global.server_uuid, NOT (@@global.read_only OR @@global.super_read_only), " + revision + ", " + term
	if without.state {
		return query + ", FALSE, '', '', ''"
	}
	return query + `, cs.channel_name IS NOT NULL, COALESCE(cs.source_uuid, ''),
		COALESCE(cs.service_state, ''), COALESCE(ap.service_state, '')
		FROM (SELECT 1) AS one
		LEFT JOIN performance_schema.replication_connection_status AS cs ON cs.channel_name = ''
		LEFT JOIN performance_schema.replication_applier_status AS ap ON ap.channel_name = ''`
}

// observe is one health check.
func (s *server) observe(ctx context.Context) observation {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var o observation
	var err error
	for without := (lacks{}); ; {
		err = s.probe.QueryRowContext(ctx, observeQuery(without)).
			Scan(&o.uuid, &o.writable, &o.revision, &o.term, &o.holder, &o.channel, &o.sourceUUID, &o.receiver, &o.applier)
		o.opaque = without.state
		switch n := number(err); {
		case n == erTableDenied && !without.state:
			without.state = true
			continue
		case n == erNoSuchTable && !without.term && strings.Contains(err.Error(), "promotions"):
			without.term = true
			continue
		case n == erNoSuchTable && !without.data:
			without.data = true
			continue
		}
		break
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		o.err = fmt.Errorf("no answer within %s", checkTimeout)
	default:
		o.err = err
	}
	return o
}

// watch checks the server's health until ctx ends, and reports what it saw. A
// server that is only slow (a busy machine, or frozen) is never reported as
// down; one whose connection broke is when a new connection fails too.
func (s *server) watch(ctx context.Context, log *slog.Logger, report func(observation)) {
	tick := time.NewTicker(checkPeriod)
	defer tick.Stop()
	failed := false
	for n := 0; ; n++ {
		o := s.observe(ctx)
		if ctx.Err() != nil {
			return
		}
		late := o.err != nil && number(o.err) == 0 && !broken(o.err)
		o.down = o.err != nil && !late && failed
		report(o)
		if n%semiSyncEvery == 0 || !o.writable {
			s.observeSemiSync(ctx, o.err == nil && o.writable, log)
		}
		again := o.err != nil && !failed
		failed = o.err != nil
		if again {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
	}
}
