package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"inventariolab/lab"
)

// Table shows the ledger per server: how many of the acknowledged writes it
// has and lacks, and what it has that it should not have.
func (l Ledger) Table() lab.Table {
	t := lab.Table{
		Name: "ledger", Rows: "server",
		Columns: []string{"acknowledged", "there", "lost", "superseded", "duplicated", "unsure_applied", "refused_applied", "strangers"},
		Note:    l.note(),
	}
	for _, server := range l.Servers {
		var acked, there, lost, hidden, twice, unsure, refused, strange float64
		for _, e := range l.Entries {
			n := e.Copies[server]
			if n > 1 {
				twice++
			}
			switch e.Write.Outcome {
			case lab.Acknowledged:
				acked++
				switch {
				case n > 0:
					there++
				case slices.Contains(e.Missing, server):
					lost++
				default:
					hidden++
				}
			case lab.Refused:
				refused += float64(min(n, 1))
			default:
				unsure += float64(min(n, 1))
			}
		}
		for _, at := range l.strangers {
			strange += float64(min(at[server], 1))
		}
		t.Lines = append(t.Lines, lab.NewLine(server, acked, there, lost, hidden, twice, unsure, refused, strange))
	}
	return t
}

// InstanceTable shows the ledger per instance that answered the writes. Lost,
// duplicated and the like count a write once, however many servers it concerns.
func (l Ledger) InstanceTable() lab.Table {
	t := lab.Table{
		Name: "ledger_instances", Rows: "instance",
		Columns: []string{"writes", "acknowledged", "refused", "unsure", "lost", "duplicated", "unsure_applied", "refused_applied"},
		Note:    "A write belongs to the instance whose answer its writer got; one without an answer belongs to none.",
	}
	by := make(map[string][]Entry)
	for _, e := range l.Entries {
		name := e.Write.Instance
		if name == "" {
			name = "(no answer)"
			if e.Write.Status != 0 {
				name = label("")
			}
		}
		by[name] = append(by[name], e)
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		of := Ledger{Entries: by[name], Servers: l.Servers}
		n := func(es []Entry) float64 { return float64(len(es)) }
		t.Lines = append(t.Lines, lab.NewLine(name, n(of.Entries), n(of.With(lab.Acknowledged)), n(of.With(lab.Refused)), n(of.With(lab.Unsure)),
			n(of.Lost()), n(of.Duplicated()), n(of.UnknownApplied()), n(of.RefusedApplied())))
	}
	return t
}

func (l Ledger) note() string {
	parts := []string{fmt.Sprintf("%d writes: %d acknowledged, %d refused, %d unknown", len(l.Entries),
		len(l.With(lab.Acknowledged)), len(l.With(lab.Refused)), len(l.With(lab.Unsure)))}
	if n := len(l.With(lab.Unsure)); n > 0 && len(l.Servers) > 0 {
		parts = append(parts, fmt.Sprintf("%d of the unknown ones were done", len(l.UnknownApplied())))
	}
	if n := len(l.LostEverywhere()); n > 0 {
		parts = append(parts, fmt.Sprintf("%d acknowledged ones are at no server", n))
	}
	if n := len(l.Strangers()); n > 0 {
		parts = append(parts, fmt.Sprintf("%d ids were found that nobody wrote", n))
	}
	return strings.Join(parts, "; ") + "."
}

