package check_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

const second = time.Second

// stream is an open loop of about rate requests/s in [from, to), whose good
// answers take about ms, with a tail. change may do to one what a fault does.
func stream(rnd *rand.Rand, rate, ms float64, from, to time.Duration, change func(*check.Req)) []check.Req {
	var reqs []check.Req
	at := from
	for i := 0; ; i++ {
		at += time.Duration(rnd.ExpFloat64() / rate * float64(second)).Truncate(time.Microsecond)
		if at >= to {
			return reqs
		}
		r := check.Req{At: at, Value: lab.Request{ID: fmt.Sprint(from, i), Status: 200, US: int64(1000 * ms * math.Exp(0.5*rnd.NormFloat64()))}}
		if change != nil {
			change(&r)
		}
		reqs = append(reqs, r)
	}
}

func times(asked, inEffect, healing, healed float64) check.FaultTimes {
	d := func(s float64) time.Duration {
		if s < 0 {
			return check.Never
		}
		return time.Duration(s * float64(second))
	}
	return check.FaultTimes{Asked: d(asked), InEffect: d(inEffect), Healing: d(healing), Healed: d(healed)}
}

// failed makes those fail that are sent in [from, to).
func failed(from, to float64) func(*check.Req) {
	return func(r *check.Req) {
		if s := r.At.Seconds(); s >= from && s < to {
			r.Value.Status, r.Value.US = 502, 1000
		}
	}
}

func slowed(from, to, by float64) func(*check.Req) {
	return func(r *check.Req) {
		if s := r.At.Seconds(); s >= from && s < to {
			r.Value.US = int64(float64(r.Value.US) * by)
		}
	}
}

func TestWindowsOfAFault(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		sentence                string
		change                  func(*check.Req)
		fault                   check.FaultTimes
		detect, absorb, recover float64 // s; −1: it did not come
		duringFailed            bool
	}{
		{"errors as long as the fault lasts, and 0.7 s more", failed(4.1, 8.7), times(4, 4.2, 8, 8.5), 0.1, -1, 0.7, true},
		{"errors at first, then the others take over", failed(4.1, 4.6), times(4, 4.2, 8, 8.5), 0.1, 0.4, 0, true},
		{"slow as long as the fault lasts", slowed(4.1, 8.2, 30), times(4, 4.2, 8, 8.5), 0.2, -1, 0.2, false},
		{"nobody notices", nil, times(4, 4.2, 8, 8.5), -1, 0, 0, false},
		// A piece with the return in its middle has as many requests as the emptiest may have: 0.5 s blurs to 0.2.
		{"half of the load stays away, and what comes is answered well", func(r *check.Req) {
			if s := r.At.Seconds(); s >= 4 && s < 8.5 && r.Value.US%2 == 0 {
				r.At += 100 * second
			}
		}, times(4, 4.2, 8, 8.5), -1, -1, 0.2, false},
		{"one in twenty is slower than a p99 was, and quicker than the slowest", func(r *check.Req) {
			if s := r.At.Seconds(); s >= 4 && s < 8.5 && r.Value.US%20 == 0 {
				r.Value.US = 36_000
			}
		}, times(4, 4.2, 8, 8.5), -1, -1, 0.5, false},
		{"it never comes back", failed(4.1, 99), times(4, 4.2, 8, 8.5), 0.1, -1, -1, true},
		{"it heals itself, nobody asked for it", failed(4.1, 5), times(4, 4.2, -1, -1), 0.1, 0.8, -1, true},
		{"the healing disturbs, and not the fault", failed(8.1, 8.3), times(4, 4.2, 8, 8.5), -1, 0, 0.3, false},
	} {
		w := check.WindowsOf(check.Observed{Requests: stream(rnd, 500, 5, second, 12*second, c.change), Began: second, End: 12 * second, Fault: c.fault})
		for what, pair := range map[string]struct {
			got  check.Span
			want float64
		}{"detect": {w.Detect, c.detect}, "absorb": {w.Absorb, c.absorb}, "recover": {w.Recover, c.recover}} {
			require.Equal(t, pair.want >= 0, pair.got.Known(), "%s: %s: %v", c.sentence, what, w)
			if pair.want >= 0 {
				assert.InDelta(t, pair.want, pair.got.Length().Seconds(), 0.15, "%s: %s", c.sentence, what)
			}
		}
		assert.Equal(t, c.duringFailed, w.During.Failed > 0, c.sentence)
		assert.Zero(t, w.Before.Failed, c.sentence)
		assert.InDelta(t, 500, w.Before.Rate, 60, c.sentence)
		assert.Equal(t, lab.Pass, check.Enough("e", w, 300).Verdict, c.sentence)
		seen := lab.Unknown
		if c.detect >= 0 {
			seen = lab.Pass
		}
		assert.Equal(t, seen, check.FaultWasSeen("s", w).Verdict, c.sentence)
	}
}

