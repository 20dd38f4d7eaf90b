//go:build unix

package load

import (
	"errors"
	"syscall"
)

// closedByPeer says whether the other side has closed the idle connection of a
// descriptor (or sent what nobody asked for), without waiting and without taking
// anything.
func closedByPeer(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return !errors.Is(err, syscall.EAGAIN)
}
