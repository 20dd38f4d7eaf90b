package load

import (
	"context"
	"iter"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// The generator shares its processors with the stack that it measures. A
// goroutine for each client lets Go's scheduler wake threads for every answer, set
// a timer for every request and ask the kernel more often than is needed: together
// as much as the requests themselves cost. So here the clients of a load share one
// thread, or a few, as in ab and wrk: one epoll for all of them, and the client
// whose answer has come goes on. Each client is a coroutine (iter.Pull), and so
// its code is the same as with goroutines; where it would wait, it lets the others
// go on.

// loopShare is of how many processors one runs a loop: the others are the stack's.
const loopShare = 4

// startLoops starts the clients in loops.
func (r *Running) startLoops(ctx context.Context) error {
	loops := make([]*loop, min(max(1, runtime.GOMAXPROCS(0)/loopShare), r.opts.Clients))
	for i := range loops {
		l, err := newLoop(ctx)
		if err != nil {
			for _, l := range loops[:i] {
				l.close()
			}
			return err
		}
		l.slice = turnLength(r.opts.Fresh)
		loops[i] = l
	}
	for first, l := range loops {
		r.wg.Go(func() { l.run(r, first, len(loops)) })
	}
	return nil
}

// bell is the place of the loop's bell in epoll's events; seats have their
// numbers.
const bell = -1

// loop runs clients.
type loop struct {
	ctx    context.Context //nolint:containedctx // lives as long as the loop
	cancel context.CancelFunc
	epoll  int
	bell   int // an eventfd, rung when the load is over
	events [128]unix.EpollEvent
	seats  []*seat
	taken  int           // seats whose client has not ended
	due    time.Time     // no parked client is due before; zero when none is due ever
	thread int           // the one that it ran on last
	slice  time.Duration // of its turns on a processor
	gaveUp error         // why nothing under way is waited for any more
}

func newLoop(ctx context.Context) (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	l := &loop{epoll: epoll, bell: -1}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, l.bell, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: bell})
	}
	if err != nil {
		l.close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	return l, nil
}

func (l *loop) close() {
	l.cancel()
	_ = unix.Close(l.epoll)
	if l.bell >= 0 {
		_ = unix.Close(l.bell)
	}
}

// run runs every step-th client from the first until they have ended.
func (l *loop) run(r *Running, first, step int) {
	defer l.close()
	defer l.ringAt(l.ctx)()
	defer l.ringAt(r.over)()
	manners.begin()
	defer manners.end()
	for i := first; i < r.opts.Clients; i += step {
		s := &seat{loop: l, over: r.over, number: int32(len(l.seats)), fd: -1, waited: true}
		s.resume, _ = iter.Pull(func(yield func(struct{}) bool) {
			s.pause = func() { yield(struct{}{}) }
			r.client(l.ctx, i, s)
			l.taken--
		})
		l.seats = append(l.seats, s)
	}
	l.taken = len(l.seats)
	for _, s := range l.seats {
		s.resume()
	}
	for l.taken > 0 {
		if err := l.turn(); err != nil {
			r.refuse(err)
			l.cancel() // what is under way is dropped
			l.giveUp(err)
		}
	}
}

// ringAt rings the bell at the end of a context. The returned function ends that,
// and is to be called before the bell is closed.
func (l *loop) ringAt(ctx context.Context) func() {
	rung := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(rung)
		_, _ = unix.Write(l.bell, []byte{7: 1}) // a number of 8 bytes, and not 0 in any order of them
	})
	return func() {
		if !unhook() {
			<-rung
		}
	}
}

// turn waits until something happens and lets go on whom it concerns.
func (l *loop) turn() error {
	l.thread = manners.stepBack(l.thread, l.slice)
	n, err := epollWait(l.epoll, l.events[:], l.patience())
	if err != nil {
		if err == unix.EINTR {
			return nil
		}
		return os.NewSyscallError("epoll_wait", err)
	}
	for i := range l.events[:n] {
		e := &l.events[i]
		if e.Fd == bell {
			l.rung()
		} else {
			l.seats[e.Fd].happened(e)
		}
	}
	if now := time.Now(); !l.due.IsZero() && !now.Before(l.due) {
		l.wakeDue(now)
	}
	return nil
}

// patience is how long to wait for an event, in milliseconds; -1 for ever.
func (l *loop) patience() int {
	if l.due.IsZero() {
		return -1
	}
	// Rounded up, or the last part of a millisecond would be spent in turns.
	return int((max(0, time.Until(l.due)) + time.Millisecond - 1) / time.Millisecond)
}

// wakeDue lets the clients go on whose moment has come. Deadlines are seldom
// reached and always moving, so they are not kept in order: l.due is no later than
// the first of them, and looked at again when it is reached.
func (l *loop) wakeDue(now time.Time) {
	l.due = time.Time{}
	for _, s := range l.seats {
		switch {
		case s.parked == nowhere:
		case now.Before(s.until):
			l.dueAt(s.until)
		default:
			s.goOn()
		}
	}
}

// dueAt notes that a parked client is due at a moment.
func (l *loop) dueAt(t time.Time) {
	if l.due.IsZero() || t.Before(l.due) {
		l.due = t
	}
}

// rung is what to do when the bell was rung: no client waits any longer for the
// moment to send, and when the context has ended, for an answer neither.
func (l *loop) rung() {
	if err := l.ctx.Err(); err != nil {
		l.giveUp(err)
		return
	}
	for _, s := range l.seats {
		if s.parked == atMoment {
			s.goOn()
		}
	}
}

// giveUp ends all waiting.
func (l *loop) giveUp(why error) {
	l.gaveUp = why
	for _, s := range l.seats {
		if s.parked != nowhere {
			s.goOn()
		}
	}
}
