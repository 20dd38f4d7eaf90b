package check_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// req is a good answer of an instance, sent at so many milliseconds and
// answered 5 ms later.
func req(ms int, instance string) check.Req {
	return check.Req{At: time.Duration(ms) * time.Millisecond, Value: lab.Request{Status: 200, Instance: instance, US: 5000}}
}

func TestFailure(t *testing.T) {
	for want, q := range map[string]lab.Request{
		"":                  {Status: 200},
		"status 302":        {Status: 302},
		"status 502":        {Status: 502},
		"status 0":          {},
		"no answer in time": {Err: "no answer in time"},
	} {
		assert.Equal(t, want, check.Failure(q), "Failure(%+v)", q)
	}
}

func TestNoFailures(t *testing.T) {
	good := []check.Req{req(1, "a"), req(2, "a"), req(3, "a")}
	bad := append([]check.Req{{At: 2 * time.Second, Value: lab.Request{Status: 502}}, {At: 3 * time.Second, Value: lab.Request{Err: "EOF"}}}, good...)
	assert.Equal(t, lab.Pass, check.NoFailures("n", "reads", good, 3).Verdict)
	assert.Equal(t, lab.Unknown, check.NoFailures("n", "reads", good, 4).Verdict, "an idle load proves nothing")
	c := check.NoFailures("n", "reads", bad, 100)
	assert.Equal(t, lab.Fail, c.Verdict, "a failure counts even in a thin load")
	assert.Equal(t, "2 of 5 failed: EOF (1); status 502 (1)", c.Got)
	assert.Contains(t, c.Hint, "the first failed 2.0 s after")

	assert.Equal(t, lab.Pass, check.Complete("n", 3, good).Verdict)
	assert.Equal(t, lab.Unknown, check.Complete("n", 4, good).Verdict, "fewer were sent than asked for")
	assert.Equal(t, lab.Unknown, check.Complete("n", 2, good).Verdict, "more were sent than asked for")
	assert.Equal(t, lab.Fail, check.Complete("n", 5, bad).Verdict)
}

func TestWindows(t *testing.T) {
	reqs := []check.Req{req(0, "a"), req(10, "b"), req(20, "a"), req(30, "a")}
	assert.Len(t, check.Sent(reqs, 10*time.Millisecond, 30*time.Millisecond), 2, "the end is not in the window")
	assert.Equal(t, map[string]int{"a": 3, "b": 1}, check.Answered(reqs))
	assert.Equal(t, 1, check.UnderWay(reqs, 12*time.Millisecond), "sent at 10, answered at 15")
	assert.Equal(t, 0, check.UnderWay(reqs, 10*time.Millisecond), "sent just then: not before")
	assert.Equal(t, 0, check.UnderWay(reqs, 18*time.Millisecond))
	assert.Equal(t, 5*time.Millisecond, check.Worst(reqs))
	assert.Zero(t, check.Worst(nil))
	reqs[1].Value.Load = "reads"
	assert.Len(t, check.OfLoad(reqs, "reads"), 1)
}

func TestLoad(t *testing.T) {
	assert.Equal(t, lab.Pass, check.Load("l", 10, check.LoadWindow{Name: "before", Requests: 10}, check.LoadWindow{Name: "during", Requests: 11}).Verdict)
	c := check.Load("l", 10, check.LoadWindow{Name: "before", Requests: 10}, check.LoadWindow{Name: "during", Requests: 9})
	assert.Equal(t, lab.Unknown, c.Verdict, "idle during the fault: nothing was shown")
	assert.Contains(t, c.Hint, "during")
}

func TestTakenOver(t *testing.T) {
	sh := check.Shares{Instances: instances, Shared: true}
	for _, c := range []struct {
		sentence string
		counts   map[string]int
		undead   int
		want     lab.Verdict
	}{
		{"the others share by their weights 2, 1, 1", counts(0, 200, 100, 100), 0, lab.Pass},
		{"an answer of the dead one: it was not dead", counts(1, 200, 100, 100), 1, lab.Unknown},
		{"one that it gave when it was back proves nothing", counts(1, 200, 100, 100), 0, lab.Pass},
		{"one of the others takes everything", counts(0, 400, 0, 0), 0, lab.Fail},
		{"the others share equally, not by weight", counts(0, 134, 133, 133), 0, lab.Fail},
		{"nothing was answered", counts(0, 0, 0, 0), 0, lab.Unknown},
	} {
		sh.Counts = c.counts
		got := check.TakenOver("t", "app", c.undead, sh)
		assert.Equal(t, c.want, got.Verdict, "%s: %v", c.sentence, got)
	}
	assert.Len(t, sh.Instances, 4, "the caller's expectation is left alone")
}