// A closed loop that hangs sends next to nothing, and notices when the hanging
// is over. That is what makes it a poor witness.
func TestWindowsOfAClosedLoopThatHangs(t *testing.T) {
	p := paused(2, 0)
	w := check.WindowsOf(check.Observed{Requests: p.Requests, End: 10 * second, Fault: times(4, 4, 5, 5)})
	assert.InDelta(t, 1, w.Detect.Length().Seconds(), 0.01)
	assert.Equal(t, 2, w.During.Requests, "one of each client")
	assert.False(t, w.Absorb.Known())
	assert.InDelta(t, 0, w.Recover.Length().Seconds(), 0.01)
	c := check.Enough("e", w, 100)
	assert.Equal(t, lab.Unknown, c.Verdict)
	assert.Equal(t, "2 requests during", c.Got)
}

func TestWindowsJudge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	whole := times(4, 4.2, 8, 8.5)
	for _, c := range []struct {
		sentence        string
		rate            float64
		change          func(*check.Req)
		fault           check.FaultTimes
		began           float64
		enough          lab.Verdict
		absorbs, recovs lab.Verdict // within a second
		got             string      // of Enough
	}{
		{"all well", 500, failed(4.1, 4.5), whole, 1, lab.Pass, lab.Pass, lab.Pass, "requests before"},
		{"slow to absorb, quick to recover", 500, failed(4.1, 6), whole, 1, lab.Pass, lab.Fail, lab.Pass, "requests before"},
		{"never absorbed, slow to recover", 500, failed(4.1, 9.5), whole, 1, lab.Pass, lab.Fail, lab.Fail, "requests before"},
		{"never recovered", 500, failed(4.1, 99), whole, 1, lab.Pass, lab.Fail, lab.Fail, "requests before"},
		{"the load before was idle", 500, func(r *check.Req) {
			if r.At < 4*second {
				r.At += 100 * second
			}
		}, whole, 1, lab.Unknown, lab.Unknown, lab.Unknown, "idle or too thin"},
		{"too thin everywhere", 10, nil, whole, 1, lab.Unknown, lab.Unknown, lab.Unknown, "idle or too thin"},
		{"failures already before", 500, failed(2, 2.1), whole, 1, lab.Unknown, lab.Unknown, lab.Unknown, "failed already before"},
		{"hardly anything before", 500, nil, whole, 3.5, lab.Unknown, lab.Unknown, lab.Unknown, "only 500ms were observed"},
		{"the fault is not proven", 500, failed(4.1, 4.5), times(4, -1, 8, 8.5), 1, lab.Unknown, lab.Unknown, lab.Unknown, "not proven to be in effect"},
		{"no fault at all", 500, nil, times(-1, -1, -1, -1), 1, lab.Unknown, lab.Unknown, lab.Unknown, "no fault was asked for"},
		{"nothing sent during the fault", 500, func(r *check.Req) {
			if r.At >= 4*second && r.At < 8*second {
				r.At += 100 * second
			}
		}, whole, 1, lab.Unknown, lab.Unknown, lab.Unknown, " requests during"},
		{"nothing was healed: no claim about that", 500, failed(4.1, 4.5), times(4, 4.2, -1, -1), 1, lab.Pass, lab.Pass, lab.Unknown, "requests before"},
		{"observed for too short after the healing", 500, failed(4.1, 99), times(4, 4.2, 10.7, 10.8), 1, lab.Pass, lab.Fail, lab.Unknown, "requests before"},
	} {
		began := time.Duration(c.began * float64(second))
		w := check.WindowsOf(check.Observed{Requests: stream(rnd, c.rate, 5, second, 12*second, c.change), Began: began, End: 12 * second, Fault: c.fault})
		enough := check.Enough("e", w, 100)
		assert.Equal(t, c.enough, enough.Verdict, "%s: %v", c.sentence, enough)
		assert.Contains(t, enough.Got, c.got, c.sentence)
		for want, got := range map[*lab.Verdict]lab.Check{&c.absorbs: check.Absorbs("a", w, second, 100), &c.recovs: check.Recovers("r", w, second, 100)} {
			assert.Equal(t, *want, got.Verdict, "%s: %v", c.sentence, got)
			assert.Equal(t, *want == lab.Pass, got.Hint == "", c.sentence)
		}
	}
}

