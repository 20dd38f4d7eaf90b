//go:build !unix

package stack

import "syscall"

// ownSession does nothing here: the guard shares the console of its parent, and
// what a Ctrl-C prevents it from removing is swept at the next start.
func ownSession() *syscall.SysProcAttr { return nil }
