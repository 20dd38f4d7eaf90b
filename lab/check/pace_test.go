package check_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// paced are n requests of an open loop at 100/s since 5 s: every tenth fails,
// and each is late by late and takes 2 ms.
func paced(n int, late func(i int) time.Duration) []check.Req {
	var reqs []check.Req
	for i := range n {
		by := late(i)
		r := check.Req{At: 5*time.Second + time.Duration(i)*10*time.Millisecond + by}
		r.Value = lab.Request{Load: "long", US: 2000, Status: 200, LateUS: by.Microseconds()}
		if i%10 == 9 {
			r.Value.Status = 502
		}
		reqs = append(reqs, r)
	}
	return reqs
}

func TestPace(t *testing.T) {
	p := check.PaceOf(100, 500, paced(500, func(i int) time.Duration {
		if i == 7 {
			return 300 * time.Millisecond
		}
		return time.Millisecond
	}))
	assert.Equal(t, 5*time.Second, p.First)
	assert.Equal(t, 1.0, p.LateP99)
	assert.Equal(t, 300.0, p.LateWorst)
	assert.InDelta(t, 100, p.SentRate, 0.1)

	p.Kept = true
	c := check.PaceKept("pace", p)
	assert.Equal(t, lab.Pass, c.Verdict)
	assert.Equal(t, "500 sent, 100.0 a second; 99 of 100 at most 1.0 ms late, the latest 300 ms", c.Got)

	p.Kept, p.Why = false, "the generator was behind its schedule"
	c = check.PaceKept("pace", p)
	assert.Equal(t, lab.Unknown, c.Verdict, "what was late for the lab's sake accuses nobody")
	assert.Contains(t, c.Hint, "behind its schedule")

	none := check.PaceOf(100, 500, nil)
	assert.True(t, math.IsNaN(none.LateP99) && math.IsNaN(none.SentRate))
}

func TestParts(t *testing.T) {
	// The sender is late for all of the second half: its answers are slow from
	// the moment at which they were due, and stay in the part in which that was.
	reqs := paced(1000, func(i int) time.Duration {
		if i >= 500 {
			return time.Second
		}
		return 0
	})
	p := check.PartsOf(reqs, 5*time.Second, 10*time.Second, 2)
	require.Len(t, p.Parts, 2)
	for i, want := range []check.Window{
		{Name: "0 – 5 s", From: 5 * time.Second, To: 10 * time.Second, Requests: 500, Failed: 50, Rate: 90, P50: 2, P95: 2, P99: 2, Worst: 2},
		{Name: "5 – 10 s", From: 10 * time.Second, To: 15 * time.Second, Requests: 500, Failed: 50, Rate: 90, P50: 1002, P95: 1002, P99: 1002, Worst: 1002},
	} {
		assert.Equal(t, want, p.Parts[i])
	}
	assert.Equal(t, check.Window{
		Name: "all", From: 5 * time.Second, To: 15 * time.Second,
		Requests: 1000, Failed: 100, Rate: 90, P50: 2, P95: 1002, P99: 1002, Worst: 1002,
	}, p.Whole)
	assert.Len(t, p.Table().Lines, 3)

	empty := check.PartsOf(nil, 0, 10*time.Second, 2)
	assert.Zero(t, empty.Whole.Requests)
	assert.True(t, math.IsNaN(empty.Parts[1].P50) && math.IsNaN(empty.Whole.Worst))
}