// NothingLost checks that every acknowledged write is at every server that was
// asked, as far as the servers can still show it (see Ledger).
func NothingLost(name string, l Ledger) lab.Check {
	acked, hidden := len(l.With(lab.Acknowledged)), len(l.pick(func(e Entry) bool { return e.Superseded && e.Write.Outcome == lab.Acknowledged }))
	want := fmt.Sprintf("each of the %d acknowledged writes at every server that was asked", acked)
	lost := l.Lost()
	var got []string
	for _, server := range l.Servers {
		missing := 0
		for _, e := range lost {
			if slices.Contains(e.Missing, server) {
				missing++
			}
		}
		got = append(got, fmt.Sprintf("%s %d missing", server, missing))
	}
	switch {
	case len(lost) > 0:
		return fail(name, want, fmt.Sprintf("%s; %d at no server; %s", few(got, 9), len(l.LostEverywhere()), examples(lost)),
			"an acknowledged write is lost: if the source lacks it, look at sync_binlog and innodb_flush_log_at_trx_commit there, and at what the app "+
				"acknowledges before the commit; if only a replica lacks it, look at its relay_log_recovery, its GTID set and its filters")
	case acked == 0 || len(l.Servers) == 0:
		return unknown(name, want, fmt.Sprintf("%d writes were acknowledged, %d servers asked", acked, len(l.Servers)), "nothing was shown: look at the answers to the writes, and at the lab's account")
	case hidden == acked:
		return unknown(name, want, "later writes of the same keys hide all of them", "the newest write of each key was not acknowledged: let the last writes go through without a fault")
	}
	if hidden > 0 {
		got = append(got, fmt.Sprintf("%d superseded", hidden))
	}
	return pass(name, want, few(got, 9))
}

// NotDuplicated checks that no server has a write more than once, whether it
// was acknowledged or not: a repeated request must not be done twice.
func NotDuplicated(name string, l Ledger) lab.Check {
	want := "no write has more than one row at any server"
	twice := l.Duplicated()
	rows := len(l.pick(Entry.Applied))
	got := fmt.Sprintf("%d of %d writes that were found have more than one row", len(twice), rows)
	switch {
	case len(twice) > 0:
		return fail(name, want, got+"; "+examples(twice), "a write was sent again after it had been done: look at the tries in the balancer's access log "+
			"(proxy_next_upstream must not hold non_idempotent), at retries of the client, and at the app's idempotency key")
	case rows == 0:
		return unknown(name, want, got, "no write was found at any server: look at the answers to the writes, and at the lab's account")
	}
	return pass(name, want, got)
}

// RefusedNotApplied checks that no server has a write that was refused. With
// none refused there was nothing to lie about; without any write, or any
// server, it is Unknown.
func RefusedNotApplied(name string, l Ledger) lab.Check {
	want := "no write that was refused is at any server"
	refused, lies := l.With(lab.Refused), l.RefusedApplied()
	got := fmt.Sprintf("%d of %d refused writes were done", len(lies), len(refused))
	switch {
	case len(lies) > 0:
		return fail(name, want, got+"; "+examples(lies), "the answer said no and the database says yes: look for work that goes on after the answer, "+
			"and for errors that come after the commit")
	case len(l.Entries) == 0 || len(l.Servers) == 0:
		return unknown(name, want, fmt.Sprintf("%d writes, %d servers asked", len(l.Entries), len(l.Servers)), "nothing was shown: look at the answers to the writes, and at the lab's account")
	}
	return pass(name, want, got)
}

// NoStrangers checks that the servers have no row with an id of this run that
// nobody wrote.
func NoStrangers(name string, l Ledger) lab.Check {
	want := "no row carries an id of this run that nobody wrote"
	strange := l.Strangers()
	got := fmt.Sprintf("%d of them", len(strange))
	switch {
	case len(strange) > 0:
		return fail(name, want, got+": "+few(strange, 4), "somebody writes with the lab's prefix, or an id was changed on its way: look at the row and at the access log")
	case len(l.Servers) == 0:
		return unknown(name, want, "no server was asked", "nothing was shown: look at database in the topology and at the lab's account")
	}
	return pass(name, want, got)
}

// examples names some writes, with what is needed to look for them.
func examples(es []Entry) string {
	parts := make([]string, len(es))
	for i, e := range es {
		parts[i] = fmt.Sprintf("%s (sent at %.1f s, answered by %s)", e.Write.ID, e.At.Seconds(), label(e.Write.Instance))
	}
	return few(parts, 3)
}
