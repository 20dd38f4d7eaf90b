package promote

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"inventariolab/lab"
)

// fenceBySQL makes a server that answers read-only, within fenceTimeout. That
// takes the global read lock, which waits for every running statement, while one
// of them may wait for a row that an open transaction has locked, whose next
// statement waits for the global lock: so open transactions are ended. A commit
// that waits for a replica cannot be ended; then this fails, and has changed
// nothing.
func (c *Cluster) fenceBySQL(ctx context.Context, p *peer) error {
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	defer conn.Close()
	var id int64
	if err := conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := conn.ExecContext(ctx, "SET GLOBAL super_read_only = ON")
		done <- err
	}()
	tick := time.NewTicker(fencePatience)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				// The statement would go on waiting without its client, and win later.
				why := p.busy(context.WithoutCancel(ctx))
				_ = p.exec(context.WithoutCancel(ctx), lookTimeout, fmt.Sprintf("KILL %d", id))
				return fmt.Errorf("%s: %w (it is busy with: %s)", p.name, err, why)
			}
			c.tell("fenced", p.name, "%s is read-only", p.name)
			return nil
		case <-tick.C:
			ended, err := p.endTransactions(ctx, c.opt.Database.Operator.User)
			if err != nil {
				c.tell("note", p.name, "open transactions of %s could not be ended: %v", p.name, err)
			} else if ended > 0 {
				c.tell("note", p.name, "%d open transactions of %s ended", ended, p.name)
			}
		}
	}
}

// busy is what the server's clients are doing, for an error message.
func (p *peer) busy(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var text sql.NullString
	err := p.db.QueryRowContext(ctx, `SELECT GROUP_CONCAT(CONCAT(user, ' ', command, ' ', time, ' s: ', COALESCE(state, ''), ': ', COALESCE(LEFT(info, 40), '')) SEPARATOR '; ')
		FROM performance_schema.processlist WHERE command NOT IN ('Sleep', 'Daemon', 'Binlog Dump GTID') AND id <> CONNECTION_ID()`).Scan(&text)
	if err != nil {
		return err.Error()
	}
	return text.String
}

// fencePatience is how long transactions have to end by themselves.
const fencePatience = 100 * time.Millisecond

// endTransactions kills the connections of clients that are in a transaction, and
// gives how many it has killed.
func (p *peer) endTransactions(ctx context.Context, operator string) (ended int, err error) {
	// Not from INNODB_TRX: that fails when a statement of somebody's has bytes that are no text.
	rows, err := p.db.QueryContext(ctx, `SELECT t.PROCESSLIST_ID FROM performance_schema.events_transactions_current AS x
		JOIN performance_schema.threads AS t USING (THREAD_ID)
		WHERE x.STATE = 'ACTIVE' AND t.TYPE = 'FOREGROUND' AND t.PROCESSLIST_ID <> CONNECTION_ID()
		AND t.PROCESSLIST_USER IS NOT NULL AND t.PROCESSLIST_USER NOT IN ('system user', ?)`, operator)
	if err != nil {
		return 0, err
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if rows.Scan(&id) == nil {
			ids = append(ids, id)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	for _, id := range ids {
		e := p.exec(ctx, lookTimeout, fmt.Sprintf("KILL %d", id))
		if number(e) == erNoSuchThread {
			continue // it has ended by itself
		}
		if err = e; e == nil {
			ended++
		}
	}
	return ended, err
}

// fence leaves no writable server: who answers becomes read-only, who may be
// writable and does not answer is killed, unless it does not run anyway. What
// comes back later comes back read-only.
func (c *Cluster) fence(ctx context.Context, servers []Server) error {
	var kill []string
	var mu sync.Mutex
	var writable []int
	for i, s := range servers {
		if s.Up() && s.Writable {
			writable = append(writable, i)
		}
	}
	_ = c.each(writable, func(p *peer) error {
		if err := c.fenceBySQL(ctx, p); err != nil {
			mu.Lock()
			kill = append(kill, p.name)
			mu.Unlock()
		}
		return nil
	})
	for _, name := range append(kill, suspects(servers)...) {
		if err := c.fenceByEngine(ctx, name); err != nil {
			return fmt.Errorf("fence %s: %w", name, err)
		}
	}
	return nil
}

// Fencer is a lab.Stack that can see to it that a service does not run. lab/stack's
// is one.
type Fencer interface {
	// Fence returns when the service is proven not to run; what runs is killed.
	Fence(ctx context.Context, service string) error
}

// fenceByEngine proves that a server does not run, and kills it if it does.
func (c *Cluster) fenceByEngine(ctx context.Context, name string) error {
	state, err := c.opt.Stack.State(ctx, name)
	if err != nil {
		return err
	}
	fencer, ok := c.opt.Stack.(Fencer)
	if !ok {
		return lab.Hint(errors.New("this stack cannot be told to end a service"), "End it by hand: `docker kill`.")
	}
	if err := fencer.Fence(ctx, name); err != nil {
		return err
	}
	c.tell("fenced", name, "%s did not answer and was %s: it does not run now", name, state.Status)
	return nil
}
