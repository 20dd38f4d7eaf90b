package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"inventariolab/lab"
)

// Sample is one measured value, with its moment.
type Sample = lab.Timed[lab.Sample]

// The series of the three ways to measure how far a replica is behind. The
// label of each is the replica.
const (
	LagRows      = "lag_ms"     // on rows: from sending a row to the source until a replica has shown it
	LagApplier   = "applier_ms" // by the servers' time stamps: from the commit at the source to the end of applying it
	LagSeconds   = "sbs_s"      // what the replica says itself: Seconds_Behind_Source
	LagSecondsNo = "sbs_null"   // it said NULL; the value is 1

	// CommitTime is from sending a row to the source until it has acknowledged
	// it; the sample's moment is when it was sent, the label is the source.
	CommitTime = "commit_ms"
)

// LagPhase is a time during which lag was measured under one load.
type LagPhase struct {
	Name     string        // "idle", "busy"
	From, To time.Duration // since the run's start
	Written  int           // transactions that the lab wrote in it; 0 when not known
}

// has says whether what a sample is about began in the phase: of a lag, when
// the row was written, not when it arrived at last.
func (p LagPhase) has(s Sample) bool {
	began := s.At
	if s.Value.Series == LagRows || s.Value.Series == LagApplier {
		began -= millis(s.Value.Value)
	}
	return p.From <= began && began < p.To
}

// Lags are the values of a series in a phase, sorted, by replica.
func Lags(samples []Sample, series string, p LagPhase) map[string][]float64 {
	by := make(map[string][]float64)
	for _, s := range samples {
		if s.Value.Series == series && p.has(s) {
			by[s.Value.Label] = append(by[s.Value.Label], s.Value.Value)
		}
	}
	for _, v := range by {
		slices.Sort(v)
	}
	return by
}

// AllLags are the values of a series in a phase over all replicas, sorted.
func AllLags(samples []Sample, series string, p LagPhase) []float64 {
	var all []float64
	for _, v := range Lags(samples, series, p) {
		all = append(all, v...)
	}
	slices.Sort(all)
	return all
}

// LagMeasured checks that there is enough to say something about lag: every
// heartbeat row seen at every replica, and in each phase enough of them for a
// p99. unseen counts those that a replica did not show in time: without the
// longest lags every percentile would flatter. How long the lag may be is not
// judged: it is the machine's, not the stack's.
func LagMeasured(name string, samples []Sample, phases []LagPhase, unseen map[string]int, replicas []string) lab.Check {
	want := "every heartbeat row seen at every replica, in each phase at least 100, enough for a 99th percentile"
	var got []string
	thin := len(replicas) == 0 || len(phases) == 0
	for _, p := range phases {
		seen := Lags(samples, LagRows, p)
		for _, r := range replicas {
			ms := seen[r]
			got = append(got, fmt.Sprintf("%s %s %d rows, p50 %.1f ms, p99 %.1f ms", r, p.Name, len(ms), Quantile(ms, 0.5), Quantile(ms, 0.99)))
			thin = thin || !EnoughFor(0.99, len(ms))
		}
	}
	for _, r := range replicas {
		if n := unseen[r]; n > 0 {
			got = append(got, fmt.Sprintf("%s never showed %d", r, n))
			thin = true
		}
	}
	if thin {
		return unknown(name, want, few(got, 12), "a replica lags far behind, or the heartbeat was too slow or stopped: look at the source's load and at the lab's account")
	}
	return pass(name, want, few(got, 12))
}

// LagTable compares the three ways, a line for each replica and phase. A
// percentile for which there are too few values is left out.
func LagTable(samples []Sample, phases []LagPhase, replicas []string) lab.Table {
	t := lab.Table{
		Name: "lag", Rows: "replica",
		Columns: []string{
			"lag_p50_ms", "lag_p99_ms", "lag_max_ms", "applier_p50_ms", "applier_p99_ms", "applier_max_ms",
			"sbs_p50_s", "sbs_p99_s", "sbs_max_s", "sbs_nulls",
		},
		Note: strings.Join([]string{WhichLies(samples, phases), applierCoverage(samples, phases, replicas)}, " "),
	}
	for _, p := range phases {
		rows, applier := Lags(samples, LagRows, p), Lags(samples, LagApplier, p)
		said, nulls := Lags(samples, LagSeconds, p), Lags(samples, LagSecondsNo, p)
		for _, r := range replicas {
			values := slices.Concat(summary(rows[r]), summary(applier[r]), summary(said[r]))
			t.Lines = append(t.Lines, lab.NewLine(r+" "+p.Name, append(values, float64(len(nulls[r])))...))
		}
	}
	return t
}

// summary is the p50, the p99 and the largest of sorted values.
func summary(sorted []float64) []float64 {
	p99 := math.NaN()
	if EnoughFor(0.99, len(sorted)) {
		p99 = Quantile(sorted, 0.99)
	}
	return []float64{Quantile(sorted, 0.5), p99, Quantile(sorted, 1)}
}

// applierCoverage says how much of what was written the applier's time stamps
// tell of.
func applierCoverage(samples []Sample, phases []LagPhase, replicas []string) string {
	seen, written := 0, 0
	for _, p := range phases {
		seen += len(AllLags(samples, LagApplier, p))
		written += p.Written * len(replicas)
	}
	if written == 0 {
		return "The applier's time stamps are a sample: the newest transaction of each worker at each look."
	}
	return fmt.Sprintf("The applier's time stamps are a sample: the newest transaction of each worker at each look, together %.0f %% of the lab's transactions.",
		100*float64(min(seen, written))/float64(written))
}