func TestWindowsTable(t *testing.T) {
	var reqs []check.Req
	for i := range 300 { // 100 a second, from 1 s on, all 10 ms
		reqs = append(reqs, check.Req{At: second + time.Duration(i)*10*time.Millisecond, Value: lab.Request{Status: 200, US: 10_000}})
	}
	reqs[180].Value.US = 100_000                             // sent at 2.80 s, answered at 2.90 s
	reqs[199].Value.Status, reqs[199].Value.US = 502, 30_000 // under way when the fault was asked for at 3 s
	served := []check.Line{{At: 3005 * time.Millisecond, Value: lab.Served{US: 5000, Status: 200, Tries: []lab.Try{try("app", 502), try("app1", 200)}}}}
	o := check.Observed{Requests: reqs, Served: served, Began: second, End: 4 * second, Fault: times(3, 3.1, 3.5, 3.6)}
	w := check.WindowsOf(o)
	assert.Equal(t, check.Window{
		Name: "before", From: second, To: 3 * second, Requests: 199, Rate: 99.5, P50: 10, P95: 10, P99: 10, Worst: 100,
	}, w.Before, "the request under way belongs to the fault")
	assert.Equal(t, []int{51, 1}, []int{w.During.Requests, w.During.Failed})
	assert.Equal(t, 20*time.Millisecond, w.Detect.Length())
	assert.Equal(t, 5*time.Millisecond, w.DetectLog.Length(), "the log saw it before any client")
	assert.Equal(t, "per 500ms no failure, p99 ≤ 150.0 ms, slowest ≤ 200.0 ms, 38 requests or more", w.Band.String(), "by hand, of four bins of 50")
	table := w.Table()
	require.Len(t, table.Lines, 3)
	assert.Equal(t, []string{"before", "during", "after"}, []string{table.Lines[0].Label, table.Lines[1].Label, table.Lines[2].Label})
	assert.Equal(t, []float64{199, 0, 99.5, 10, 10, 10, 100}, numbers(table.Lines[0]))
	assert.Nil(t, table.Lines[1].Values[5], "50 good answers have no p99")
	assert.Contains(t, table.Note, "the first bad sign reached a client 20ms after the fault was asked for")
	assert.Equal(t, []lab.Metric{{Name: "detect_ms", Value: 20}, {Name: "detect_log_ms", Value: 5}}, w.Metrics(), "half a second is too short for a hold")

	early := served[0]
	early.At = 3*second - 400*time.Microsecond // the log's times are whole milliseconds, cut off
	o.Served = []check.Line{early}
	assert.Equal(t, time.Duration(0), check.WindowsOf(o).DetectLog.Length(), "in the millisecond in which the fault was asked for")
	early.At = 2 * second
	o.Served = append(served, early)
	assert.False(t, check.WindowsOf(o).DetectLog.Known(), "tries failed already before: the first one after tells nothing")
}

func TestFaultTimesOf(t *testing.T) {
	at := func(ms int, p lab.Phase) lab.Timed[lab.FaultEvent] {
		return lab.Timed[lab.FaultEvent]{At: time.Duration(ms) * time.Millisecond, Value: lab.FaultEvent{Phase: p}}
	}
	for _, c := range []struct {
		sentence string
		faults   []lab.Timed[lab.FaultEvent]
		want     check.FaultTimes
	}{
		{"none", nil, times(-1, -1, -1, -1)},
		{"one whole", []lab.Timed[lab.FaultEvent]{at(1, lab.FaultAsked), at(2, lab.FaultInEffect), at(3, lab.FaultHealing), at(4, lab.FaultHealed)}, times(.001, .002, .003, .004)},
		{"asked for and not proven", []lab.Timed[lab.FaultEvent]{at(1, lab.FaultAsked), at(3, lab.FaultHealing)}, times(.001, -1, .003, -1)},
		{"two at once, one not proven", []lab.Timed[lab.FaultEvent]{at(1, lab.FaultAsked), at(2, lab.FaultInEffect), at(3, lab.FaultAsked)}, times(.001, -1, -1, -1)},
		{"two at once: in effect with the second", []lab.Timed[lab.FaultEvent]{at(1, lab.FaultAsked), at(2, lab.FaultInEffect), at(3, lab.FaultAsked), at(4, lab.FaultInEffect)}, times(.001, .004, -1, -1)},
		{"one after the other: from the first to the last", []lab.Timed[lab.FaultEvent]{
			at(1, lab.FaultAsked), at(2, lab.FaultInEffect), at(3, lab.FaultHealing), at(4, lab.FaultHealed),
			at(5, lab.FaultAsked), at(6, lab.FaultInEffect), at(7, lab.FaultHealing), at(8, lab.FaultHealed),
		}, times(.001, .002, .007, .008)},
	} {
		assert.Equal(t, c.want, check.FaultTimesOf(c.faults), c.sentence)
	}
}

