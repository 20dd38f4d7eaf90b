package check_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// Requests and lines may have no id, or one that others have too. Whatever the
// log looks like, the turns are those that maps of all ids would give.
func TestTurnsAreWhatMapsSay(t *testing.T) {
	id := rapid.SampledFrom([]string{"", "1", "2", "3", "4", "5"})
	service := rapid.SampledFrom([]string{"app", "app1", "app2"})
	status := rapid.SampledFrom([]int{0, 200, 502})
	moment := rapid.Map(rapid.IntRange(0, 9), func(s int) time.Duration { return time.Duration(s) * time.Second })
	requests := rapid.SliceOf(rapid.Custom(func(t *rapid.T) check.Req {
		return check.Req{At: moment.Draw(t, "sent"), Value: lab.Request{ID: id.Draw(t, "id"), Status: status.Draw(t, "status"), Instance: service.Draw(t, "by")}}
	}))
	lines := rapid.SliceOf(rapid.Custom(func(t *rapid.T) check.Line {
		l := check.Line{At: moment.Draw(t, "finished"), Value: lab.Served{ID: id.Draw(t, "id"), Status: status.Draw(t, "status")}}
		for range rapid.IntRange(0, 3).Draw(t, "tries") {
			l.Value.Tries = append(l.Value.Tries, try(service.Draw(t, "at"), status.Draw(t, "try")))
		}
		return l
	}))
	rapid.Check(t, func(t *rapid.T) {
		reqs, served := requests.Draw(t, "requests"), lines.Draw(t, "lines")
		from, to := moment.Draw(t, "from"), moment.Draw(t, "to")
		good, byID := make(map[string]bool), make(map[string]int)
		for _, r := range reqs {
			if r.Value.ID != "" && check.Failure(r.Value) == "" {
				good[r.Value.ID] = true
			}
		}
		by, taken := make(map[string]string), make(map[string]int)
		for _, l := range served {
			byID[l.Value.ID]++
			n := len(l.Value.Tries)
			if good[l.Value.ID] {
				by[l.Value.ID] = ""
				if n > 0 {
					n--
					by[l.Value.ID] = l.Value.Tries[n].Service
				}
			}
			for _, x := range l.Value.Tries[:n] {
				if l.At >= from && l.At < to {
					taken[x.Service]++
				}
			}
		}
		joined := check.Join(reqs, served)
		turns := joined.Turns()
		require.Equal(t, by, turns.By)
		require.Equal(t, taken, turns.Taken(from, to))
		require.Equal(t, taken, joined.Taken(from, to))

		truth, ours, known := joined.Truth(), 0, make(map[string]bool)
		want := check.Truth{Requests: len(reqs)}
		for _, r := range reqs {
			switch n := byID[r.Value.ID]; {
			case r.Value.ID != "" && n > 0:
				want.Joined++
				if n > 1 {
					want.Repeated++
				}
				if !known[r.Value.ID] {
					known[r.Value.ID] = true
					ours += n
				}
			case r.Value.Status == 0:
				want.Lost++
			default:
				want.Absent++
			}
		}
		require.Equal(t, []int{want.Requests, want.Joined, want.Repeated, want.Lost, want.Absent, len(served) - ours},
			[]int{truth.Requests, truth.Joined, truth.Repeated, truth.Lost, truth.Absent, truth.Foreign})

		in := check.Sent(reqs, from, to)
		require.Equal(t, check.Answered(in), check.AnsweredBetween(reqs, from, to))
		for _, r := range in {
			require.True(t, r.At >= from && r.At < to)
		}
	})
}

// long is ten minutes of a load with a fault in their middle, and the log of it.
// Answers come out of order.
func long(n int) check.Observed {
	o := check.Observed{End: 600 * time.Second, Fault: times(200, 201, 400, 401)}
	step := o.End / time.Duration(n)
	for line := range n {
		i := line ^ 7
		id, inst := fmt.Sprintf("lab-%012x", i*2654435761%(1<<48)), instances[i%len(instances)].Service
		q := lab.Request{Load: "home", ID: id, Status: 200, Instance: inst, US: int64(1500 + (i*7919)%4001)}
		at := time.Duration(i) * step
		o.Requests = append(o.Requests, check.Req{At: at, Value: q})
		o.Served = append(o.Served, check.Line{At: at.Truncate(time.Millisecond), Value: lab.Served{
			ID: id, Status: 200, US: q.US / 1000 * 1000, Tries: []lab.Try{{Service: inst, Status: 200, US: q.US / 1000 * 1000}},
		}})
	}
	return o
}

// BenchmarkJudging does what judging a failover of a million requests takes. Its
// bytes are beside the record's 192 a request: some 40, not all at the same time.
func BenchmarkJudging(b *testing.B) {
	const n = 1_000_000
	o := long(n)
	b.ReportAllocs()
	for b.Loop() {
		check.Recovered(o.Requests, "app", 3.0/7, o.Fault.Healing)
		check.WindowsOf(o)
		joined := check.Join(o.Requests, o.Served)
		joined.Taken(o.Fault.InEffect, o.Fault.Healing)
		joined.Truth()
		check.AnsweredBetween(o.Requests, 0, o.End)
		check.NoFailures("n", "requests", o.Requests, n)
	}
}

// Judging copies no requests: what each part of it allocates, in all, stays
// below half of a request's size for each of them.
func TestJudgingIsLean(t *testing.T) {
	const n = 80_000
	o := long(n)
	for what, judge := range map[string]func(){
		"recovery": func() { check.Recovered(o.Requests, "app", 3.0/7, o.Fault.Healing) },
		"windows":  func() { check.WindowsOf(o) },
		"truth":    func() { check.Join(o.Requests, o.Served).Truth() },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		judge()
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(40*n), "bytes for judging the %s of %d requests", what, n)
	}
}
