package check

import (
	"fmt"
	"strings"
	"time"

	"inventariolab/lab"
)

// lacking says what a claim about the windows lacks, or "". A window without a
// healing (nothing was healed) lacks no after.
func (w Windows) lacking(least int) string {
	var lacks []string
	switch {
	case w.Fault.Asked == Never:
		lacks = append(lacks, "no fault was asked for")
	case w.Fault.InEffect == Never:
		lacks = append(lacks, "the fault was asked for and not proven to be in effect")
	}
	if w.Band.Why != "" {
		lacks = append(lacks, w.Band.Why)
	}
	windows := []Window{w.Before, w.During}
	if w.Fault.Healing != Never {
		windows = append(windows, w.After)
	}
	for _, x := range windows {
		if x.Requests < least {
			lacks = append(lacks, fmt.Sprintf("%d requests %s", x.Requests, x.Name))
		}
	}
	return strings.Join(lacks, "; ")
}

const lackingHint = "nothing can be said of a fault that nobody could notice: look at the proof of the fault, and why the load was so thin " +
	"(a starved generator, a balancer that hung); try on a less busy machine"

// Enough checks that the windows can carry a claim: the fault was in effect,
// the load before was steady and without failures, and each window has least
// requests or more. Otherwise it is Unknown; it never fails.
func Enough(name string, w Windows, least int) lab.Check {
	want := fmt.Sprintf("a fault that is proven to be in effect, a steady load before it, and %d or more requests before, during and after", least)
	if lacks := w.lacking(least); lacks != "" {
		return unknown(name, want, lacks, lackingHint)
	}
	return pass(name, want, fmt.Sprintf("%d requests before, %d during, %d after; %s", w.Before.Requests, w.During.Requests, w.After.Requests, w.Band))
}

// FaultWasSeen checks that the fault met the load: a client or the balancer's
// log has a bad sign of it. Without one it is Unknown, since a fault beside the
// path proves nothing.
func FaultWasSeen(name string, w Windows) lab.Check {
	want := "a bad sign of the fault at a client (an error, or an answer slower than the band) or in the balancer's log (a failed try)"
	var got []string
	if w.Detect.Known() {
		got = append(got, fmt.Sprintf("at a client after %v", w.Detect.Length().Round(100*time.Microsecond)))
	}
	if w.DetectLog.Known() {
		got = append(got, fmt.Sprintf("in the log after %v", w.DetectLog.Length().Round(100*time.Microsecond)))
	}
	switch {
	case w.Fault.InEffect == Never:
		return unknown(name, want, "the fault was not proven to be in effect", lackingHint)
	case len(got) == 0:
		return unknown(name, want, "none", "the fault took effect and met no request, or everything was healed in no time: look whether the load passes by what was broken")
	}
	return pass(name, want, strings.Join(got, ", "))
}

// Absorbs checks that the load is as before within a time of the fault's
// proof, although the fault lasts: a system that heals itself.
func Absorbs(name string, w Windows, within time.Duration, least int) lab.Check {
	return w.judge(name, "the fault taking effect, while it lasts", w.Absorb, min(w.Fault.Healing, w.End), within, least)
}

// Recovers checks that the load is as before within a time of asking for the
// healing.
func Recovers(name string, w Windows, within time.Duration, least int) lab.Check {
	return w.judge(name, "the healing being asked for", w.Recover, w.End, within, least)
}

func (w Windows) judge(name, since string, s Span, until, within time.Duration, least int) lab.Check {
	want := fmt.Sprintf("the load inside the band before within %v of %s, and for %v on (%s)", within, since, BandHold, w.Band)
	if lacks := w.lacking(least); lacks != "" {
		return unknown(name, want, lacks, lackingHint)
	}
	hint := "look in the timeline at what stays different: failures, slow answers or fewer of them; and at the balancer's tries (time-outs, fail_timeout), " +
		"the instances' start-up and the database's connections"
	switch {
	case s.Known() && s.Length() <= within:
		return pass(name, want, fmt.Sprintf("after %v", s.Length().Round(100*time.Microsecond)))
	case s.Known():
		return fail(name, want, fmt.Sprintf("only after %v", s.Length().Round(100*time.Microsecond)), hint)
	case s.From == Never || until-s.From < within+BandHold:
		return unknown(name, want, "it was not, as long as was looked", fmt.Sprintf("the load was observed for less than %v after it: observe longer", within+BandHold))
	}
	return fail(name, want, fmt.Sprintf("it was not, within %v", (until-s.From).Round(time.Millisecond)), hint)
}
