package check_test

import (
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

func step(rate, p99, errors float64) check.Step {
	return check.Step{Asked: rate, Answered: rate, Requests: 1000, P50: p99 / 2, P99: p99, Errors: errors}
}

func TestKnee(t *testing.T) {
	late, thin, broken := step(300, 900, 0), step(300, math.NaN(), 0), step(400, math.NaN(), 1)
	late.Behind = true
	for _, c := range []struct {
		sentence      string
		steps         []check.Step
		holds, breaks float64 // 0: none
		want          lab.Verdict
		got           string
	}{
		{"the p99 breaks it", []check.Step{step(100, 10, 0), step(200, 20, 0), step(300, 200, 0)}, 200, 300, lab.Pass, "between 200 and 300"},
		{"the errors break it", []check.Step{step(100, 10, 0), step(200, 10, 0.02)}, 100, 200, lab.Pass, "between 100 and 200"},
		{"nothing but errors breaks it too, without a p99", []check.Step{step(100, 10, 0), broken}, 100, 400, lab.Pass, "between 100 and 400"},
		{"the first breaks it", []check.Step{step(100, 200, 0), step(200, 300, 0)}, 0, 100, lab.Unknown, "below 100"},
		{"none breaks it", []check.Step{step(100, 10, 0), step(200, 20, 0)}, 200, 0, lab.Unknown, "above 200"},
		{"a step whose generator was behind says nothing, however slow", []check.Step{step(100, 10, 0), step(200, 20, 0), late}, 200, 0, lab.Unknown, "300 requests/s say nothing"},
		{"a step with few answers says nothing", []check.Step{step(100, 10, 0), thin, step(400, 200, 0)}, 100, 400, lab.Pass, "300 requests/s say nothing"},
		{"a step that holds after one that broke is noise", []check.Step{step(100, 10, 0), step(200, 200, 0), step(300, 10, 0)}, 100, 200, lab.Pass, "300 requests/s kept the goal again"},
		{"no steps", nil, 0, 0, lab.Unknown, "No step told anything"},
	} {
		k := check.KneeOf(c.steps, check.Goal{P99MS: 100, Errors: 0.01})
		rate := func(r float64) float64 {
			if math.IsNaN(r) {
				return 0
			}
			return r
		}
		assert.Equal(t, []float64{c.holds, c.breaks}, []float64{rate(k.Holds), rate(k.Breaks)}, c.sentence)
		got := check.KneeFound("k", k)
		assert.Equal(t, c.want, got.Verdict, c.sentence)
		assert.Contains(t, got.Got, c.got, c.sentence)
		assert.Equal(t, c.want == lab.Pass, got.Hint == "", c.sentence)
		assert.Len(t, k.Table().Lines, len(c.steps))
	}
	assert.Contains(t, check.KneeOf(nil, check.Goal{P99MS: 100, Errors: 0.01}).Table().Note, "Goal: p99 ≤ 100 ms and 1 % errors or fewer.")
}

// open is an open loop: one request each interval; each takes ms and is sent
// late by lateMS.
func open(n int, every time.Duration, ms, lateMS float64) []check.Req {
	var reqs []check.Req
	for i := range n {
		late := time.Duration(lateMS * float64(time.Millisecond))
		reqs = append(reqs, check.Req{At: time.Duration(i)*every + late, Value: lab.Request{Status: 200, US: int64(1000 * ms), LateUS: late.Microseconds()}})
	}
	return reqs
}

func TestStepOf(t *testing.T) {
	reqs := open(1000, 10*time.Millisecond, 8, 2)
	s := check.StepOf(100, reqs, 0, 10*time.Second)
	assert.Equal(t, check.Step{Asked: 100, Answered: 100, Requests: 1000, P50: 10, P99: 10, LateMS: 2}, s, "times count from when it was due")
	assert.Equal(t, 500, check.StepOf(100, reqs, 5*time.Second, 20*time.Second).Requests, "due in the window, whenever it was sent")
	assert.True(t, check.StepOf(100, reqs, 0, 11*time.Second).Behind, "a tenth was never sent")
	assert.True(t, check.StepOf(100, open(1000, 10*time.Millisecond, 8, 30), 0, 10*time.Second).Behind, "sent 30 ms late")
	assert.True(t, check.StepOf(100, nil, 0, time.Second).Behind)
	reqs[3].Value.Status = 503
	s = check.StepOf(100, reqs[:99], 0, 990*time.Millisecond)
	assert.InDelta(t, 1.0/99, s.Errors, 1e-9)
	assert.True(t, math.IsNaN(s.P99), "98 good answers have no p99")
}

// Wherever a stack breaks, the knee is found beside that rate, in any order of
// the steps.
func TestKneeIsFoundWhereItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		breaks := rapid.Float64Range(1, 1000).Draw(t, "breaks at")
		asked := rapid.SliceOfNDistinct(rapid.Float64Range(1, 1000), 1, 12, rapid.ID[float64]).Draw(t, "rates")
		var steps []check.Step
		for _, rate := range asked {
			ms := 10.0
			if rate >= breaks {
				ms = 500
			}
			steps = append(steps, step(rate, ms, 0))
		}
		k := check.KneeOf(steps, check.Goal{P99MS: 100})
		for _, rate := range asked {
			if rate < breaks {
				require.GreaterOrEqual(t, k.Holds, rate)
			} else {
				require.LessOrEqual(t, k.Breaks, rate)
			}
		}
		require.Empty(t, k.Again)
	})
}

