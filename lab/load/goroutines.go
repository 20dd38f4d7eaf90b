package load

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// startGoroutines starts the clients with a goroutine each, over net. It is how a
// load runs where there are no loops.
func (r *Running) startGoroutines(ctx context.Context) error {
	for i := range r.opts.Clients {
		r.wg.Go(func() {
			n := &goNet{ctx: ctx, over: r.over}
			defer context.AfterFunc(ctx, n.giveUp)()
			r.client(ctx, i, n)
		})
	}
	return nil
}

// goNet is the network of a client that is a goroutine.
type goNet struct {
	ctx, over context.Context //nolint:containedctx // live as long as the client

	mu     sync.Mutex
	conn   *goConn // the newest
	gaveUp bool    // ctx has ended
}

var _ network = (*goNet)(nil)

// dial implements network.
func (n *goNet) dial(addr netip.AddrPort, until time.Time) (conn, error) {
	// Connections of a few minutes on one machine need no keep-alive probes.
	d := net.Dialer{Deadline: until, KeepAlive: -1}
	tcp, err := d.DialTCP(n.ctx, "tcp4", netip.AddrPort{}, addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conn = &goConn{TCPConn: tcp, net: n}
	return n.conn, nil
}

// wait implements network.
func (n *goNet) wait(until time.Time) bool {
	if until.IsZero() {
		return n.over.Err() == nil
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-n.over.Done():
		return false
	case <-timer.C:
		return true
	}
}

// giveUp ends the request under way, if there is one.
func (n *goNet) giveUp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gaveUp = true
	if n.conn != nil {
		_ = n.conn.TCPConn.SetDeadline(time.Unix(1, 0))
	}
}

type goConn struct {
	*net.TCPConn
	net *goNet
}

// SetDeadline implements conn. A deadline that giveUp has set stays in the past.
func (c *goConn) SetDeadline(t time.Time) error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.net.gaveUp {
		return c.net.ctx.Err()
	}
	return c.TCPConn.SetDeadline(t)
}

// closed implements conn.
func (c *goConn) closed() bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) { gone = closedByPeer(fd) })
	return err != nil || gone
}
