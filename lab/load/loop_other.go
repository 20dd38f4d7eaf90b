//go:build !linux

package load

import "context"

// startLoops starts the clients. There are no loops here.
func (r *Running) startLoops(ctx context.Context) error { return r.startGoroutines(ctx) }
