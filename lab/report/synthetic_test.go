package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

// recordWriter makes a record as a run would write it, from a fixed seed.
type recordWriter struct {
	b        bytes.Buffer
	enc      *json.Encoder
	rnd      *rand.Rand
	now      time.Duration
	scenario string
}

func newRecord(info lab.RunInfo) *recordWriter {
	w := &recordWriter{rnd: rand.New(rand.NewPCG(7, 11))}
	w.enc = json.NewEncoder(&w.b)
	info.Schema = lab.SchemaVersion
	w.event(0, lab.Event{Kind: lab.KindRun, Run: &info})
	return w
}

func (w *recordWriter) event(at time.Duration, e lab.Event) {
	e.At = at.Microseconds()
	e.Scenario = w.scenario
	if err := w.enc.Encode(e); err != nil {
		panic(err)
	}
	w.now = max(w.now, at)
}

func (w *recordWriter) stack() {
	w.event(6200*time.Millisecond, lab.Event{Kind: lab.KindStack, Stack: &lab.StackInfo{
		Project: "inventario-lab", ReadyS: 6.2, Base: "debian", Expected: topology(),
		Versions: map[string]string{"mysql": "9.7.0", "nginx": "1.30.1", "phpmyadmin": "5.2.2", "app": "Go 1.26.8"},
	}})
}

func topology() *lab.Topology {
	return &lab.Topology{
		Schema:   1,
		Balancer: lab.Balancer{Service: "nginx", Port: 8080, IdentityHeader: "X-Served-By", AccessLog: true, Workers: 2, SharedState: true},
		Instances: []lab.Instance{
			{Service: "app", Weight: 3}, {Service: "app1", Weight: 2}, {Service: "app2", Weight: 1}, {Service: "app3", Weight: 1},
		},
	}
}

func (w *recordWriter) begin(b lab.Begin) time.Duration {
	w.scenario = b.Name
	w.now += 300 * time.Millisecond
	w.event(w.now, lab.Event{Kind: lab.KindBegin, Begin: &b})
	return w.now
}

func (w *recordWriter) step(at time.Duration, format string, args ...any) {
	w.event(at, lab.Event{Kind: lab.KindStep, Text: fmt.Sprintf(format, args...)})
}

func (w *recordWriter) fault(at time.Duration, kind, service string, p lab.Phase) {
	w.event(at, lab.Event{Kind: lab.KindFault, Fault: &lab.FaultEvent{FaultSpec: lab.FaultSpec{Kind: kind, Service: service}, Phase: p}})
}

func (w *recordWriter) metric(name string, v float64) {
	w.event(w.now, lab.Event{Kind: lab.KindMetric, Metric: &lab.Metric{Name: name, Value: v}})
}

func (w *recordWriter) sample(at time.Duration, series, label string, v float64) {
	w.event(at, lab.Event{Kind: lab.KindSample, Sample: &lab.Sample{Series: series, Label: label, Value: v}})
}

func (w *recordWriter) check(c lab.Check) { w.event(w.now, lab.Event{Kind: lab.KindCheck, Check: &c}) }

func (w *recordWriter) end(v lab.Verdict, reason string) {
	w.now += 20 * time.Millisecond
	w.event(w.now, lab.Event{Kind: lab.KindEnd, End: &lab.End{Verdict: v, Reason: reason}})
	w.scenario = ""
}

func (w *recordWriter) done(v lab.Verdict) {
	w.event(w.now+time.Millisecond, lab.Event{Kind: lab.KindDone, Done: &lab.Done{Verdict: v}})
}

func (w *recordWriter) run(t testing.TB) *lab.Run {
	t.Helper()
	run, err := lab.ParseRun(bytes.NewReader(w.b.Bytes()))
	require.NoError(t, err)
	return run
}

// latency is a plausible answer time: log-normal around a median.
func (w *recordWriter) latency(median time.Duration, spread float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(spread*w.rnd.NormFloat64())).Round(time.Microsecond)
}

func (w *recordWriter) request(sent time.Duration, q lab.Request) {
	w.event(sent, lab.Event{Kind: lab.KindRequest, Request: &q})
	w.now = max(w.now, sent+time.Duration(q.US)*time.Microsecond)
}

// rotation is the order in which the weights 3, 2, 1, 1 are served.
var rotation = []string{"app", "app1", "app2", "app", "app3", "app1", "app"}

// outage says what happens to the requests of one instance.
type outage struct {
	service  string
	from, to time.Duration // since the load's start
	fails    bool          // clients see it, else the balancer tries the next
	stall    time.Duration
}

