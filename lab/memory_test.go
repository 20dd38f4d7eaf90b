package lab_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// keptBytes is how much of the heap is still in use after do that was not before.
func keptBytes(do func() (keep any)) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	keep := do()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(keep)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// recordLoad records n requests as a load does and a line of the balancer's log
// for each, with ids, errors and tries that are texts and lists of their own.
func recordLoad(r *lab.Recorder, start time.Time, n int, failing bool) {
	id := func(i int) string { return fmt.Sprintf("lab-%012x", i*2654435761%(1<<48)) }
	step := 10 * time.Minute / time.Duration(n)
	for i := range n {
		q := lab.Request{Load: "requests", US: int64(1500 + (i*7919)%4001), Status: 200, Instance: "app", ID: id(i)}
		if failing {
			q.Status, q.Instance, q.Err = 0, "", strings.Repeat("no answer in time ", 5)
		}
		r.Request(start.Add(time.Duration(i)*step), q)
	}
	for i := range n {
		us := int64(1500+(i*7919)%4001) / 1000 * 1000
		r.Served(start.Add(time.Duration(i)*step), lab.Served{
			ID: id(i), Status: 200, US: us, Tries: []lab.Try{{Service: "app", Status: 200, US: us}},
		})
	}
}

// The bound of docs/formats.md: what is kept of a request and its line in the log
// while a scenario runs, and after reading it back. 96 and 64 bytes are the two
// themselves; their ids come on top, and what slices are longer than full.
func TestMemoryOfARequest(t *testing.T) {
	const n = 100_000
	for what, failing := range map[string]bool{"good answers": false, "failures, each with a text of its own": true} {
		var record strings.Builder
		recorded := keptBytes(func() any {
			start := time.Now()
			rec := lab.NewRecorder(discard{io.Discard}, start, nil).For("load")
			recordLoad(rec, start, n, failing)
			require.Len(t, rec.Seen().Served, n)
			return rec
		})
		start := time.Now()
		rec := lab.NewRecorder(discard{&record}, start, nil)
		rec.Run(lab.RunInfo{})
		lab.RunAll(t.Context(), &lab.Env{Stack: &paperStack{}, Topology: &lab.Topology{}}, rec, []lab.Scenario{
			onlyRecords(func(r *lab.Recorder) { recordLoad(r, start, n, failing) }),
		})
		require.NoError(t, rec.Close())
		rec = nil // what it kept must not go while it is looked at what reading keeps
		text := record.String()
		read := keptBytes(func() any {
			run, err := lab.ParseRun(strings.NewReader(text))
			require.NoError(t, err)
			require.Len(t, run.Scenarios[0].Served, n)
			return run
		})
		runtime.KeepAlive(text)
		assert.Less(t, recorded/n, int64(260), "bytes a request while it is recorded: %s", what)
		assert.Less(t, read/n, int64(190), "bytes a request that was read: %s", what)
		t.Logf("%s: %d bytes a request recorded, %d read", what, recorded/n, read/n)
	}
}
