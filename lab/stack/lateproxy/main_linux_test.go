package main

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhoLooksIsSentAway: a connection to the proxy itself, as the lab makes to
// see whether it listens, ends there. Where the kernel tracks connections it knows
// a destination of this one too, the proxy, which once connected to itself until no
// file was left.
func TestWhoLooksIsSentAway(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	p := proxy{dialer: net.Dialer{Timeout: time.Second}}
	c, err := net.Dial("tcp4", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	served, err := l.Accept()
	require.NoError(t, err)
	go p.serve(served.(*net.TCPConn))
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = c.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)
	require.NoError(t, l.(*net.TCPListener).SetDeadline(time.Now().Add(100*time.Millisecond)))
	_, err = l.Accept()
	var late net.Error
	require.ErrorAs(t, err, &late, "the proxy has connected to itself")
	assert.True(t, late.Timeout())
}
