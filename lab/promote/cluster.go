package promote

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"inventariolab/lab"
)

// How long one question to a server may take. A look is short: a server that
// does not answer within it counts as not answering.
const (
	lookTimeout = 500 * time.Millisecond
	stepTimeout = 5 * time.Second
	maxConns    = 4 // to each server
)

// Event is one thing that happened, for the user's eyes and for a scenario's.
type Event struct {
	At     time.Time
	Kind   string // lost, back, gone, fenced, chosen, drained, detached, followed, opened, verified, rebuilt, promoted, note
	Server string // whom it is about; "" for none
	Text   string // a sentence
}

// Options say what is promoted in, and who hears of it.
type Options struct {
	Stack    lab.Stack    // where the servers run; it also fences what does not answer
	Database lab.Database // with Operator and Replication
	Event    func(Event)  // is told what happens, one at a time; nil for silence

	// BeforeStep is called before each step of a promotion, with its name; an error
	// ends the promotion there. It is how tests interrupt one. nil for none.
	BeforeStep func(step string) error
}

// Cluster is the database of a stack. Close it after use.
type Cluster struct {
	opt   Options
	peers []*peer

	mu sync.Mutex // one event at a time
}

// Open prepares the way to the servers; none needs to run.
func Open(opt Options) (*Cluster, error) {
	d := opt.Database
	if d.Operator == nil || d.Replication == nil {
		return nil, lab.Hint(errors.New("open the database: the topology names no account that may promote"),
			"Give it database.operator and database.replication, as scenarios/topology.yaml has them; docs/failover.md lists the rights.")
	}
	c := &Cluster{opt: opt}
	for _, name := range append([]string{d.Source}, d.Replicas...) {
		p := &peer{name: name, stack: opt.Stack, port: d.Port}
		m := mysql.NewConfig()
		m.User, m.Passwd = d.Operator.User, d.Operator.Password
		m.Net, m.Addr = "tcp", name
		m.DBName = d.Name
		m.InterpolateParams = true
		m.Timeout = lookTimeout
		m.TLS = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} // every container makes its own certificate
		m.DialFunc = p.connect
		m.Logger = &mysql.NopLogger{} // errors are returned, and told once
		connector, err := mysql.NewConnector(m)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the database: %w", err), c.Close())
		}
		p.db = sql.OpenDB(connector)
		p.db.SetMaxOpenConns(maxConns)
		p.db.SetMaxIdleConns(maxConns)
		c.peers = append(c.peers, p)
	}
	return c, nil
}

// Close ends all connections.
func (c *Cluster) Close() error {
	var errs []error
	for _, p := range c.peers {
		errs = append(errs, p.db.Close())
	}
	return errors.Join(errs...)
}

func (c *Cluster) tell(kind, server, format string, args ...any) {
	if c.opt.Event == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opt.Event(Event{At: time.Now().UTC(), Kind: kind, Server: server, Text: fmt.Sprintf(format, args...)})
}

// Look asks all servers at once what they are; in the order of the topology.
func (c *Cluster) Look(ctx context.Context) []Server {
	servers := make([]Server, len(c.peers))
	var all sync.WaitGroup
	for i, p := range c.peers {
		all.Go(func() { servers[i] = p.look(ctx) })
	}
	all.Wait()
	return servers
}

func (c *Cluster) named(name string) *peer {
	for _, p := range c.peers {
		if p.name == name {
			return p
		}
	}
	return nil
}

// each runs fn for several servers at once.
func (c *Cluster) each(indexes []int, fn func(*peer) error) error {
	errs := make([]error, len(indexes))
	var all sync.WaitGroup
	for n, i := range indexes {
		all.Go(func() { errs[n] = fn(c.peers[i]) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// lockName is the lock that keeps two promotions apart, and a promotion from the
// guard of a server that has just started (mysql/guard.sh). It is taken at every
// server that answers, and freed by the server when its holder dies.
const lockName = "inventario.promote"

// lockWait is how long another holder is waited for: a guard's session ends sooner.
const lockWait = time.Second

// lock takes the lock; call the function to give it back.
func (c *Cluster) lock(ctx context.Context) (release func(), err error) {
	var held []*sql.Conn
	release = func() {
		for _, conn := range held {
			// Closing a session frees its locks; a pooled connection lives on.
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(?)", lockName)
			_ = conn.Close()
		}
	}
	for _, p := range c.peers {
		conn, got, err := p.tryLock(ctx)
		if err != nil {
			continue // it does not answer
		}
		held = append(held, conn)
		if !got {
			release()
			return nil, lab.Hint(fmt.Errorf("begin: another promotion is under way at %s", p.name),
				"Wait for its end; a `lab promote --watch` promotes by itself.")
		}
	}
	return release, nil
}

// tryLock takes the lock at one server, with a session that keeps it. The waiting is
// done here and not by the server: each question is short, and so a server that does
// not answer is told from one whose lock is taken.
func (p *peer) tryLock(ctx context.Context) (conn *sql.Conn, got bool, err error) {
	tctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	conn, err = p.db.Conn(tctx)
	if err != nil {
		return nil, false, err
	}
	for end := time.Now().Add(lockWait); ; pause(ctx, 20*time.Millisecond) {
		var answer sql.NullBool
		qctx, cancel := context.WithTimeout(ctx, lookTimeout)
		err := conn.QueryRowContext(qctx, "SELECT GET_LOCK(?, 0)", lockName).Scan(&answer)
		cancel()
		if err != nil {
			_ = conn.Close()
			return nil, false, err
		}
		if answer.Bool || time.Now().After(end) {
			return conn, answer.Bool, nil
		}
	}
}