// load sends n requests evenly over length.
func (w *recordWriter) load(name string, start, length time.Duration, n int, median time.Duration, out *outage) {
	for i, turn := 0, 0; i < n; i++ {
		at := length * time.Duration(i) / time.Duration(n)
		q := lab.Request{Load: name, Status: 200, Instance: rotation[turn%7], ID: fmt.Sprintf("%s-%06d", name, i)}
		turn++
		took := w.latency(median, 0.35)
		if out != nil && at >= out.from && at < out.to {
			first := at < out.from+out.stall
			switch {
			case q.Instance == out.service && out.fails && first:
				q.Status, q.Instance, took = 502, "", 40*time.Millisecond+took
			case q.Instance == out.service:
				for q.Instance == out.service {
					q.Instance = rotation[turn%7]
					turn++
				}
				if first {
					took += 60 * time.Millisecond
				}
			}
		}
		q.US = took.Microseconds()
		w.request(start+at, q)
	}
}

var machine = lab.Machine{
	OS: "Debian GNU/Linux 13", Kernel: "6.12.0", CPU: "Example CPU @ 2.50GHz", Cores: 2, MemoryMB: 24576,
	Go: "go1.26.8", Docker: "20.10.24 (API 1.41)",
}

var started = time.Date(2026, time.November, 23, 14, 12, 5, 0, time.UTC)

func pass(name, want, got string) lab.Check {
	return lab.Check{Name: name, Verdict: lab.Pass, Want: want, Got: got}
}

// goodRun is a run in which everything passed.
func goodRun() *recordWriter {
	w := newRecord(lab.RunInfo{
		Started: started, Command: "go run ./lab/cmd/lab run --title 'Práctica 3: balanceo' --author 'Ana García'",
		Title: "Práctica 3: balanceo", Author: "Ana García", Machine: machine,
	})
	w.stack()
	w.weights()
	w.replication()
	w.appFailover(false)
	w.heyLoad()
	w.replicationWays()
	w.capacity()
	w.omission()
	w.done(lab.Pass)
	return w
}

func (w *recordWriter) weights() {
	at := w.begin(lab.Begin{
		Name: "weights", Title: "The balancer shares requests by weight",
		Hypothesis: "Every instance answers its weight's share of the requests.",
		NotClaimed: "The order of the turns within a cycle.",
		Charts:     []lab.Chart{lab.ChartShares},
	})
	w.step(at, "700 requests to /whoami, each after the answer to the one before: 100 whole cycles of the weights.")
	w.load("serial", at, time.Second, 700, 1200*time.Microsecond, nil)
	for name, n := range map[string]float64{"app": 300} { // one entry each, in order
		w.sample(w.now, logSeries, name, n)
	}
	w.sample(w.now, logSeries, "app1", 200)
	w.sample(w.now, logSeries, "app2", 100)
	w.sample(w.now, logSeries, "app3", 100)
	w.metric("requests", 700)
	w.metric("share_app", 300.0/700)
	w.metric("share_app1", 200.0/700)
	w.metric("share_app2", 100.0/700)
	w.metric("share_app3", 100.0/700)
	w.check(pass("serial shares, by the app's header", "app 300.0, app1 200.0, app2 100.0, app3 100.0, each at most ±1.7 answers", "app 300, app1 200, app2 100, app3 100 of 700"))
	w.end(lab.Pass, "")
}

func (w *recordWriter) replication() {
	at := w.begin(lab.Begin{
		Name: "replication", Title: "Every replica receives everything, in order",
		Hypothesis: "After catching up, all replicas have the content of the source.",
		Charts:     []lab.Chart{lab.ChartLag},
	})
	w.step(at, "300 rows are written to the source.")
	w.mark(at, "before")
	for i := range 300 {
		sent := at + time.Duration(i)*10*time.Millisecond
		for _, r := range []string{"slave1", "slave2", "slave3"} {
			lag := w.latency(3*time.Millisecond, 0.3)
			if r == "slave2" && i > 140 && i < 160 {
				lag += time.Duration(160-i) * 4 * time.Millisecond
			}
			w.sample(sent, lagSeries, r, milliseconds(lag))
		}
	}
	w.metric("rows", 300)
	w.metric("lag_p50_ms", 3.02)
	w.metric("lag_p99_ms", 58.7)
	w.metric("lag_max_ms", 79.2)
	w.check(pass("content is equal after catching up", "the same hash on slave1, slave2, slave3", "a41f…9c on all three"))
	w.end(lab.Pass, "")
}