func TestAnsweredWithin(t *testing.T) {
	late := req(95, "app") // answered after the window
	late.Value.US = 10_000
	reqs := []check.Req{req(5, "app"), req(15, "app"), req(20, "app1"), late}
	assert.Equal(t, 1, check.AnsweredWithin(reqs, "app", 10*time.Millisecond, 100*time.Millisecond))
	assert.Equal(t, 2, check.AnsweredWithin(reqs, "app", 10*time.Millisecond, 105*time.Millisecond))
}

// rotate is answers of a rotation, one each millisecond from a moment on.
func rotate(from, n int, in []lab.Instance) []check.Req {
	weights := make([]int, len(in))
	for i := range in {
		weights[i] = in[i].Weight
	}
	r := check.NewRotation(weights)
	var reqs []check.Req
	for i := range n {
		reqs = append(reqs, req(from+i, in[r.Next()].Service))
	}
	return reqs
}

func TestRecovered(t *testing.T) {
	dead := rotate(0, 1000, instances[1:])
	single := append(append([]check.Req{}, dead...), req(700, "app"))
	for _, c := range []struct {
		sentence string
		reqs     []check.Req
		want     time.Duration
		ok       bool
	}{
		{"it never answers", dead, 0, false},
		{"one answer is not a share", append(single, rotate(1000, 100, instances[1:])...), 0, false},
		{"it is back with its first answer of the full rotation", append(append([]check.Req{}, dead...), rotate(1000, 700, instances)...), 1000 * time.Millisecond, true},
		{"half a second is not over yet", append(append([]check.Req{}, dead...), rotate(1000, 400, instances)...), 0, false},
		{"a lone answer before does not count as the recovery", append(append([]check.Req{}, single...), rotate(1000, 700, instances)...), 1000 * time.Millisecond, true},
		{"answers before the healing do not count", append(rotate(0, 1000, instances), rotate(1000, 1000, instances[1:])...), 0, false},
	} {
		at, ok := check.Recovered(c.reqs, "app", 3.0/7, 600*time.Millisecond)
		if c.sentence == "answers before the healing do not count" {
			at, ok = check.Recovered(c.reqs, "app", 3.0/7, 1000*time.Millisecond)
		}
		assert.Equal(t, c.ok, ok, c.sentence)
		if c.ok {
			assert.InDelta(t, c.want, at, float64(60*time.Millisecond), c.sentence)
		}
	}
	assert.Equal(t, lab.Fail, check.CameBack("c", "app", dead, 0, 0, false, time.Second).Verdict)
	assert.Equal(t, lab.Unknown, check.CameBack("c", "app", dead[:50], 0, 0, false, time.Second).Verdict, "50 answers in a second cannot show a share")
	assert.Contains(t, check.CameBack("c", "app", dead, time.Second, 3*time.Second, true, time.Second).Got, "2s after")
}

// Whatever the answers are, a recovery that is found keeps to its definition.
func TestRecoveredKeepsToItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var reqs []check.Req
		at := 0
		for range rapid.IntRange(0, 400).Draw(t, "n") {
			at += rapid.IntRange(1, 12).Draw(t, "gap")
			reqs = append(reqs, req(at, rapid.SampledFrom([]string{"app", "b", "c"}).Draw(t, "instance")))
		}
		from := time.Duration(rapid.IntRange(0, 500).Draw(t, "from")) * time.Millisecond
		back, ok := check.Recovered(reqs, "app", 1.0/3, from)
		if !ok {
			return
		}
		in := check.Sent(reqs, back, back+check.RecoveryWindow)
		if back < from || len(in) == 0 || in[0].Value.Instance != "app" {
			t.Fatalf("back at %v, from %v, window %v", back, from, in)
		}
		mine := check.Answered(in)["app"]
		if float64(mine) < check.RecoveryShare/3*float64(len(in)) {
			t.Fatalf("%d of %d in the window at %v are app's", mine, len(in), back)
		}
	})
}
