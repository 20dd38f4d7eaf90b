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

// asked is a request with an id, and what its client saw.
func asked(id, instance string, status int) check.Req {
	return check.Req{At: time.Second, Value: lab.Request{ID: id, Status: status, Instance: instance, US: 7000}}
}

// line is a line of the log; tries are "service status", times 5 ms each.
func line(id string, status int, tries ...lab.Try) check.Line {
	return check.Line{At: time.Second + 7*time.Millisecond, Value: lab.Served{ID: id, Status: status, US: 6000, Tries: tries}}
}

func try(service string, status int) lab.Try {
	return lab.Try{Service: service, Status: status, US: 5000}
}

func TestAgree(t *testing.T) {
	for _, c := range []struct {
		sentence string
		reqs     []check.Req
		served   []check.Line
		want     lab.Verdict
		got      string
	}{
		{"both say app", []check.Req{asked("1", "app", 200)}, []check.Line{line("1", 200, try("app", 200))}, lab.Pass, "1 answers compared"},
		{"the answer came by a retry", []check.Req{asked("1", "app1", 200)}, []check.Line{line("1", 200, try("app", 502), try("app1", 200))}, lab.Pass, "1 answers compared"},
		{"another container answered than it says", []check.Req{asked("1", "app", 200)}, []check.Line{line("1", 200, try("app1", 200))}, lab.Fail, "header app, log app1 (1)"},
		{"the header is missing", []check.Req{asked("1", "", 200)}, []check.Line{line("1", 200, try("app1", 200))}, lab.Fail, "header (unnamed), log app1 (1)"},
		{"something on the way changed the status", []check.Req{asked("1", "app", 503)}, []check.Line{line("1", 200, try("app", 200))}, lab.Fail, "client status 503, log 200 (1)"},
		{"the balancer's error page names nobody", []check.Req{asked("1", "", 502)}, []check.Line{line("1", 502, try("app", 502), try("app1", 502))}, lab.Pass, "1 answers compared"},
		{"an app's own 502 names it", []check.Req{asked("1", "app", 502)}, []check.Line{line("1", 502, try("app", 502))}, lab.Pass, "1 answers compared"},
		{"an answer is not in the log", []check.Req{asked("1", "app", 200), asked("2", "app", 200)}, []check.Line{line("1", 200, try("app", 200))}, lab.Unknown, "1 answers not in the log"},
		{"a request that never got there is not held against the log", []check.Req{asked("1", "app", 200), asked("2", "", 0)}, []check.Line{line("1", 200, try("app", 200))}, lab.Pass, "did not reach the balancer"},
		{"an id stands in the log twice", []check.Req{asked("1", "app", 200)}, []check.Line{line("1", 200, try("app", 200)), line("1", 200, try("app", 200))}, lab.Unknown, "more than once"},
		{"a client that left saw nothing to compare", []check.Req{asked("1", "", 0)}, []check.Line{line("1", 499, lab.Try{Service: "app", US: -1})}, lab.Unknown, "0 answers compared"},
		{"no log", []check.Req{asked("1", "app", 200)}, nil, lab.Unknown, "0 answers compared"},
		{"nothing at all", nil, nil, lab.Unknown, "0 answers compared"},
		{"requests without an id cannot be joined", []check.Req{asked("", "app", 200)}, []check.Line{line("", 200, try("app", 200))}, lab.Unknown, "0 answers compared"},
	} {
		got := check.Agree("agree", check.TruthOf(c.reqs, c.served))
		assert.Equal(t, c.want, got.Verdict, "%s: %v", c.sentence, got)
		assert.Contains(t, got.Got, c.got, c.sentence)
		assert.Equal(t, c.want == lab.Pass, got.Hint == "", c.sentence)
	}
}