func (w *recordWriter) appFailover(fails bool) {
	at := w.begin(lab.Begin{
		Name: "app-failover", Title: "An instance is killed under load and comes back",
		Hypothesis: "No request fails while `app` is down, and its share comes back with it.",
		Fault:      "SIGKILL of app's container; a killed container is simpler than a broken network.",
		NotClaimed: "That requests which change something are never sent twice.",
		Charts:     []lab.Chart{lab.ChartTimeline},
	})
	const second = time.Second
	w.step(at, "Load begins: 50 clients ask for the home page.")
	w.load("home", at+100*time.Millisecond, 9*second, 3600, 8*time.Millisecond, &outage{
		service: "app", from: 3 * second, to: 6500 * time.Millisecond, fails: fails, stall: 400 * time.Millisecond,
	})
	w.fault(at+3*second, "kill", "app", lab.FaultAsked)
	w.fault(at+3120*time.Millisecond, "kill", "app", lab.FaultInEffect)
	w.fault(at+5*second, "kill", "app", lab.FaultHealing)
	w.fault(at+6600*time.Millisecond, "kill", "app", lab.FaultHealed)
	w.mark(at+600*time.Millisecond, "before")
	w.mark(at+8*second, "share is back")
	w.windows(fails)
	w.metric("requests", 3600)
	w.metric("failed", map[bool]float64{true: 69, false: 0}[fails])
	w.metric("worst_ms", 83.4)
	w.metric("recover_ms", 1612)
	if fails {
		w.check(lab.Check{
			Name: "no request fails", Verdict: lab.Fail, Want: "0 failed requests (no answer, or a status other than 2xx)",
			Got: "69 of 3600 failed: 69 × status 502", Hint: "look at the balancer's error log and access log\n(upstream_status shows every try);\ntry more tries, shorter connect time-outs or `max_fails`",
		})
		w.check(lab.Check{
			Name: "the share comes back", Verdict: lab.Unknown, Want: "app answers 3 of 7 requests within 5 s", Got: "12 answers after the repair",
			Hint: "the load ended too early: let it run longer",
		})
		w.end(lab.Fail, "")
		return
	}
	w.check(pass("no request fails", "0 failed requests (no answer, or a status other than 2xx)", "0 of 3600 failed"))
	w.check(pass("the share comes back", "app answers 3 of 7 requests within 5 s", "3 of 7 after 1.6 s"))
	w.end(lab.Pass, "")
}

func (w *recordWriter) heyLoad() {
	at := w.begin(lab.Begin{
		Name: "load", Title: "A hundred users at once are all answered",
		Hypothesis: "With many users at once, every request is answered with the right page.",
		NotClaimed: "Any speed: the figures are this machine's.",
		Charts:     []lab.Chart{lab.ChartLatency},
	})
	for _, l := range []struct {
		name   string
		median time.Duration
	}{{"home", 31 * time.Millisecond}, {"home, keep-alive", 12 * time.Millisecond}, {"inventory", 90 * time.Millisecond}, {"inventory, keep-alive", 75 * time.Millisecond}} {
		w.step(w.now, "1000 requests to %s, 100 at a time.", l.name)
		w.load(l.name, w.now, 400*time.Millisecond, 1000, l.median, nil)
	}
	_ = at
	for _, m := range []lab.Metric{
		{Name: "requests", Value: 1000},
		{Name: "concurrency", Value: 100},
		{Name: "failed", Value: 0},
		{Name: "rps", Value: 2143.7},
		{Name: "p50_ms", Value: 31.2},
		{Name: "p95_ms", Value: 55.1},
		{Name: "p99_ms", Value: 70.9},
		{Name: "inventory_keepalive_rps", Value: 912.4},
		{Name: "inventory_keepalive_p99_ms", Value: 171.3},
	} {
		w.metric(m.Name, m.Value)
	}
	w.check(pass("home: every request is answered well", "1000 answers with a status of 2xx", "1000 of 1000"))
	w.end(lab.Pass, "")
}

// badRun is a run with every way not to pass.
func badRun() *recordWriter {
	w := newRecord(lab.RunInfo{Started: started, Command: "make lab", Machine: machine})
	w.stack()
	w.appFailover(true)
	at := w.begin(lab.Begin{
		Name: "replica-failover", Title: "A replica is killed under reads and writes", Hypothesis: "No read fails.",
		Fault: "SIGKILL of slave1's container.", Charts: []lab.Chart{lab.ChartTimeline, lab.ChartLag},
	})
	w.step(at, "Reads and writes begin.")
	w.load("reads", at, 4*time.Second, 800, 6*time.Millisecond, nil)
	w.load("writes", at, 4*time.Second, 200, 14*time.Millisecond, nil)
	w.fault(at+time.Second, "kill", "slave1", lab.FaultAsked)
	w.fault(at+1200*time.Millisecond, "kill", "slave1", lab.FaultInEffect)
	w.sample(at+500*time.Millisecond, lagSeries, "slave1", 4.2)
	w.end(lab.Unknown, "heal kill slave1: start container: timed out\nlast lines of slave1:\n  [ERROR] [MY-010119] [Server] Aborting | exit\n  <script>alert(1)</script>")
	w.begin(lab.Begin{
		Name: "weights", Title: "The balancer shares requests by weight", Hypothesis: "Shares follow the weights.",
		Charts: []lab.Chart{lab.ChartShares, lab.ChartLatency, lab.ChartTimeline, "hologram"},
	})
	w.end(lab.Skipped, "the topology says that the balancer writes no JSON access log (balancer.access_log)")
	w.strangeTables()
	w.done(lab.Fail)
	return w
}
