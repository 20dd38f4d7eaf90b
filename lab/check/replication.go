package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"inventariolab/lab"
)

// Replica is the state of replication at one replica.
type Replica struct {
	Name     string
	Receiver string // "ON", "OFF", "CONNECTING"; "" when it is no replica
	Applier  string // "ON", "OFF"; "" when it is no replica
	ReadOnly bool   // super_read_only
	Error    string // last error, if any
	Errant   string // GTIDs that it has and the source has not
}

// Threads checks that replication runs at every replica.
func Threads(name string, replicas []Replica) lab.Check {
	want := "receiver ON and applier ON at every replica"
	var got, off []string
	for _, r := range replicas {
		got = append(got, fmt.Sprintf("%s %s/%s", r.Name, cmp.Or(r.Receiver, "none"), cmp.Or(r.Applier, "none")))
		if r.Receiver != "ON" || r.Applier != "ON" {
			off = append(off, r.Name)
			if r.Error != "" {
				got[len(got)-1] += " (" + r.Error + ")"
			}
		}
	}
	if len(replicas) == 0 {
		return unknown(name, want, "no replica was asked", "look at database.replicas in the topology")
	}
	if len(off) > 0 {
		return fail(name, want, strings.Join(got, ", "), fmt.Sprintf("replication stands still at %s: ask it with SHOW REPLICA STATUS, look at "+
			"Last_IO_Error and Last_SQL_Error; START REPLICA after the cause is removed", few(off, 4)))
	}
	return pass(name, want, strings.Join(got, ", "))
}

// ReadOnly checks that nothing but replication can write at a replica.
func ReadOnly(name string, replicas []Replica) lab.Check {
	want := "super_read_only at every replica"
	var open []string
	for _, r := range replicas {
		if !r.ReadOnly {
			open = append(open, r.Name)
		}
	}
	if len(replicas) == 0 {
		return unknown(name, want, "no replica was asked", "look at database.replicas in the topology")
	}
	if len(open) > 0 {
		return fail(name, want, "off at "+few(open, 4), "what is written there by mistake exists nowhere else and stops replication one day: SET PERSIST super_read_only = ON")
	}
	return pass(name, want, fmt.Sprintf("on at all %d", len(replicas)))
}

// NoErrant checks that no replica has a transaction that the source has not.
func NoErrant(name string, replicas []Replica) lab.Check {
	want := "GTID_SUBTRACT(replica, source) is empty at every replica"
	var errant []string
	for _, r := range replicas {
		if r.Errant != "" {
			errant = append(errant, r.Name+": "+r.Errant)
		}
	}
	if len(replicas) == 0 {
		return unknown(name, want, "no replica was asked", "look at database.replicas in the topology")
	}
	if len(errant) > 0 {
		return fail(name, want, few(errant, 4), "something wrote at a replica, with the binary log on: look for it with mysqlbinlog "+
			"by that GTID; make the replica anew, and set up its accounts with SQL_LOG_BIN=0")
	}
	return pass(name, want, fmt.Sprintf("empty at all %d", len(replicas)))
}

// Received is what of the acknowledged rows was found at one replica after it
// had caught up.
type Received struct {
	Replica string
	Missing int  // acknowledged and not there
	Extra   int  // there and never acknowledged
	Behind  bool // it had not caught up in time
}

// ReceivedAll checks that each replica has every acknowledged row and no
// other.
func ReceivedAll(name string, rows int, replicas []Received, waited time.Duration) lab.Check {
	want := fmt.Sprintf("each of the %d acknowledged rows, and no other, at every replica, within %v", rows, waited)
	var got []string
	bad := false
	for _, r := range replicas {
		switch {
		case r.Behind:
			got = append(got, fmt.Sprintf("%s has not caught up, %d missing", r.Replica, r.Missing))
			bad = true
		case r.Missing+r.Extra > 0:
			got = append(got, fmt.Sprintf("%s: %d missing, %d that nobody wrote", r.Replica, r.Missing, r.Extra))
			bad = true
		default:
			got = append(got, r.Replica+" all")
		}
	}
	switch {
	case bad:
		return fail(name, want, few(got, 9), "look at SHOW REPLICA STATUS there: a stopped thread, a filter (replicate-*, binlog-do-db) or a replica that is too slow")
	case rows == 0 || len(replicas) == 0:
		return unknown(name, want, fmt.Sprintf("%d rows, %d replicas", rows, len(replicas)), "nothing was written: look at the source and at the lab's account")
	}
	return pass(name, want, few(got, 9))
}

// OrderLook is one look at a replica while rows were written: each writer's
// rows are numbered from 1.
type OrderLook struct {
	Replica string
	Rows    int // that were there
	Gaps    int // rows that were not there although later ones of the same writer were
	Back    int // rows that had been there at an earlier look
}