func TestTruthTellsWhatTheClientCannotSee(t *testing.T) {
	reqs := []check.Req{asked("1", "app1", 200), asked("2", "app", 200), asked("3", "", 502), asked("4", "", 0)}
	truth := check.TruthOf(reqs, []check.Line{
		line("1", 200, lab.Try{Service: "app", Status: 504, US: 1_000_000}, try("app1", 200)),
		line("2", 200, try("app", 200)),
		line("3", 502, try("app", 502), lab.Try{Service: "app1", US: -1}),
		line("somebody", 200, try("app2", 200)),
	})
	assert.Equal(t, []int{4, 3, 0, 1, 1}, []int{truth.Requests, truth.Joined, truth.Absent, truth.Lost, truth.Foreign})
	assert.Equal(t, []int{2, 1, 0, 4 - 1}, []int{truth.Retried, truth.Rescued, truth.OwnAnswers, truth.FailedTries()})
	assert.InDelta(t, 1, truth.OutsideMS, 1e-9, "7 ms at the client, 6 at the balancer")
	table := truth.Table()
	require.Len(t, table.Lines, 2, "somebody else's tries are not counted")
	app := table.Lines[0]
	assert.Equal(t, "app", app.Label)
	values := func(l lab.Line) (v []float64) {
		for _, x := range l.Values {
			if x == nil {
				v = append(v, math.Inf(1))
			} else {
				v = append(v, *x)
			}
		}
		return v
	}
	assert.Equal(t, []float64{1, 1, 3, 2, 5, math.Inf(1), 1000}, values(app), "no p99 of three tries")
	assert.Equal(t, []float64{1, 1, 2, 1, 5, math.Inf(1), 5}, values(table.Lines[1]), "a try without a time is one all the same")
	assert.Contains(t, table.Note, "2 took more than one try, and 1 of those were answered well")
	assert.Len(t, table.Columns, len(app.Values))
}

func TestTurns(t *testing.T) {
	reqs := []check.Req{asked("1", "app1", 200), asked("2", "", 502), asked("3", "", 200)}
	turns := check.TurnsOf([]check.Line{
		line("1", 200, try("app", 502), try("app1", 200)), line("2", 502, try("app", 502)), line("3", 200), line("else", 200, try("app2", 200)),
	}, reqs)
	assert.Equal(t, map[string]string{"1": "app1", "3": ""}, turns.By)
	assert.Equal(t, map[string]int{"app1": 1, "": 1}, turns.Answered())
	assert.Equal(t, map[string]int{"app": 2, "app2": 1}, turns.Taken(0, 2*time.Second))
	assert.Empty(t, turns.Taken(0, time.Second+7*time.Millisecond), "the end is not in the window")
}

// world is a balancer of the reference weights under a serial load: what its
// clients and its log say. Every so often a try fails.
func world(rnd *rand.Rand, n int, failing float64) (reqs []check.Req, served []check.Line) {
	o := check.NewOracle([]int{3, 2, 1, 1}, 0)
	at := time.Second
	for i := range n {
		id := fmt.Sprint(i)
		q := lab.Request{ID: id, US: 3000 + rnd.Int64N(3000), Status: 502}
		v := lab.Served{ID: id, US: 2000, Status: 502}
		tried := make(map[int]bool)
		for len(tried) < len(instances) {
			pick := o.Next(func(i int) bool { return tried[i] })
			tried[pick] = true
			service := instances[pick].Service
			if rnd.Float64() < failing {
				v.Tries = append(v.Tries, try(service, 502))
				continue
			}
			v.Tries = append(v.Tries, try(service, 200))
			q.Instance, q.Status, v.Status = service, 200, 200
			break
		}
		reqs = append(reqs, check.Req{At: at, Value: q})
		at += time.Duration(q.US) * time.Microsecond
		served = append(served, check.Line{At: at.Truncate(time.Millisecond), Value: v})
	}
	return reqs, served
}

