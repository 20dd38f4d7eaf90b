//go:build unix

package stack

import "syscall"

// ownSession detaches a guard from the terminal of its parent.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
