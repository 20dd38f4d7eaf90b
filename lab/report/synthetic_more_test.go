package report

import (
	"math"
	"time"

	"inventariolab/lab"
)

func (w *recordWriter) mark(at time.Duration, name string) {
	w.event(at, lab.Event{Kind: lab.KindMark, Mark: &lab.Mark{Name: name}})
}

func (w *recordWriter) table(t lab.Table) {
	w.event(w.now, lab.Event{Kind: lab.KindTable, Table: &t})
}

// windows are the tables of a failover, with a line of the balancer's log.
func (w *recordWriter) windows(fails bool) {
	w.event(w.now, lab.Event{Kind: lab.KindServed, Served: &lab.Served{
		ID: "home-001200", Status: 200, US: 64_000,
		Tries: []lab.Try{{Service: "app", Status: 502, US: 60_000}, {Service: "app1", Status: 200, US: 4000}},
	}})
	failed := map[bool]float64{true: 69}[fails]
	columns := []string{"requests", "failed", "rps", "p50_ms", "p95_ms", "p99_ms", "worst_ms"}
	w.table(lab.Table{
		Name: "windows", Rows: "window", Columns: columns,
		Lines: []lab.Line{
			lab.NewLine("before", 1200, 0, 400.2, 8.03, 14.2, 18.1, 21.7),
			lab.NewLine("during", 1440, failed, 398.8, 8.11, 14.9, 77.3, 83.4),
			lab.NewLine("after", 80, 0, 400.1, 7.98, 14.4, math.NaN(), 17.2),
		},
		Note: "The windows follow the phases of the fault; a p99 takes 100 answers.",
	})
	w.table(lab.Table{
		Name: "truth", Rows: "instance",
		Columns: []string{"answers_client", "answers_log", "tries", "failed_tries", "try_p50_ms", "try_p99_ms", "try_max_ms"},
		Lines: []lab.Line{
			lab.NewLine("app", 942, 942, 1011, 69, 7.9, 61.2, 64.8),
			lab.NewLine("app1", 1332, 1332, 1332, 0, 8.0, 15.1, 22.3),
		},
	})
}

// lagWays are lags measured in three ways, idle and then busy.
func (w *recordWriter) lagWays(at time.Duration) {
	w.mark(at, "idle")
	w.mark(at+4*time.Second, "busy")
	w.mark(at+8*time.Second, "end")
	for i := range 320 {
		t := at + time.Duration(i)*25*time.Millisecond
		busy := i >= 160
		for _, r := range []string{"slave1", "slave2", "slave3"} {
			lag := w.latency(3*time.Millisecond, 0.3)
			if busy {
				lag += time.Duration(min(i-160, 320-i)) * 15 * time.Millisecond
			}
			w.sample(t, lagSeries, r, milliseconds(lag))
			w.sample(t, applierSeries, r, milliseconds(lag)*0.7)
			if i%20 == 0 {
				w.sample(t, sbsSeries, r, math.Floor(lag.Seconds()))
			}
		}
	}
}

func (w *recordWriter) replicationWays() {
	at := w.begin(lab.Begin{
		Name: "lag-ways", Title: "One lag, three ways to measure it",
		Hypothesis: "What a replica says of itself hides a lag of less than a second.",
		Charts:     []lab.Chart{lab.ChartLag},
	})
	w.lagWays(at)
	w.table(lab.Table{
		Name: "lag", Rows: "replica", Columns: []string{"idle_p50_ms", "idle_p99_ms", "busy_p50_ms", "busy_p99_ms", "applier_p99_ms", "sbs_max_s"},
		Lines: []lab.Line{lab.NewLine("slave1", 3.01, 6.2, 1190, 2390, 1670, 2), lab.NewLine("slave2", 3.02, 6.1, 1188, 2391, 1671, 2)},
	})
	w.metric("idle_lag_p99_ms", 6.2)
	w.metric("applier_p99_ms", 1671)
	w.metric("sbs_max_s", 2)
	w.check(pass("the ways agree", "within one second", "they do"))
	w.end(lab.Pass, "")
}

func capacitySteps() *lab.Table {
	t := &lab.Table{
		Name: "capacity", Rows: "step", Columns: []string{"rate_asked", "rps", "p50_ms", "p99_ms", "failed_share", "behind_ms"},
		Note: "Each step lasts 10 s.",
	}
	for i := 1; i <= 8; i++ {
		rate := float64(250 * i)
		over := math.Max(0, rate-1500)
		t.Lines = append(t.Lines, lab.NewLine(English.number(rate), rate, rate-over*0.9, 2.1+rate/900+over*1.5, 6+rate/200+over*4, over/8000, 0.4+over/100))
	}
	return t
}

