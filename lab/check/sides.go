package check

import (
	"fmt"
	"time"

	"inventariolab/lab"
)

// NotBothSides checks that a source that was cut off acknowledged nothing any
// more once another server was open for writes. old are the writes to the one
// that was cut off, fresh those of everybody else; cut is when it was cut off,
// opened when the other one was opened, until when the cut ended.
//
// It is Unknown when nobody tried on either side: then nothing could be confirmed.
func NotBothSides(name string, old, fresh []lab.Timed[lab.Write], cut, opened, until time.Duration) lab.Check {
	want := "no write acknowledged by the source that was cut off after another server was opened"
	tried, late, others := 0, 0, 0
	for _, w := range old {
		done := end(w.At, w.Value.US)
		if done >= cut && w.At <= until {
			tried++
		}
		if w.Value.Outcome == lab.Acknowledged && done > opened && done <= until {
			late++
		}
	}
	for _, w := range fresh {
		if done := end(w.At, w.Value.US); w.Value.Outcome == lab.Acknowledged && done > opened && done <= until {
			others++
		}
	}
	got := fmt.Sprintf("%d writes tried on its side of the cut, %d acknowledged there after the opening; %d acknowledged on the other side by then", tried, late, others)
	switch {
	case late > 0:
		return fail(name, want, got, "split brain: the old source confirmed writes that the new one does not have. Fence before you open, and keep the semi-synchronous time-out longer than that takes")
	case tried == 0 || others == 0:
		return unknown(name, want, got, "nobody wrote on one of the sides: look at the direct writer's errors, and whether anybody was promoted")
	}
	return pass(name, want, got)
}

// LossShown is the claim of an experiment that shall lose something: that
// acknowledged writes are at no server. ahead is how many writes were
// acknowledged while no replica heard of them. When nothing was lost it is
// Unknown, since luck proves nothing.
func LossShown(name string, l Ledger, ahead int) lab.Check {
	want := "some acknowledged writes are lost: the source told its clients before any replica knew"
	lost := len(l.LostEverywhere())
	got := fmt.Sprintf("%d of %d acknowledged writes are at no server; %d were acknowledged while no replica heard of them", lost, len(l.With(lab.Acknowledged)), ahead)
	if lost == 0 {
		return unknown(name, want, got, "nothing was lost this time, so nothing is shown: the source was not ahead of its replicas when it died; try again, with more writes")
	}
	return pass(name, want, got)
}

// AheadOf counts the writes that were under way or sent from a moment to
// another, and of these the acknowledged ones.
func AheadOf(writes []lab.Timed[lab.Write], from, to time.Duration) (tried, acknowledged int) {
	for _, w := range writes {
		done := end(w.At, w.Value.US)
		if w.At > to || done < from {
			continue
		}
		tried++
		if w.At >= from && done <= to && w.Value.Outcome == lab.Acknowledged {
			acknowledged++
		}
	}
	return tried, acknowledged
}

// NothingAhead checks that a source that waits for its replicas acknowledged
// nothing while none heard it: of the writes that were tried then. It is Unknown
// when none was tried.
func NothingAhead(name string, tried, acknowledged int) lab.Check {
	want := "no write is acknowledged while no replica hears the source"
	got := fmt.Sprintf("%d of %d writes that were tried then", acknowledged, tried)
	switch {
	case acknowledged > 0:
		return fail(name, want, got, "the source went on alone: look at rpl_semi_sync_source_enabled and rpl_semi_sync_source_timeout there")
	case tried == 0:
		return unknown(name, want, got, "nobody wrote in that time: look at the writers' answers")
	}
	return pass(name, want, got)
}