// paused is one server that takes 2 ms a request and stands still from 4 s to
// 5 s, met by a closed loop of clients, or by an open loop.
func paused(clients int, rate float64) check.Paused {
	const from, to, length = 4 * time.Second, 5 * time.Second, 10 * time.Second
	takes := func(at time.Duration) time.Duration {
		done := at + 2*time.Millisecond
		if at < to && done > from {
			done = to + 2*time.Millisecond
		}
		return done - at
	}
	p := check.Paused{From: from, To: to}
	add := func(due, at time.Duration) time.Duration {
		us := takes(at)
		p.Requests = append(p.Requests, check.Req{At: at, Value: lab.Request{Status: 200, US: us.Microseconds(), LateUS: (at - due).Microseconds()}})
		return at + us
	}
	for range clients {
		for at := time.Duration(0); at < length; {
			at = add(at, at)
		}
	}
	if rate > 0 {
		for due := time.Duration(0); due < length; due += time.Duration(float64(time.Second) / rate) {
			add(due, due)
		}
	}
	return p
}

func TestOmission(t *testing.T) {
	o := check.OmissionOf(paused(2, 0), paused(0, 1000))
	assert.InDelta(t, 1000, o.Missing, 10, "two clients send 1,000 a second, and none while they wait")
	assert.InDelta(t, 2, o.Closed.P99, 0.1, "the pause is not in the closed loop's p99")
	assert.Greater(t, o.FromDue.P99, 850.0, "a tenth of the open loop's requests waited")
	assert.GreaterOrEqual(t, o.Closed.Worst, 1000.0, "it is in its slowest request")
	assert.Equal(t, lab.Pass, check.OmissionShown("o", o, 1000).Verdict)
	table := o.Table()
	require.Len(t, table.Lines, 3)
	assert.Equal(t, []string{"closed", "open, from sending", "open, from due"}, []string{table.Lines[0].Label, table.Lines[1].Label, table.Lines[2].Label})
	assert.Contains(t, table.Note, "In a pause of 1s the closed loop left out about 99")

	assert.Equal(t, lab.Unknown, check.OmissionShown("o", o, 1_000_000).Verdict, "too few")
	calm := check.Paused{Requests: open(10_000, time.Millisecond, 2, 0), From: 4 * time.Second, To: 5 * time.Second}
	assert.Equal(t, lab.Unknown, check.OmissionShown("o", check.OmissionOf(calm, calm), 1000).Verdict, "neither met the pause")
	assert.Equal(t, lab.Fail, check.OmissionShown("o", check.OmissionOf(paused(0, 1000), paused(0, 1000)), 1000).Verdict, "both open: nothing was left out")
	assert.InDelta(t, 0, check.OmissionOf(paused(0, 1000), calm).Missing, 20, "an open loop leaves nothing out")
	assert.Empty(t, check.OmissionOf(check.Paused{}, check.Paused{}).Table().Lines)
	assert.Equal(t, lab.Unknown, check.OmissionShown("o", check.OmissionOf(check.Paused{}, check.Paused{}), 0).Verdict)
}

// A generator that is late itself looks slow from due, and not from sending.
func TestLatenessIsTheGenerators(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	reqs := open(1000, 10*time.Millisecond, 2, 0)
	for i := range reqs {
		reqs[i].Value.LateUS = rnd.Int64N(100_000)
	}
	o := check.OmissionOf(check.Paused{}, check.Paused{Requests: reqs})
	assert.InDelta(t, 2, o.FromSending.P99, 1e-9)
	assert.InDelta(t, 100, o.FromDue.P99, 3)
}