// Two honest witnesses never disagree, nothing is counted twice, and the order
// in which they are heard does not matter.
func TestTruthOfHonestWitnesses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		reqs, served := world(rnd, rapid.IntRange(1, 60).Draw(t, "requests"), rapid.Float64Range(0, 0.9).Draw(t, "failing"))
		truth := check.TruthOf(reqs, served)
		require.Equal(t, lab.Pass, check.Agree("", truth).Verdict)
		tries, answers := 0, 0
		for _, l := range served {
			tries += len(l.Value.Tries)
		}
		for _, w := range truth.Instances {
			tries -= w.Tries
			answers += w.AnswersLog
			require.Equal(t, w.AnswersClient, w.AnswersLog)
			require.LessOrEqual(t, w.FailedTries, w.Tries)
		}
		require.Zero(t, tries, "every try is at one instance")
		require.Equal(t, len(reqs)-check.Failures(reqs), answers)
		require.LessOrEqual(t, truth.Rescued, truth.Retried)

		turns := check.TurnsOf(served, reqs)
		require.Equal(t, check.Answered(reqs), turns.Answered())

		rnd.Shuffle(len(reqs), func(i, j int) { reqs[i], reqs[j] = reqs[j], reqs[i] })
		rnd.Shuffle(len(served), func(i, j int) { served[i], served[j] = served[j], served[i] })
		require.Equal(t, fmt.Sprint(truth), fmt.Sprint(check.TruthOf(reqs, served)))

		if drop := rapid.IntRange(0, len(served)).Draw(t, "lines lost"); drop > 0 {
			short := check.TruthOf(reqs, served[drop:])
			require.Equal(t, len(reqs), short.Joined+short.Absent+short.Lost)
			require.Equal(t, lab.Unknown, check.Agree("", short).Verdict, "an incomplete log shows nothing")
		}
	})
}

func TestSerial(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	reqs, served := world(rnd, 100, 0)
	assert.Equal(t, lab.Pass, check.Serial("s", instances, reqs, served).Verdict)
	served[10], served[11] = served[11], served[10]
	assert.Equal(t, lab.Pass, check.Serial("s", instances, reqs, served).Verdict, "two workers may log in another order than that of the requests")
	assert.Equal(t, lab.Fail, check.Serial("s", []lab.Instance{{Service: "app", Weight: 1}, {Service: "app1", Weight: 1}, {Service: "app2", Weight: 1}, {Service: "app3", Weight: 1}}, reqs, served).Verdict)
	c := check.Serial("s", instances, reqs, served[1:])
	assert.Equal(t, lab.Unknown, c.Verdict, "a turn is missing")
	assert.Contains(t, c.Got, "1 of 100 requests are not in the log")

	foreign := check.Line{At: reqs[50].At + time.Millisecond, Value: lab.Served{ID: "x", Status: 200, Tries: []lab.Try{try("app", 200)}}}
	assert.Equal(t, "app", check.SerialTries(reqs, append([]check.Line{foreign}, served...))[50].Service, "somebody else's turn stands where it was taken")
	assert.Len(t, check.SerialTries(nil, served), 100, "without requests the log's order is taken")

	reqs, served = world(rnd, 100, 0.3)
	assert.Equal(t, lab.Unknown, check.Serial("s", instances, reqs, served).Verdict, "after a failed try the log does not tell who is out")
	assert.NotEqual(t, lab.Fail, check.SerialOrder("s", instances, 0, check.SerialTries(reqs, served)).Verdict, "but with max_fails 0 nobody ever is")
}

func TestFailedTries(t *testing.T) {
	for _, c := range []struct {
		sentence string
		line     check.Line
		want     int
	}{
		{"a good answer", line("1", 200, try("app", 200)), 0},
		{"an app that says 500 has answered", line("1", 500, try("app", 500)), 0},
		{"an app that says 503 has answered", line("1", 503, try("app", 503)), 0},
		{"a time-out", line("1", 504, try("app", 504)), 1},
		{"a refused connection, and then an answer", line("1", 200, try("app", 502), try("app1", 200)), 1},
		{"no status at all", line("1", 502, try("app", 0)), 1},
		{"the client left: not the instance's failure", line("1", 499, try("app", 0)), 0},
		{"the client left during the second try", line("1", 499, try("app", 502), try("app1", 0)), 1},
	} {
		truth := check.TruthOf([]check.Req{asked("1", "", 0)}, []check.Line{c.line})
		assert.Equal(t, c.want, truth.FailedTries(), c.sentence)
	}
}