// WhichLies says, from what was measured, which of the three ways does not
// tell the truth, and why.
//
// Rows are the yardstick, since they are what a user sees. A row is late from
// the moment at which the source has acknowledged it until a replica shows it.
// Each answer of a replica (Seconds_Behind_Source) is held against the rows
// that were late at that moment: 0 is wrong when one was, 1 or more when none
// was by that much.
func WhichLies(samples []Sample, phases []LagPhase) string {
	looks, zeros, nulls := 0, 0, 0
	var hidden, exaggerated []float64 // ms: how late the oldest row was then
	late := lateRows(samples)
	for _, s := range samples {
		if !slices.ContainsFunc(phases, func(p LagPhase) bool { return p.has(s) }) {
			continue
		}
		switch s.Value.Series {
		case LagSecondsNo:
			nulls++
			looks++
		case LagSeconds:
			looks++
			ms := late.at(s.Value.Label, s.At)
			switch {
			case s.Value.Value == 0:
				zeros++
				if ms > 0 {
					hidden = append(hidden, ms)
				}
			case ms < 1000*s.Value.Value:
				exaggerated = append(exaggerated, ms)
			}
		}
	}
	if looks == 0 {
		return "Seconds_Behind_Source was not read, so the three ways cannot be compared."
	}
	slices.Sort(hidden)
	slices.Sort(exaggerated)
	var lies []string
	if len(hidden) > 0 {
		lies = append(lies, fmt.Sprintf("in %d of the %d looks in which it said 0 a row that the source had acknowledged was missing, for up to %.1f ms", len(hidden), zeros, Quantile(hidden, 1)))
	}
	if len(exaggerated) > 0 {
		lies = append(lies, fmt.Sprintf("in %d of %d looks it said 1 s or more, while no row had been missing for more than %.1f ms", len(exaggerated), looks, Quantile(exaggerated, 1)))
	}
	if nulls > 0 {
		lies = append(lies, fmt.Sprintf("in %d of %d looks it said NULL, no number at all", nulls, looks))
	}
	if len(lies) == 0 {
		return fmt.Sprintf("Seconds_Behind_Source was not caught lying in %d looks: no acknowledged row was missing in any of them. It counts whole seconds, so a lag that people notice can still be 0.", looks)
	}
	return "Seconds_Behind_Source lies: " + strings.Join(lies, "; ") +
		". It is the difference of two clocks in whole seconds, and speaks only of what has already arrived at the replica." + agreement(samples, phases)
}

// agreement compares the two ways that measure, in the last phase.
func agreement(samples []Sample, phases []LagPhase) string {
	p := phases[len(phases)-1]
	rows, applier, commit := AllLags(samples, LagRows, p), AllLags(samples, LagApplier, p), AllLags(samples, CommitTime, p)
	if len(rows) == 0 || len(applier) == 0 || len(commit) == 0 {
		return ""
	}
	return fmt.Sprintf(" Rows (p50 %.1f ms, %s) take longer than the applier's time stamps say (p50 %.1f ms), because they contain the whole commit at the source (p50 %.1f ms) and the reading.",
		Quantile(rows, 0.5), p.Name, Quantile(applier, 0.5), Quantile(commit, 0.5))
}

// lateness knows from when to when each replica did not show a row that the
// source had acknowledged, in the order in which the rows were sent.
type lateness map[string][]missing

type missing struct{ acknowledged, shown time.Duration }

func lateRows(samples []Sample) lateness {
	var commits []Sample
	for _, s := range samples {
		if s.Value.Series == CommitTime {
			commits = append(commits, s)
		}
	}
	byTime := func(a Sample, t time.Duration) int { return cmp.Compare(a.At, t) }
	slices.SortStableFunc(commits, func(a, b Sample) int { return byTime(a, b.At) })
	l := make(lateness)
	for _, s := range samples {
		if s.Value.Series != LagRows {
			continue
		}
		m := missing{s.At - millis(s.Value.Value), s.At}
		// The same row is found by when it was sent, in whole microseconds.
		const rounding = 2 * time.Microsecond
		i, _ := slices.BinarySearchFunc(commits, m.acknowledged-rounding, byTime)
		if i < len(commits) && commits[i].At <= m.acknowledged+rounding {
			m.acknowledged = commits[i].At + millis(commits[i].Value.Value)
		}
		l[s.Value.Label] = append(l[s.Value.Label], m)
	}
	for _, rows := range l {
		slices.SortStableFunc(rows, func(a, b missing) int { return cmp.Compare(a.acknowledged, b.acknowledged) })
	}
	return l
}

// at is for how long the oldest missing row had been missing at a replica at a
// moment, in milliseconds; 0 when none was.
func (l lateness) at(replica string, t time.Duration) float64 {
	for _, m := range l[replica] {
		if m.acknowledged >= t {
			break
		}
		if m.shown > t {
			return float64((t - m.acknowledged).Microseconds()) / 1000
		}
	}
	return 0
}

func millis(ms float64) time.Duration { return time.Duration(math.Round(ms*1000)) * time.Microsecond }
