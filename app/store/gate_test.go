package store_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gate is a TCP forwarder in front of one database server. It gives the server
// a fixed address, though its published port changes with every restart, and
// can freeze: connections stay open and say nothing, as with a paused machine.
type gate struct {
	listener net.Listener
	target   func(context.Context) (string, error)

	mu     sync.Mutex
	known  string        // the server's address, until a dial fails
	thaw   chan struct{} // closed while bytes may pass
	conns  map[net.Conn]struct{}
	served sync.WaitGroup
}

// newGate forwards to the address that target gives at the time.
func newGate(t testing.TB, target func(context.Context) (string, error)) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	open := make(chan struct{})
	close(open)
	g := &gate{listener: listener, target: target, thaw: open, conns: map[net.Conn]struct{}{}}
	g.served.Go(g.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		g.unfreeze()
		g.cut()
		g.served.Wait()
	})
	return g
}

func (g *gate) addr() string { return g.listener.Addr().String() }

// freeze stops all bytes, of old and new connections.
func (g *gate) freeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.thaw = make(chan struct{})
}

func (g *gate) unfreeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.thaw:
	default:
		close(g.thaw)
	}
}

// cut ends all connections.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		_ = c.Close()
	}
}

func (g *gate) accept() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.served.Go(func() { g.serve(client) })
	}
}

func (g *gate) serve(client net.Conn) {
	defer g.hold(client)()
	g.wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	server, err := g.dial(ctx)
	if err != nil {
		return // the client sees its connection end, as with a dead server
	}
	defer g.hold(server)()
	var both sync.WaitGroup
	both.Go(func() { g.pass(server, client) })
	both.Go(func() { g.pass(client, server) })
	both.Wait()
}

// dial reaches the server where it was last, or asks where it is now.
func (g *gate) dial(ctx context.Context) (net.Conn, error) {
	g.mu.Lock()
	known := g.known
	g.mu.Unlock()
	if known != "" {
		if c, err := new(net.Dialer).DialContext(ctx, "tcp", known); err == nil {
			return c, nil
		}
	}
	addr, err := g.target(ctx)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.known = addr
	g.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

// hold keeps c among the connections that cut ends, until the returned function
// closes it.
func (g *gate) hold(c net.Conn) (release func()) {
	g.mu.Lock()
	g.conns[c] = struct{}{}
	g.mu.Unlock()
	return func() {
		_ = c.Close()
		g.mu.Lock()
		delete(g.conns, c)
		g.mu.Unlock()
	}
}

func (g *gate) wait() {
	g.mu.Lock()
	thaw := g.thaw
	g.mu.Unlock()
	<-thaw
}

// pass copies from one side to the other; the end of one side ends both.
func (g *gate) pass(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		g.wait()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
