package check

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"inventariolab/lab"
)

// LongestStall is the longest time in [from, to) in which no write was
// acknowledged, and how many were.
func LongestStall(writes []lab.Timed[lab.Write], from, to time.Duration) (longest time.Duration, acked int) {
	var acks []time.Duration
	for _, w := range writes {
		if done := end(w.At, w.Value.US); w.Value.Outcome == lab.Acknowledged && done >= from && done < to {
			acks = append(acks, done)
		}
	}
	slices.Sort(acks)
	last := from
	for _, a := range acks {
		longest = max(longest, a-last)
		last = a
	}
	return max(longest, to-last), len(acks)
}

// StallWithin checks that writes never stand still for longer than a bound in
// [from, to). A window that is not longer than the bound proves nothing.
func StallWithin(name string, writes []lab.Timed[lab.Write], from, to, bound time.Duration) lab.Check {
	want := fmt.Sprintf("some write is acknowledged at least every %v", bound)
	longest, acked := LongestStall(writes, from, to)
	got := fmt.Sprintf("longest stall %v, %d acknowledged in %v", longest.Round(time.Millisecond), acked, (to - from).Round(time.Millisecond))
	switch {
	case longest > bound:
		return fail(name, want, got, "look at rpl_semi_sync_source_timeout and at Rpl_semi_sync_source_status of the source, and at what the app answers meanwhile")
	case to-from <= bound || len(writes) == 0:
		return unknown(name, want, got, "it takes a window that is longer than the bound, and writes in it")
	}
	return pass(name, want, got)
}

// RefusedClearly checks what became of the writes that were sent in [from, to):
// each was done, though late, or refused with words that leave no doubt. Those
// whose end nobody knows are at most as many as there were senders, since each
// can be in the middle of one when the server goes.
func RefusedClearly(name string, writes []lab.Timed[lab.Write], from, to time.Duration, senders int) lab.Check {
	want := fmt.Sprintf("each write meanwhile is acknowledged or clearly refused, but for at most one of each of the %d senders", senders)
	n := make(map[lab.Outcome]int)
	examples := make(tally)
	for _, w := range writes {
		if done := end(w.At, w.Value.US); done < from || w.At >= to {
			continue
		}
		n[w.Value.Outcome]++
		if w.Value.Outcome == lab.Unsure {
			examples[cmp.Or(w.Value.Err, fmt.Sprintf("status %d", w.Value.Status))]++
		}
	}
	got := fmt.Sprintf("%d acknowledged, %d refused, %d unknown", n[lab.Acknowledged], n[lab.Refused], n[lab.Unsure])
	switch all := n[lab.Acknowledged] + n[lab.Refused] + n[lab.Unsure]; {
	case n[lab.Unsure] > senders:
		return fail(name, want, got+": "+examples.String(), "the app answers writes with errors that leave open whether they were done: look at how it tells a failed commit from what failed before it")
	case all == 0:
		return unknown(name, want, got, "nobody wrote meanwhile: look at the answers to the writes")
	}
	return pass(name, want, got)
}

// FellBehind checks that a fault met a replica's replication: it lacked at least
// least of the source's transactions when it was looked at. Otherwise it is
// Unknown: the fault proves nothing then.
func FellBehind(name, replica string, missing []int64, least int64) lab.Check {
	want := fmt.Sprintf("%s lacks at least %d of the source's transactions while the fault lasts", replica, least)
	if len(missing) == 0 {
		return unknown(name, want, "it was not looked at", "the lab could not ask it: look at its published port")
	}
	most := slices.Max(missing)
	got := fmt.Sprintf("%d at most, in %d looks", most, len(missing))
	if most < least {
		return unknown(name, want, got, "the fault was in effect and met no replication: look whether anything was written meanwhile, and where the replica keeps its relay log")
	}
	return pass(name, want, got)
}

// WriterLook is one look at all database servers: who let himself be written to.
type WriterLook struct {
	At       time.Duration `json:"at_ns"`
	Writable []string      `json:"writable"`
	Answered int           `json:"answered"` // servers that did
}

// OneWriterInTheEnd checks that at no look two servers could be written to, and at the
// last look exactly one. With fewer than least looks at which all the servers
// answered it is Unknown.
func OneWriterInTheEnd(name string, looks []WriterLook, servers, least int) lab.Check {
	want := "never two writable servers, and exactly one in the end"
	whole := 0
	for _, l := range looks {
		if len(l.Writable) > 1 {
			return fail(name, want, fmt.Sprintf("at %.1f s %s", l.At.Seconds(), few(l.Writable, 4)), "two servers may take different writes from now on: look at their logs ([entrypoint]), and fence one by hand")
		}
		if l.Answered == servers {
			whole++
		}
	}
	switch {
	case whole < least:
		return unknown(name, want, fmt.Sprintf("all %d servers answered at %d looks", servers, whole), fmt.Sprintf("it takes %d looks: the servers came up too late", least))
	case len(looks[len(looks)-1].Writable) == 0:
		return fail(name, want, "none in the end", "the servers do not agree on a source: look at their logs ([entrypoint] fenced: …); `lab promote` decides")
	}
	return pass(name, want, fmt.Sprintf("%s, at %d looks, %d of them at all %d servers", looks[len(looks)-1].Writable[0], len(looks), whole, servers))
}

