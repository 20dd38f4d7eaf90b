package load

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// seat is a client's place in a loop: its network, and its connection, of which it
// has one at a time.
type seat struct {
	loop   *loop
	over   context.Context //nolint:containedctx // lives as long as the load
	number int32           // in the loop
	resume func() (struct{}, bool)
	pause  func()

	parked parking
	until  time.Time // when a parked client goes on, whatever happens
	woken  bool      // by an event, since it was parked
	waited bool      // it was parked since its last request began

	fd       int // of the connection; -1 without one
	round    int32
	addr     netip.AddrPort
	deadline time.Time
	dialEnd  time.Time // while the connection is not known to be there
	watched  uint32    // what epoll tells of it
	readable bool      // there may be something to read
	ended    bool      // the other side sends nothing more than that
}

var (
	_ network = (*seat)(nil)
	_ conn    = (*seat)(nil)
)

// parking is what a client waits for.
type parking int

const (
	nowhere  parking = iota // it does not wait
	atSocket                // for its connection, or the deadline
	atMoment                // for the moment to send
)

// park lets the others go on until something happened, or until a moment.
func (s *seat) park(p parking, until time.Time) {
	s.parked, s.until, s.woken, s.waited = p, until, false, true
	s.loop.dueAt(until)
	s.pause()
}

// goOn lets a parked client go on.
func (s *seat) goOn() {
	s.parked = nowhere
	s.resume()
}

// wait implements network. A client whose last request came to nothing at once has
// not let anybody else go on: it does now, or those would be answered and not know.
func (s *seat) wait(until time.Time) bool {
	for s.over.Err() == nil && s.loop.gaveUp == nil {
		now := time.Now()
		if s.waited && !now.Before(until) {
			s.waited = false
			return true
		}
		if until.IsZero() {
			until = now
		}
		s.park(atMoment, until)
	}
	return false
}

// dial implements network. It begins the connection; the first Write waits for it.
// Nothing else is set: requests and answers are written whole, so there is
// nothing for Nagle's algorithm to hold back, and a connection of a few minutes
// needs no keep-alive probes.
func (s *seat) dial(addr netip.AddrPort, until time.Time) (conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, s.failed("dial", addr, os.NewSyscallError("socket", err))
	}
	err = rawConnect(fd, addr)
	if err != nil && err != unix.EINPROGRESS && err != unix.EINTR {
		_ = unix.Close(fd)
		return nil, s.failed("dial", addr, os.NewSyscallError("connect", err))
	}
	s.fd, s.addr, s.dialEnd = fd, addr, until
	s.round++
	s.watched, s.readable, s.ended = 0, false, false
	return s, nil
}

// Write implements conn. On this machine a connection is there when connect has
// returned, although it says that it is on its way, and could be written to at
// once. To let the others have their turn first, as ab does, is quicker: the other side
// has had a moment to take the connection on when there is something to read from it
// (1.04 times the rate, ± 0.013, in 102 pairs of runs with a connection for each request).
func (s *seat) Write(p []byte) (int, error) {
	done := 0
	if s.watched == 0 { // the first of this connection
		if err := s.await(unix.EPOLLIN | unix.EPOLLOUT); err != nil {
			return 0, err
		}
	}
	for done < len(p) {
		n, err := rawWrite(s.fd, p[done:])
		switch err {
		case nil:
			done += n
			s.dialEnd = time.Time{}
		case unix.EINTR:
		case unix.EAGAIN:
			if err := s.await(unix.EPOLLIN | unix.EPOLLOUT); err != nil {
				return done, err
			}
		default:
			return done, s.broken("write", err)
		}
	}
	return done, nil
}

// Read implements conn.
func (s *seat) Read(p []byte) (int, error) {
	for {
		if !s.readable {
			if s.ended {
				return 0, io.EOF
			}
			if err := s.await(unix.EPOLLIN); err != nil {
				return 0, err
			}
			continue
		}
		n, err := rawRead(s.fd, p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			s.readable = false
		case err != nil:
			return 0, s.broken("read", err)
		case n == 0:
			return 0, io.EOF
		default:
			// Less than there was room for: that was all, and epoll tells when there
			// is more. It saves a call that would say so for every answer.
			s.readable = n == len(p)
			return n, nil
		}
	}
}

// await waits until something happened on the connection of which epoll is to
// tell.
func (s *seat) await(events uint32) error {
	if s.loop.gaveUp != nil {
		return s.loop.gaveUp
	}
	if s.watched|events != s.watched {
		op := unix.EPOLL_CTL_ADD
		if s.watched != 0 {
			op = unix.EPOLL_CTL_MOD
		}
		s.watched |= events
		e := unix.EpollEvent{Events: s.watched | unix.EPOLLRDHUP | unix.EPOLLET, Fd: s.number, Pad: s.round}
		if err := unix.EpollCtl(s.loop.epoll, op, s.fd, &e); err != nil {
			return s.failed("wait", s.addr, os.NewSyscallError("epoll_ctl", err))
		}
	}
	until, op := s.deadline, "read"
	if events&unix.EPOLLOUT != 0 {
		op = "write"
	}
	if !s.dialEnd.IsZero() && s.dialEnd.Before(until) {
		until, op = s.dialEnd, "dial"
	}
	s.park(atSocket, until)
	switch {
	case s.loop.gaveUp != nil:
		return s.loop.gaveUp
	case s.woken:
		return nil
	}
	return s.failed(op, s.addr, os.ErrDeadlineExceeded)
}

// happened is told an event of the connection.
func (s *seat) happened(e *unix.EpollEvent) {
	if e.Pad != s.round {
		return // of an earlier connection, which a process that was just starting still held open
	}
	const wrong = unix.EPOLLERR | unix.EPOLLHUP
	s.readable = s.readable || e.Events&(unix.EPOLLIN|wrong) != 0
	s.ended = e.Events&unix.EPOLLRDHUP != 0 && e.Events&wrong == 0
	if s.parked == atSocket {
		s.woken = true
		s.goOn()
	}
}

// SetDeadline implements conn.
func (s *seat) SetDeadline(t time.Time) error {
	s.deadline = t
	return s.loop.gaveUp
}

// closed implements conn.
func (s *seat) closed() bool { return closedByPeer(uintptr(s.fd)) }

// Close implements conn.
func (s *seat) Close() error {
	err := rawClose(s.fd)
	s.fd = -1
	s.round++ // events that are still to come are not the next one's
	return err
}

// broken is an error that the kernel told of the connection.
func (s *seat) broken(op string, errno error) error {
	if !s.dialEnd.IsZero() && errno != unix.EPIPE && errno != unix.ECONNRESET {
		return s.failed("dial", s.addr, os.NewSyscallError("connect", errno)) // it never was there
	}
	return s.failed(op, s.addr, errno)
}

func (s *seat) failed(op string, addr netip.AddrPort, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: err}
}