// InOrder checks that rows became visible in the order in which each writer
// wrote them. It takes looks at half-finished replicas, at least least of them
// at each, because a look at all rows (total) or at none says nothing about
// order.
func InOrder(name string, looks []OrderLook, total int, replicas []string, least int) lab.Check {
	want := fmt.Sprintf("no look at a replica finds a row without all earlier ones of its writer (%d or more looks at each while rows arrive)", least)
	partial := make(map[string]int)
	bad := make(tally)
	for _, l := range looks {
		if l.Rows > 0 && l.Rows < total {
			partial[l.Replica]++
		}
		if l.Gaps > 0 {
			bad[l.Replica+" had gaps"]++
		}
		if l.Back > 0 {
			bad[l.Replica+" lost rows it had shown"]++
		}
	}
	if len(bad) > 0 {
		return fail(name, want, bad.String(), "transactions are applied out of order: look at replica_preserve_commit_order and at the applier's workers")
	}
	var got []string
	thin := len(replicas) == 0
	for _, r := range replicas {
		got = append(got, fmt.Sprintf("%s %d looks", r, partial[r]))
		thin = thin || partial[r] < least
	}
	if thin {
		return unknown(name, want, few(got, 9), "too few looks found rows on their way: the machine was too busy, or the writing too short")
	}
	return pass(name, want, "no gap; "+few(got, 9))
}

// Table is the content of one table at one server.
type Table struct {
	Name string
	Rows int
	Hash string
}

// SameContent checks that every replica has the source's tables with the
// source's rows. settled says that nothing changed while they were read.
func SameContent(name string, source []Table, replicas map[string][]Table, settled bool) lab.Check {
	rows := 0
	for _, t := range source {
		rows += t.Rows
	}
	want := fmt.Sprintf("the same SHA-256 for each of the source's %d tables (%d rows) at every replica", len(source), rows)
	var differ []string
	for _, r := range sortedKeys(replicas) {
		differ = append(differ, unlike(r, source, replicas[r])...)
	}
	switch {
	case !settled:
		return unknown(name, want, "the source kept changing while the tables were read", "somebody else writes: stop it, or run the scenario alone")
	case len(differ) > 0:
		return fail(name, want, few(differ, 4), "the same transactions gave different rows: look for statements written at the replica, "+
			"a filter, or tables that were different from the start; make the replica anew")
	case len(source) == 0 || len(replicas) == 0:
		return unknown(name, want, fmt.Sprintf("%d tables, %d replicas", len(source), len(replicas)), "nothing was compared: look at database.name in the topology and at the account's rights")
	}
	return pass(name, want, fmt.Sprintf("the same at all %d", len(replicas)))
}

func unlike(replica string, source, other []Table) []string {
	var differ []string
	there := make(map[string]Table, len(other))
	for _, t := range other {
		there[t.Name] = t
	}
	for _, t := range source {
		o, ok := there[t.Name]
		delete(there, t.Name)
		switch {
		case !ok:
			differ = append(differ, fmt.Sprintf("%s has no table %s", replica, t.Name))
		case o.Rows != t.Rows:
			differ = append(differ, fmt.Sprintf("%s of %s has %d rows, the source %d", t.Name, replica, o.Rows, t.Rows))
		case o.Hash != t.Hash:
			differ = append(differ, fmt.Sprintf("%s of %s has as many rows but others", t.Name, replica))
		}
	}
	for _, extra := range sortedKeys(there) {
		differ = append(differ, fmt.Sprintf("%s has a table %s that the source has not", replica, extra))
	}
	return differ
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// CaughtUp checks that a healed replica applies what it missed.
func CaughtUp(name, replica string, took time.Duration, ok bool, limit time.Duration) lab.Check {
	want := fmt.Sprintf("%s applies the source's transactions within %v of being healed", replica, limit)
	if !ok {
		return fail(name, want, "it has not", "look at SHOW REPLICA STATUS there: does it connect by itself after a restart, has the source still the binary logs it needs?")
	}
	return pass(name, want, fmt.Sprintf("it took %.0f ms", float64(took.Microseconds())/1000))
}

// counts those that were not, by server.
func NothingMissing(name string, acked int, missing map[string]int) lab.Check {
	want := fmt.Sprintf("each of the %d acknowledged writes at every server that was asked", acked)
	var got []string
	bad := 0
	for _, server := range sortedKeys(missing) {
		got = append(got, fmt.Sprintf("%s %d missing", server, missing[server]))
		bad += missing[server]
	}
	switch {
	case bad > 0:
		return fail(name, want, few(got, 9), "an acknowledged write is lost: look at sync_binlog and innodb_flush_log_at_trx_commit at the source, "+
			"and at relay_log_recovery and the GTID set at the replica")
	case acked == 0 || len(missing) == 0:
		return unknown(name, want, fmt.Sprintf("%d writes were acknowledged, %d servers asked", acked, len(missing)), "nothing was written: look at the answers to the writes")
	}
	return pass(name, want, few(got, 9))
}