func (w *recordWriter) capacity() {
	at := w.begin(lab.Begin{
		Name: "capacity", Title: "How much the stack carries", Hypothesis: "The knee is found.",
		NotClaimed: "That another machine carries as much.", Charts: []lab.Chart{lab.ChartCapacity},
	})
	w.now = at + 80*time.Second
	w.table(*capacitySteps())
	w.metric("knee_rps", 1500)
	w.metric("goal_p99_ms", 100)
	w.metric("goal_failed_share", 0.01)
	w.check(pass("a knee is found", "goals hold at the first step and not at the last", "1500/s"))
	w.end(lab.Pass, "")
}

// loops are a closed and an open loop over the same pause of 1.5 s.
func (w *recordWriter) loops(at time.Duration) {
	const second = time.Second
	from, to := at+3*second, at+4500*time.Millisecond
	took := func(due time.Duration) time.Duration {
		t := w.latency(5*time.Millisecond, 0.25)
		if due < to && due+t > from {
			return to - due + t
		}
		return t
	}
	for client := range 4 {
		for sent := at + time.Duration(client)*2*time.Millisecond; sent < at+8*second; sent += 10 * time.Millisecond {
			t := took(sent)
			w.request(sent, lab.Request{Load: "closed", US: t.Microseconds(), Status: 200, Instance: "app"})
			sent += t
		}
	}
	for i := range 2000 {
		due := at + time.Duration(i)*4*time.Millisecond
		late := time.Duration(w.rnd.IntN(300)) * time.Microsecond
		w.request(due+late, lab.Request{Load: "open", US: (took(due) - late).Microseconds(), Status: 200, Instance: "app", LateUS: late.Microseconds()})
	}
}

func (w *recordWriter) omission() {
	at := w.begin(lab.Begin{
		Name: "omission", Title: "What a closed loop leaves out", Hypothesis: "The closed loop's p99 hides the pause.",
		Fault: "The instance is frozen for 1.5 s.", Charts: []lab.Chart{lab.ChartOmission, lab.ChartTimeline},
	})
	w.loops(at)
	for i, p := range []lab.Phase{lab.FaultAsked, lab.FaultInEffect, lab.FaultHealing, lab.FaultHealed} {
		w.fault(at+3*time.Second+[]time.Duration{0, 20 * time.Millisecond, 1480 * time.Millisecond, 1500 * time.Millisecond}[i], "pause", "app", p)
	}
	w.table(lab.Table{
		Name: "omission", Rows: "loop", Columns: []string{"requests", "p50_ms", "p99_ms", "p999_ms", "worst_ms", "unsent"},
		Lines: []lab.Line{lab.NewLine("closed", 1745, 5.1, 9.8, math.NaN(), 1507, 392), lab.NewLine("open", 2000, 5.2, 1421, 1501, 1508, 0)},
	})
	w.metric("closed_p99_ms", 9.8)
	w.metric("open_p99_ms", 1421)
	w.check(pass("the open loop sees the pause", "a p99 of more than 500 ms", "1421 ms"))
	w.end(lab.Pass, "")
}

// strangeTables are tables as a newer lab, or somebody with bad intentions,
// might record them.
func (w *recordWriter) strangeTables() {
	w.begin(lab.Begin{
		Name: "ledger", Title: "No write is lost", Hypothesis: "What was acknowledged is there, once.",
		Charts: []lab.Chart{lab.ChartCapacity, lab.ChartOmission},
	})
	w.table(lab.Table{
		Name: "ledger", Rows: "node", Columns: []string{"acknowledged", "refused", "unsure", "lost", "duplicated", "unsure_applied", "refused_applied"},
		Lines: []lab.Line{lab.NewLine("maestro1", 812, 3, 5, 1, 0, 2, 0), lab.NewLine("slave1", 812, 3, 5, 1, 0, 2, 0)},
		Note:  "One acknowledged write is gone.",
	})
	w.table(lab.Table{
		Name: "<script>alert(1)</script> | a", Rows: "fruit", Columns: []string{"weight_kg", "p50_ms", "x|y"},
		Lines: []lab.Line{{Label: "apple | `pear`"}, lab.NewLine("plum\nline", 1, 2, 3, 4)},
		Note:  "[a link](javascript:alert(1)) <b>bold</b>",
	})
	w.metric("lost", 1)
	w.metric("unsure", 5)
	w.check(lab.Check{Name: "no write is lost", Verdict: lab.Fail, Want: "0 lost", Got: "1 lost: w-17", Hint: "look at the source's log"})
	w.end(lab.Fail, "")
}
