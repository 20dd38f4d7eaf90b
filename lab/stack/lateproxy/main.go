// Command lateproxy makes what a service sends late, where the kernel cannot:
// TCP connections are redirected to it inside of the service's network, and it
// hands on what the service sends after a delay, through toxiproxy's latency
// toxic. The lab compiles it and runs it in a container beside the service.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"golang.org/x/sys/unix"
)

func main() {
	port := flag.Int("port", 0, "TCP port to listen on")
	mark := flag.Int("mark", 0, "mark of the proxy's own packets, which are not redirected")
	echo := flag.String("echo", "", "address:port at which the proxy answers by itself")
	delay := flag.Duration("delay", 0, "delay")
	jitter := flag.Duration("jitter", 0, "by how much it varies")
	flag.Parse()
	p := proxy{
		toxic: &toxics.LatencyToxic{Latency: delay.Milliseconds(), Jitter: jitter.Milliseconds()},
		echo:  *echo,
		dialer: net.Dialer{Timeout: time.Minute, Control: func(_, _ string, c syscall.RawConn) error {
			var serr error
			err := c.Control(func(fd uintptr) { serr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, *mark) })
			if err != nil {
				return err
			}
			return serr
		}},
	}
	l, err := net.Listen("tcp4", fmt.Sprintf(":%d", *port))
	if err != nil {
		log.Fatalf("listen: %v", err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatalf("accept: %v", err)
		}
		go p.serve(c.(*net.TCPConn))
	}
}

type proxy struct {
	toxic  *toxics.LatencyToxic
	echo   string
	dialer net.Dialer
}

// serve connects a client with whom it meant to talk to.
func (p *proxy) serve(client *net.TCPConn) {
	defer client.Close()
	meant, err := originalDestination(client)
	if err != nil {
		log.Printf("find the destination: %v", err)
		return
	}
	switch meant.String() {
	case p.echo:
		p.late(client, client)
		return
	case client.LocalAddr().String():
		// It was not redirected: somebody looks whether the proxy listens. To hand it on
		// would be to connect to oneself, which would be handed on again, and so forth.
		return
	}
	up, err := p.dialer.DialContext(context.Background(), "tcp4", meant.String())
	if err != nil {
		_ = client.SetLinger(0) // refused there, so refused here
		return
	}
	server := up.(*net.TCPConn)
	defer server.Close()
	// The service is the one who listens at an address of this network, else the
	// one who connects.
	sender, receiver := client, server
	if own(meant.Addr()) {
		sender, receiver = server, client
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(sender, receiver)
		_ = sender.CloseWrite()
	}()
	p.late(receiver, sender)
	<-done
}

// chunks is how many pieces may be on their way: with a delay of a second and
// 32 KiB a piece, some 30 MB/s.
const chunks = 1024

// late copies from one connection to another with the delay.
func (p *proxy) late(to, from *net.TCPConn) {
	in, out := make(chan *stream.StreamChunk, chunks), make(chan *stream.StreamChunk)
	go p.toxic.Pipe(toxics.NewToxicStub(in, out))
	go func() {
		w := stream.NewChanWriter(in)
		_, _ = io.Copy(w, from)
		_ = w.Close()
	}()
	_, err := io.Copy(to, stream.NewChanReader(out))
	_ = to.CloseWrite()
	if err != nil {
		_ = from.CloseRead()
		for range out { // whoever still sends must not be stuck
		}
	}
}

// originalDestination is where the client meant to connect to before it was
// redirected (SO_ORIGINAL_DST).
func originalDestination(c *net.TCPConn) (netip.AddrPort, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	var at netip.AddrPort
	var serr error
	err = raw.Control(func(fd uintptr) {
		// An IPv4 address comes as a sockaddr_in, which this call happens to have room for.
		m, err := unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, unix.SO_ORIGINAL_DST)
		if err != nil {
			serr = err
			return
		}
		b := m.Multiaddr
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3]))
	})
	if err == nil {
		err = serr
	}
	return at, err
}

// own says whether an address belongs to this network's interfaces.
func own(a netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, x := range addrs {
		if p, err := netip.ParsePrefix(x.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}