// An undisturbed load seldom looks disturbed, and is inside its band at once.
func TestAStationaryLoadIsNotAccused(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	const runs = 200
	detected, notAbsorbed, late := 0, 0, 0
	for range runs {
		w := check.WindowsOf(check.Observed{Requests: stream(rnd, 300, 10, 0, 8*second, nil), End: 8 * second, Fault: times(2, 2.1, 5, 5.1)})
		require.Empty(t, w.Band.Why)
		if w.Detect.Known() {
			detected++
		}
		if !w.Absorb.Known() || !w.Recover.Known() {
			notAbsorbed++
		} else if max(w.Absorb.Length(), w.Recover.Length()) > 500*time.Millisecond {
			late++
		}
	}
	t.Logf("of %d undisturbed loads: %d with a bad sign, %d not back, %d back late", runs, detected, notAbsorbed, late)
	assert.LessOrEqual(t, detected, runs/20)
	assert.LessOrEqual(t, notAbsorbed, runs/50)
	assert.LessOrEqual(t, late, runs/20)
}

// What does not belong to the windows, and how it is written down, changes
// nothing; and every span keeps to its definition.
func TestWindowsKeepToTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		from := rapid.Float64Range(1.8, 6).Draw(t, "disturbed from")
		to := from + rapid.Float64Range(0, 3).Draw(t, "for")
		change := rapid.SampledFrom([]func(*check.Req){nil, failed(from, to), slowed(from, to, 20)}).Draw(t, "how")
		o := check.Observed{Requests: stream(rnd, 200, 5, 0, 8*second, change), End: 8 * second, Fault: times(2, 2.1, 5, 5.3)}
		w := check.WindowsOf(o)

		require.Equal(t, len(o.Requests), w.Before.Requests+w.During.Requests+w.Back.Requests+w.After.Requests, "each request is in one window")
		if w.Detect.Known() {
			require.GreaterOrEqual(t, w.Detect.To, w.Fault.Asked)
		}
		for _, s := range []check.Span{w.Absorb, w.Recover} {
			if !s.Known() {
				continue
			}
			require.GreaterOrEqual(t, s.To, s.From)
			for at := s.To; at < s.To+check.BandHold; at += check.BandBin {
				in := check.Sent(o.Requests, at, at+check.BandBin)
				require.Zero(t, check.Failures(in))
				require.GreaterOrEqual(t, float64(len(in)), w.Band.Least)
				require.LessOrEqual(t, float64(check.Worst(in).Microseconds())/1000, w.Band.WorstMS)
			}
		}

		same := o
		same.Requests = append(stream(rnd, 200, 50, 8*second, 9*second, nil), o.Requests...)
		rnd.Shuffle(len(same.Requests), func(i, j int) { same.Requests[i], same.Requests[j] = same.Requests[j], same.Requests[i] })
		require.Equal(t, fmt.Sprint(w), fmt.Sprint(check.WindowsOf(same)), "requests after the end and the order do not matter")

		by := time.Duration(rapid.Int64Range(0, 3600).Draw(t, "later by s")) * second
		later := check.Observed{Began: o.Began + by, End: o.End + by, Fault: check.FaultTimes{
			Asked: o.Fault.Asked + by, InEffect: o.Fault.InEffect + by, Healing: o.Fault.Healing + by, Healed: o.Fault.Healed + by,
		}}
		for _, r := range o.Requests {
			r.At += by
			later.Requests = append(later.Requests, r)
		}
		moved := check.WindowsOf(later)
		require.Equal(t, w.Table(), moved.Table(), "it does not matter when it was")
		require.Equal(t, w.Metrics(), moved.Metrics())
	})
}
