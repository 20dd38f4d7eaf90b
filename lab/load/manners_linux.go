package load

import (
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// manners keep loops from breaking off what others do whenever they have something to
// do: those end their turn first. (SCHED_BATCH, and where the kernel knows of such, 6.12 and
// later, a long slice, which makes a thread less urgent; a loop's share of the processors stays
// the same.) A loop that shares its processors with the stack is woken for single answers
// otherwise, and takes the processor from those who are just making the next ones; so it
// finds several at once. Nothing changes where a processor is free.
//
// On two busy cores, in mirrored rounds: SCHED_BATCH alone 1.03 (± 0.12) times the rate with a
// connection for each request and 1.05 (± 0.08) with keep-alive (50 rounds each); a slice of
// 20 ms as well another 1.09 (± 0.09, 14 rounds) and 1.07 (± 0.10, 12), and 1.15 (± 0.13, 16) and
// 1.05 (± 0.16, 12), with a p99 no longer than before.
var manners politeness

// turnLength is how long a turn of a loop may be, some times the usual one (the kernel
// allows 100 ms). An answer may wait as long to be looked at. A request with a connection of its
// own comes to the loop three times and not once, so its turns are half as long.
func turnLength(fresh bool) time.Duration {
	if fresh {
		return 10 * time.Millisecond
	}
	return 20 * time.Millisecond
}

// politeness is of the whole process, because a thread hands its policy on to those
// that it starts: the last loop that ends takes it from all of them.
type politeness struct {
	mu    sync.Mutex
	loops int
	usual bool // the process runs under the usual policy, as nearly all do
}

// begin is called when a loop begins.
func (p *politeness) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loops++; p.loops == 1 {
		is, err := unix.SchedGetAttr(os.Getpid(), 0)
		p.usual = err == nil && is.Policy == unix.SCHED_NORMAL
	}
}

// end is called when a loop ends. With the last one no thread steps back any more: the
// runtime will use them for other work.
func (p *politeness) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loops--; p.loops > 0 || !p.usual {
		return
	}
	for again := true; again; { // one of them may just have started another
		again = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return
		}
		for _, t := range threads {
			if id, err := strconv.Atoi(t.Name()); err == nil && turn(id, unix.SCHED_BATCH, unix.SCHED_NORMAL, 0) {
				again = true
			}
		}
	}
}

// stepBack makes the calling thread step back, with turns of a slice, unless it is last,
// which did already; it returns the thread. It is called again and again, since the runtime
// moves a goroutine to another thread now and then. (To lock it to one costs more than to
// look: each time the runtime interrupts it, two threads are woken.) A process that runs under
// another policy already, or may not ask for this one, goes on as before.
func (p *politeness) stepBack(last int, slice time.Duration) int {
	id, _, _ := unix.RawSyscall(unix.SYS_GETTID, 0, 0, 0)
	if int(id) != last && p.usual {
		turn(int(id), unix.SCHED_NORMAL, unix.SCHED_BATCH, slice)
	}
	return int(id)
}

// turn changes a thread's policy, if it has the first one, and its slice: 0 is the usual.
func turn(thread int, from, to uint32, slice time.Duration) (done bool) {
	is, err := unix.SchedGetAttr(thread, 0)
	return err == nil && is.Policy == from && unix.SchedSetAttr(thread, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: to, Nice: is.Nice, Runtime: uint64(slice),
	}, 0) == nil
}
