package check_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// slowInstance is 12 s of 200 requests/s, of which app answers every second one in 10
// ms, as the others do. From 4 s to 8 s a fault is on app, and a request takes
// what took says.
func slowInstance(took func(i int, met bool) time.Duration) (check.Windows, *check.Joined, []check.Req) {
	var reqs []check.Req
	var log []check.Line
	for i := range 2400 {
		at := time.Duration(i) * 5 * time.Millisecond
		met := i%2 == 0
		q := lab.Request{ID: fmt.Sprintf("r%d", i), Status: 200, Instance: "app1", US: 10_000}
		tries := []lab.Try{{Service: "app1", Status: 200}}
		if met {
			q.Instance, tries[0].Service = "app", "app"
		}
		if at >= 4*time.Second && at < 8*time.Second {
			d := took(i, met)
			q.US = d.Microseconds()
			if met && d >= time.Second { // the balancer gave up, and another one answered
				q.Instance = "app1"
				tries = []lab.Try{{Service: "app", Status: 504}, {Service: "app1", Status: 200}}
			}
		}
		reqs = append(reqs, check.Req{At: at, Value: q})
		log = append(log, check.Line{At: at, Value: lab.Served{ID: q.ID, Status: 200, Tries: tries}})
	}
	fault := check.FaultTimes{Asked: 4 * time.Second, InEffect: 4 * time.Second, Healing: 8 * time.Second, Healed: 8 * time.Second}
	w := check.WindowsOf(check.Observed{Requests: reqs, Served: log, End: 12 * time.Second, Fault: fault})
	return w, check.Join(reqs, log), reqs
}

func TestSlowInstance(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		sentence            string
		took                func(i int, met bool) time.Duration
		met, raised, others lab.Verdict
		share               float64
	}{
		{"nobody feels the fault: nothing was shown", func(int, bool) time.Duration { return 10 * ms }, lab.Unknown, lab.Pass, lab.Pass, 0},
		{"everybody is a little slower, not only who met it", func(int, bool) time.Duration { return 14 * ms }, lab.Unknown, lab.Pass, lab.Pass, 0},
		{"who met it waits 90 ms", func(_ int, met bool) time.Duration { return pick(met, 90*ms, 10*ms) }, lab.Pass, lab.Pass, lab.Pass, 0.5},
		{"a retry belongs to whom it was tried at first", func(_ int, met bool) time.Duration { return pick(met, 1005*ms, 10*ms) }, lab.Pass, lab.Pass, lab.Pass, 0.5},
		{"who met it waits for two time-outs", func(_ int, met bool) time.Duration { return pick(met, 2*time.Second, 10*ms) }, lab.Pass, lab.Fail, lab.Pass, 0.5},
		{"the others are held up as well", func(_ int, met bool) time.Duration { return pick(met, 200*ms, 60*ms) }, lab.Pass, lab.Pass, lab.Fail, 0.5},
	} {
		w, log, reqs := slowInstance(c.took)
		b := check.BesideOf("app", log, reqs, 4*time.Second, 8*time.Second)
		assert.Equal(t, c.met, check.SlowerBeside("", b).Verdict, "%s: %v", c.sentence, b)
		assert.Equal(t, c.raised, check.P99RaisedBy("", w, time.Second).Verdict, "%s: %v", c.sentence, w.During)
		assert.Equal(t, c.others, check.OthersAsBefore("", b, w, 300).Verdict, "%s: %v, %v", c.sentence, b, w.Band)
		assert.InDelta(t, c.share, b.Share(), 0.01, c.sentence)
	}
	w, log, reqs := slowInstance(func(int, bool) time.Duration { return 10 * ms })
	few := check.BesideOf("app", log, reqs, 4*time.Second, 4*time.Second+50*ms)
	assert.Equal(t, lab.Unknown, check.SlowerBeside("", few).Verdict, "five requests tell nothing")
	assert.Equal(t, lab.Unknown, check.OthersAsBefore("", few, w, 5).Verdict, "without a p99 nothing can be told")
	assert.Equal(t, lab.Unknown, check.P99RaisedBy("", check.WindowsOf(check.Observed{}), time.Second).Verdict, "no load, no p99")
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

func TestIfCalm(t *testing.T) {
	busy, calm := check.Windows{Before: check.Window{Worst: 400}}, check.Windows{Before: check.Window{Worst: 200}}
	for _, c := range []struct {
		sentence string
		check    lab.Verdict
		windows  check.Windows
		want     lab.Verdict
	}{
		{"a failure on a calm machine stays one", lab.Fail, calm, lab.Fail},
		{"a failure on a machine that was busy before says nothing", lab.Fail, busy, lab.Unknown},
		{"a pass stays one: it is the harder on a busy machine", lab.Pass, busy, lab.Pass},
	} {
		assert.Equal(t, c.want, check.IfCalm(lab.Check{Verdict: c.check}, c.windows, 300*time.Millisecond).Verdict, c.sentence)
	}
}

func TestLeftWithAPartOfWhatItUsed(t *testing.T) {
	for _, c := range []struct {
		sentence string
		use      check.Use
		want     lab.Verdict
	}{
		{"a tenth was left, and used", check.Use{Before: 0.25, Left: 0.025, During: 0.025}, lab.Pass},
		{"less was left", check.Use{Before: 0.25, Left: 0.02, During: 0.02}, lab.Pass},
		{"the readings do not meet the borders of the periods", check.Use{Before: 0.25, Left: 0.025, During: 0.03}, lab.Pass},
		{"a tenth of a processor is not a tenth of what it uses", check.Use{Before: 0.25, Left: 0.1, During: 0.1}, lab.Unknown},
		{"the quota was not kept to", check.Use{Before: 0.25, Left: 0.025, During: 0.05}, lab.Unknown},
		{"it used nothing before", check.Use{Left: 0.01, During: 0.01}, lab.Unknown},
		{"no quota is recorded", check.Use{Before: 0.25, During: 0.02}, lab.Unknown},
	} {
		got := check.LeftWith("n", c.use, 0.1)
		assert.Equal(t, c.want, got.Verdict, "%s: %v", c.sentence, got)
		if c.want != lab.Pass {
			assert.NotEmpty(t, got.Hint, c.sentence)
		}
	}
}
