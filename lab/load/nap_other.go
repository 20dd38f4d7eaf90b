//go:build !linux

package load

import "time"

// nap sleeps for a short time, as precisely as Go does.
func nap(d time.Duration) { time.Sleep(d) }
