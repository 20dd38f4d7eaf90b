package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"inventariolab/lab"
)

// Selects is the series of samples that hold, by server, how many SELECTs it had
// executed when it was asked.
const Selects = "selects"

// ReadsAt is how many SELECTs each server executed in [from, to), from counts
// that grow. A count that falls began anew, with a server that was started again:
// all of it is of that server's new life. A server that was not asked twice has
// no entry.
func ReadsAt(samples []lab.Timed[lab.Sample], from, to time.Duration) map[string]float64 {
	by := make(map[string][]lab.Timed[lab.Sample])
	for _, s := range samples {
		if s.Value.Series == Selects && s.At >= from && s.At < to {
			by[s.Value.Label] = append(by[s.Value.Label], s)
		}
	}
	reads := make(map[string]float64)
	for server, counts := range by {
		slices.SortFunc(counts, func(a, b lab.Timed[lab.Sample]) int { return cmp.Compare(a.At, b.At) })
		for i := 1; i < len(counts); i++ {
			grown := counts[i].Value.Value - counts[i-1].Value.Value
			if grown < 0 {
				grown = counts[i].Value.Value
			}
			reads[server] += grown
		}
	}
	return reads
}

// ReadWindow is what was read where in a part of a load.
type ReadWindow struct {
	Name  string // "before"
	Reads map[string]float64
}

// of is what the servers executed together, and everybody.
func (w ReadWindow) of(servers []string) (mine, all float64) {
	for s, n := range w.Reads {
		all += n
		if slices.Contains(servers, s) {
			mine += n
		}
	}
	return mine, all
}

// ReadsTable shows, for each server, how many SELECTs it executed in each window.
func ReadsTable(windows []ReadWindow, servers []string) lab.Table {
	t := lab.Table{
		Name: "reads_at", Rows: "server",
		Note: "SELECTs of tables that each server has executed, by its own count (statement digests); a server that died took the count of its last half second with it.",
	}
	for _, w := range windows {
		t.Columns = append(t.Columns, "selects_"+w.Name)
	}
	for _, s := range servers {
		values := make([]float64, len(windows))
		for i, w := range windows {
			values[i] = w.Reads[s]
		}
		t.Lines = append(t.Lines, lab.NewLine(s, values...))
	}
	return t
}

// ReadFrom checks that some servers execute at least a share of the SELECTs in a
// window. With fewer than least SELECTs it is Unknown.
func ReadFrom(name string, w ReadWindow, servers []string, share float64, least int) lab.Check {
	mine, all := w.of(servers)
	want := fmt.Sprintf("at least %.0f %% of the SELECTs %s at %s", 100*share, w.Name, few(servers, 4))
	got := fmt.Sprintf("%.0f of %.0f", mine, all)
	switch {
	case all < float64(least):
		return unknown(name, want, got, fmt.Sprintf("fewer than %d SELECTs were counted: look whether the load reached the databases, and at performance_schema's statement digests", least))
	case mine < share*all:
		return fail(name, want, got, "look at the app's page of servers and its log: which servers it thinks usable, and why")
	}
	return pass(name, want, got)
}

// ReadsLeave checks that a server's share of the SELECTs falls to at most a part
// of what it was before. With fewer than least SELECTs in a window, or with a
// server that nobody read from before, it is Unknown.
func ReadsLeave(name, server string, before, during ReadWindow, part float64, least int) lab.Check {
	want := fmt.Sprintf("%s has at most %.0f %% of its share of the SELECTs before", server, 100*part)
	was, allBefore := before.of([]string{server})
	is, all := during.of([]string{server})
	got := fmt.Sprintf("%.0f of %.0f before, %.0f of %.0f during", was, allBefore, is, all)
	switch {
	case allBefore < float64(least) || all < float64(least) || was == 0:
		return unknown(name, want, got, fmt.Sprintf("it takes %d SELECTs in either window, and some at the server before: look why the load was so thin", least))
	case is/all > part*was/allBefore:
		return fail(name, want, got, "the app goes on reading from a server that is behind: look at the longest lag that it allows, and at how it measures lag")
	}
	return pass(name, want, got)
}
