package promote

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"inventariolab/lab"
)

// peer is one database server: how to reach it and what to tell it.
type peer struct {
	name  string
	stack lab.Stack
	port  int // inside the container
	db    *sql.DB

	mu   sync.Mutex
	addr string // where it was last
}

// connect dials the server's published port. That changes with every start of
// the container, so the engine is asked again when nobody listens there.
func (p *peer) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	addr := p.addr
	p.mu.Unlock()
	if addr != "" {
		if conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
			return conn, nil
		}
	}
	addr, err := p.stack.Addr(ctx, p.name, p.port)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.addr = addr
	p.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

// run executes statements one after the other, each within stepTimeout.
func (p *peer) run(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if err := p.exec(ctx, stepTimeout, s); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) exec(ctx context.Context, timeout time.Duration, statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if _, err := p.db.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// lookQuery is one look at a server, in one round trip.
const lookQuery = `SELECT @@GLOBAL.server_uuid, NOT (@@GLOBAL.read_only OR @@GLOBAL.super_read_only), @@GLOBAL.gtid_executed,
	%s,
	cc.channel_name IS NOT NULL, COALESCE(cc.host, ''), COALESCE(cs.source_uuid, ''),
	COALESCE(cs.service_state, ''), COALESCE(ap.service_state, ''), COALESCE(cs.received_transaction_set, ''),
	COALESCE((SELECT MAX(last_error_message) FROM performance_schema.replication_applier_status_by_worker), ''),
	COALESCE((SELECT MAX(last_error_message) FROM performance_schema.replication_applier_status_by_coordinator), ''),
	COALESCE(cs.last_error_message, '')
	FROM (SELECT 1) AS one
	LEFT JOIN performance_schema.replication_connection_configuration AS cc ON cc.channel_name = ''
	LEFT JOIN performance_schema.replication_connection_status AS cs ON cs.channel_name = ''
	LEFT JOIN performance_schema.replication_applier_status AS ap ON ap.channel_name = ''`

const (
	termColumns   = `COALESCE((SELECT MAX(term) FROM promotions), 0), COALESCE((SELECT server_uuid FROM promotions ORDER BY term DESC LIMIT 1), '')`
	noTermColumns = `0, ''`
)

// MySQL's error numbers that a look means something by.
const (
	erNoSuchTable  = 1146
	erNoSuchThread = 1094
)

func (p *peer) look(ctx context.Context) Server {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	s, err := p.ask(ctx, termColumns)
	if n := number(err); n == erNoSuchTable {
		s, err = p.ask(ctx, noTermColumns)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		s = Server{Err: fmt.Errorf("no answer within %s", lookTimeout)}
	default:
		s = Server{Err: err}
	}
	s.Name = p.name
	return s
}

func (p *peer) ask(ctx context.Context, term string) (s Server, err error) {
	var executed, received, worker, coordinator, receiver string
	err = p.db.QueryRowContext(ctx, fmt.Sprintf(lookQuery, term)).Scan(&s.UUID, &s.Writable, &executed, &s.Term, &s.Holder,
		&s.Channel, &s.Follows, &s.FollowsID, &s.Receiver, &s.Applier, &received, &worker, &coordinator, &receiver)
	if err != nil {
		return s, err
	}
	for _, e := range []string{receiver, coordinator, worker} {
		if e != "" {
			s.Trouble = e
		}
	}
	if s.Executed, err = ParseGTIDs(executed); err != nil {
		return s, err
	}
	relayed, err := ParseGTIDs(received)
	s.Received = s.Executed.Union(relayed)
	return s, err
}

// waitFor waits until the server shows a set of transactions. False when it does
// not within the limit.
func (p *peer) waitFor(ctx context.Context, set GTIDs, limit time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+stepTimeout)
	defer cancel()
	var late sql.NullBool
	err := p.db.QueryRowContext(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", set.String(), limit.Seconds()).Scan(&late)
	if err != nil {
		return false, fmt.Errorf("%s: %w", p.name, err)
	}
	return late.Valid && !late.Bool, nil
}

// confirming is how many replicas confirm to this source what they receive.
func (p *peer) confirming(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err = p.db.QueryRowContext(ctx, `SELECT VARIABLE_VALUE FROM performance_schema.global_status
		WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_clients'`).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%s: semi-synchronous replication is not installed", p.name)
	}
	return n, err
}

// number is MySQL's error number of err, 0 if the server did not say it.
func number(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// cloned is what became of the last copy that replaced this server's data.
func (p *peer) cloned(ctx context.Context) (state string, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err = p.db.QueryRowContext(ctx, "SELECT COALESCE(MAX(STATE), '') FROM performance_schema.clone_status").Scan(&state)
	return state, err
}
