package load

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap sleeps for a short time by the operating system's own timer.
func nap(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&t, &t) == unix.EINTR { // t is what is left
	}
}
