package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"inventariolab/app"
)

// Cluster is the source and its replicas. It watches them from NewCluster until
// Close and sends every statement to a server that can do it.
type Cluster struct {
	cfg     Config
	servers []*server
	metrics *metrics
	turn    atomic.Uint64 // round robin
	view    atomic.Pointer[view]
	lostAt  atomic.Int64 // when there last ceased to be a source, Unix time in ns; 0 for never

	mu      sync.Mutex // guards what follows
	members []member
	source  int
	clash   bool
	changed chan struct{} // closed and replaced with every new view

	stop context.CancelFunc
	done sync.WaitGroup
}

// view is what the routing needs to know at one moment; it is never changed.
type view struct {
	source    *server   // healthy, or nil
	slow      *server   // the source when it does not answer its health checks, and was not found to be down
	slowSince time.Time // when that one was last heard
	replicas  []*server // healthy
	rest      []*server // left out, but perhaps able to answer: the last resort for reads, best first
	state     []app.Server
}

// sourceMayAnswer says that the source is there, or perhaps only slow. A server on
// a busy machine misses health checks; a frozen one cannot be told from it at first.
func (v *view) sourceMayAnswer(now time.Time) bool {
	return v.source != nil || v.slow != nil && now.Sub(v.slowSince) < sourceSilence
}

var _ app.Health = (*Cluster)(nil)

// NewCluster starts watching the servers. It does not wait for them: until the
// first answers have come, reads and writes fail with app.ECodeUnavailable.
func NewCluster(cfg Config) (*Cluster, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		cfg:     cfg,
		members: make([]member, len(cfg.Servers)),
		source:  -1,
		changed: make(chan struct{}),
	}
	for _, e := range cfg.Servers {
		s, err := newServer(cfg, e)
		if err != nil {
			return nil, errors.Join(err, c.closeServers())
		}
		c.servers = append(c.servers, s)
	}
	v := &view{}
	for _, e := range cfg.Servers {
		v.state = append(v.state, app.Server{Name: e.Name, Role: roleUnknown, Reason: "not asked yet", Since: time.Now().UTC()})
	}
	c.view.Store(v)
	c.metrics = newMetrics(cfg.Metrics, c)

	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	for i, s := range c.servers {
		c.done.Go(func() {
			s.watch(ctx, cfg.Log, func(o observation) { c.observed(i, o) })
		})
	}
	return c, nil
}

// Close ends the watching, waits for work in the background and closes all
// connections.
func (c *Cluster) Close() error {
	c.stop()
	c.done.Wait()
	c.metrics.unregister()
	return c.closeServers()
}

func (c *Cluster) closeServers() error {
	var errs []error
	for _, s := range c.servers {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// Servers tells the state of every server, in the order of the configuration.
func (c *Cluster) Servers() []app.Server {
	state := append([]app.Server(nil), c.view.Load().state...)
	for i := range state {
		state[i].Revision = c.servers[i].known.Load()
		if semi := c.servers[i].semi.Load(); semi != nil && state[i].Role == roleSource {
			state[i].SemiSync = semi.String()
		}
	}
	return state
}

// newest is the highest revision that any server is known to show.
func (c *Cluster) newest() int64 {
	var n int64
	for _, s := range c.servers {
		n = max(n, s.known.Load())
	}
	return n
}

// observed takes in the result of a health check of server i.
func (c *Cluster) observed(i int, o observation) {
	s := c.servers[i]
	c.mu.Lock()
	defer c.mu.Unlock()
	m := &c.members[i]
	switch {
	case o.err == nil:
		if m.obs.uuid != "" && m.obs.uuid != o.uuid {
			s.known.Store(0) // another server has taken the name
		}
		s.bringUp()
		s.shows(o.revision)
	case o.down:
		s.takeDown(o.err)
	}
	if o.err != nil { // keep what it was
		o.uuid, o.writable, o.channel, o.opaque = m.obs.uuid, m.obs.writable, m.obs.channel, m.obs.opaque
		o.revision, o.term, o.holder = m.obs.revision, m.obs.term, m.obs.holder
	}
	m.obs, m.seen = o, true
	if o.err == nil {
		m.heard = time.Now()
	}
	c.judge()
}

// lost is called when a statement found its connection to s broken: the server
// is left out at once, and checked again at once. Only that check cuts off what
// else runs there, for it may have been this one connection.
func (c *Cluster) lost(s *server, err error) {
	for i := range c.servers {
		if c.servers[i] == s {
			c.observed(i, observation{err: err})
		}
	}
	s.checkNow()
}

// judge makes a new view of the members and logs what changed. c.mu is held.
func (c *Cluster) judge() {
	now := time.Now().UTC()
	old := c.view.Load()
	source, verdicts, clash := decide(c.members, c.source, now)
	if clash && !c.clash {
		c.cfg.Log.Error("two writable database servers: writes go only to the one of the newest promotion, else to the source so far",
			slog.String("source", c.nameOf(source)))
	}
	if source != c.source {
		c.cfg.Log.Info("database source chosen", slog.String("source", c.nameOf(source)), slog.String("before", c.nameOf(c.source)))
	}
	c.source, c.clash = source, clash

	v := &view{state: make([]app.Server, len(verdicts))}
	var silent []*server
	moved := false
	for i, verdict := range verdicts {
		before := old.state[i]
		st := app.Server{Name: before.Name, Role: verdict.role, Healthy: verdict.healthy, Reason: verdict.reason, Since: before.Since}
		if st.Role != before.Role || st.Healthy != before.Healthy {
			st.Since, moved = now, true
			c.logMove(before, st)
		}
		v.state[i] = st
		switch s := c.servers[i]; {
		case verdict.healthy && verdict.role == roleSource:
			v.source = s
		case verdict.healthy:
			v.replicas = append(v.replicas, s)
		case c.members[i].seen && c.members[i].obs.err == nil && c.members[i].obs.revision >= 0:
			v.rest = append(v.rest, s)
		case c.members[i].seen && !c.members[i].obs.down && i == source:
			v.slow, v.slowSince = s, c.members[i].heard
		case c.members[i].seen && !c.members[i].obs.down:
			silent = append(silent, s)
		}
	}
	v.rest = append(v.rest, silent...)
	if old.source != nil && v.source == nil {
		c.lostAt.Store(now.UnixNano())
	}
	c.view.Store(v)
	if moved {
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

func (c *Cluster) logMove(before, after app.Server) {
	level := slog.LevelInfo
	if before.Healthy && !after.Healthy {
		level = slog.LevelWarn
	}
	c.cfg.Log.Log(context.Background(), level, "database server changed",
		slog.String("db", after.Name), slog.String("role", after.Role),
		slog.Bool("healthy", after.Healthy), slog.String("reason", after.Reason))
}

func (c *Cluster) nameOf(i int) string {
	if i < 0 {
		return "none"
	}
	return c.servers[i].Name
}

// await waits until ready says yes to a view, or ctx ends.
func (c *Cluster) await(ctx context.Context, ready func(*view) bool) bool {
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if ready(c.view.Load()) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// WaitReady waits until a read can be answered, or ctx ends.
func (c *Cluster) WaitReady(ctx context.Context) error {
	if !c.await(ctx, func(v *view) bool { return v.source != nil || len(v.replicas) > 0 }) {
		return unavailable("no database server is ready", ctx.Err())
	}
	return nil
}
