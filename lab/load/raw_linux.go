package load

import (
	"encoding/binary"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls that a loop makes for every request do not wait, or for some
// milliseconds at most. Made in the usual way, Go's runtime prepares each time for
// one that does: it gives the thread's processor to another one, wakes that, and
// looks every 20 µs whether it was right. For 8,000 requests those were 9,900 naps
// and 2,400 wake-ups (strace counted them) beside the 16,000 reads and writes that
// were wanted; made raw 4,100 and 1,300, and 14 % less processor time.

// rawWait is the longest that a raw call waits. The runtime cannot stop the thread
// meanwhile, which it wants to at a garbage collection, and so the lab's other
// goroutines may have to wait as long when no answer comes. On the other hand a
// loop that often waits longer than this wakes the runtime's watcher each time: on
// two busy cores 18 runs in turn gave 1,636 requests/s with 1 ms, 1,715 with 2 ms
// and 1,831 with 5 ms, each with a connection of its own.
const rawWait = 5 * time.Millisecond

func rawRead(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return rawResult(n, e)
}

func rawWrite(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, _, e := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return rawResult(n, e)
}

// rawConnect begins a connection. On this machine it is there when the call returns.
func rawConnect(fd int, addr netip.AddrPort) error {
	to := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: addr.Addr().As4()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.Port))[:], addr.Port())
	_, _, e := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to)), unsafe.Sizeof(to))
	_, err := rawResult(0, e)
	return err
}

func rawClose(fd int) error {
	_, _, e := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	_, err := rawResult(0, e)
	return err
}

// epollWait waits for events, for patience milliseconds or for ever (-1): at
// first as long as may be without telling the runtime.
func epollWait(epoll int, events []unix.EpollEvent, patience int) (int, error) {
	first := int(rawWait / time.Millisecond)
	if patience >= 0 && patience < first {
		first = patience
	}
	r, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(first), 0, 0)
	n, err := rawResult(r, e)
	if n != 0 || err != nil || first == patience {
		return n, err
	}
	if patience > 0 {
		patience -= first
	}
	return unix.EpollWait(epoll, events, patience)
}

func rawResult(n uintptr, e unix.Errno) (int, error) {
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}