// Stray is a write that was made at a replica on purpose, and how it was found
// again from the outside.
type Stray struct {
	Replica string `json:"replica"`
	UUID    string `json:"server_uuid"` // of the replica
	Table   string `json:"table"`       // that was written to
	Extra   string `json:"extra"`       // GTIDs that the replica had and the source had not, while it was there
	Named   string `json:"named"`       // the table that the replica's binary log names for that GTID; "" when it was not found
	Rows    int    `json:"rows"`        // that the table had at the replica and not at the source
}

// oneTransaction is the GTID of a single transaction.
var oneTransaction = regexp.MustCompile(`^[0-9a-fA-F-]{36}:\d+$`)

// ErrantNamed checks that a stray write is found: by a GTID that bears the
// replica's own name, in the table that was written to, as one row, and
// nowhere else. others are the states of all replicas while it was there.
func ErrantNamed(name string, s Stray, others []Replica) lab.Check {
	want := fmt.Sprintf("one transaction of %s's own at %s, of one row in %s, and none at the others", s.Replica, s.Replica, s.Table)
	var extra []string
	for _, r := range others {
		if r.Name != s.Replica && r.Errant != "" {
			extra = append(extra, r.Name+" "+r.Errant)
		}
	}
	got := fmt.Sprintf("%s: %s, table %s, %d rows more than the source", s.Replica, cmp.Or(s.Extra, "nothing"), cmp.Or(s.Named, "unknown"), s.Rows)
	switch {
	case len(others) == 0 || s.UUID == "":
		return unknown(name, want, got, "no replica was asked: look at database.replicas in the topology")
	case len(extra) > 0:
		return fail(name, want, got+"; also "+few(extra, 3), "somebody else writes at replicas as well: find out who, by those GTIDs, before anything else")
	case s.Extra == "":
		return fail(name, want, got, "the write left no GTID: was the binary log off for it (sql_log_bin)? Then only comparing the content finds it")
	case !oneTransaction.MatchString(s.Extra) || s.Extra[:36] != s.UUID:
		return fail(name, want, got, "there is more than the one write: look at the binary log of that replica for these GTIDs")
	case s.Named != s.Table || s.Rows != 1:
		return fail(name, want, got, "the GTID is known, what it did is not: look with SHOW BINLOG EVENTS or mysqlbinlog at that replica")
	}
	return pass(name, want, got)
}

// Rebuild is how a replica lost its data and got it back.
type Rebuild struct {
	Replica   string        `json:"replica"`
	OldUUID   string        `json:"old_uuid"` // its name before its data was gone
	EmptyUUID string        `json:"new_uuid"` // and when it had none
	State     string        `json:"state"`    // of the copy: "Completed"
	From      string        `json:"from"`     // host:port
	Error     string        `json:"error"`
	Took      time.Duration `json:"took_ns"` // from asking for the copy until the replica followed again
	Following bool          `json:"following"`
}

// Rebuilt checks that a replica had really lost its data (it has another name),
// that a copy of the source's replaced it, and that it follows within a bound.
func Rebuilt(name string, r Rebuild, source string, within time.Duration) lab.Check {
	want := fmt.Sprintf("%s, empty, is a copy of %s and follows it within %v", r.Replica, source, within)
	got := fmt.Sprintf("clone of %s: %s %s, after %v", cmp.Or(r.From, "nobody"), cmp.Or(r.State, "none"), r.Error, r.Took.Round(time.Millisecond))
	switch {
	case r.OldUUID == "" || r.EmptyUUID == "" || r.OldUUID == r.EmptyUUID:
		return unknown(name, want, "its data was not gone: it bears the same server_uuid", "look at the step that wipes the data")
	case r.State != "Completed":
		return fail(name, want, got, "look at performance_schema.clone_status at that replica, at its log, and at the operator's rights (CLONE_ADMIN, BACKUP_ADMIN)")
	case !r.Following:
		return fail(name, want, got+", and it does not follow", "look at SHOW REPLICA STATUS there")
	case r.Took > within:
		return fail(name, want, got, "the copy takes long: look at the size of the data and at what else the machine does")
	}
	return pass(name, want, got)
}

// Killed checks that a fault which ends everything met somebody: it is proven,
// and at least least writes were acknowledged before it was asked for. Otherwise
// it is Unknown.
func Killed(name string, f FaultTimes, writes []lab.Timed[lab.Write], least int) lab.Check {
	want := fmt.Sprintf("a fault that is proven to be in effect, and %d or more acknowledged writes before it", least)
	acked := 0
	for _, w := range writes {
		if w.Value.Outcome == lab.Acknowledged && end(w.At, w.Value.US) <= f.Asked {
			acked++
		}
	}
	got := fmt.Sprintf("%d acknowledged before", acked)
	switch {
	case f.InEffect == Never:
		return unknown(name, want, "the fault was not proven to be in effect", lackingHint)
	case acked < least:
		return unknown(name, want, got, "nothing much could have been lost: look why so little was written")
	}
	return pass(name, want, got)
}

// WritableAgain checks that a write is acknowledged within a bound of everything
// being usable again.
func WritableAgain(name string, done bool, took, within time.Duration) lab.Check {
	want := fmt.Sprintf("a write is acknowledged within %v of all services being healthy", within)
	if !done || took > within {
		return fail(name, want, fmt.Sprintf("none within %v", max(took, within).Round(time.Millisecond)), "look at the answers to the writes, at the servers' logs ([entrypoint]), and which server the app takes for the source")
	}
	return pass(name, want, fmt.Sprintf("after %v", took.Round(time.Millisecond)))
}
