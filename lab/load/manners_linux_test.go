package load_test

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"inventariolab/lab/load"
)

// A loop's thread interrupts nobody while it runs. Afterwards it is as before, and
// so are the threads that were started meanwhile, from it or from others.
func TestLoopStepsBack(t *testing.T) {
	own, err := unix.SchedGetAttr(0, 0)
	require.NoError(t, err)
	var mild atomic.Int64
	var others sync.WaitGroup
	goOn := make(chan struct{})
	r, err := load.Start(t.Context(), load.Options{
		Name: "manners", URL: raw(t, say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), Clients: 2, Requests: 40, Fresh: true,
		OnSample: func(load.Sample) {
			if a, err := unix.SchedGetAttr(0, 0); err == nil && a.Policy == unix.SCHED_BATCH {
				mild.Add(1)
			}
			others.Go(func() { // needs a thread of its own
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				<-goOn
			})
		},
	})
	require.NoError(t, err)
	require.Len(t, r.Wait(), 40)
	// Not all: until the end of the turn in which the runtime has moved the loop to another thread, it is rude.
	assert.Positive(t, mild.Load(), "samples that came on a thread that interrupts nobody")

	threads, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	require.Greater(t, len(threads), 40)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		require.NoError(t, err)
		if a, err := unix.SchedGetAttr(id, 0); err == nil { // it may have ended
			assert.Equal(t, own.Policy, a.Policy, "policy of thread %d", id)
		}
	}
	close(goOn)
	others.Wait()
}
