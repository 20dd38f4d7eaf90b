package check

import (
	"fmt"
	"time"

	"inventariolab/lab"
)

// Streams are the live streams of a run: what each one told, and which write
// each revision was.
type Streams struct {
	Of     []Stream         `json:"of"`
	Writes map[int64]string `json:"writes"` // revision → id of the write
}

// Stream is one browser's stream of events. It is opened again when it was cut.
type Stream struct {
	Session   string  `json:"session"`
	Opens     []Open  `json:"opens"`     // in the order of time
	Revisions []int64 `json:"revisions"` // that it told, in the order in which they came
	Reloads   int     `json:"reloads"`   // times the browser was told to read the page again, since changes were lost
}

// Open is one connection of a stream.
type Open struct {
	AtUS     int64  `json:"at_us"`          // since the run's start, when it was asked for
	After    int64  `json:"after"`          // Last-Event-ID that was sent; 0 for none
	Status   int    `json:"status"`         // 0 without an answer
	Instance string `json:"inst,omitempty"` // that answered
	Err      string `json:"err,omitempty"`  // why it ended, unless in good order
}

// began is when the stream was first open; Never when it was not.
func (s Stream) began() time.Duration {
	for _, o := range s.Opens {
		if o.Status == 200 {
			return time.Duration(o.AtUS) * time.Microsecond
		}
	}
	return Never
}

// again is how often it was opened again with success.
func (s Stream) again() int {
	n := 0
	for _, o := range s.Opens {
		if o.Status == 200 {
			n++
		}
	}
	return max(n-1, 0)
}

// backwards counts the revisions that were told twice, or after a newer one.
func (s Stream) backwards() int {
	n, newest := 0, int64(-1)
	for _, r := range s.Revisions {
		if r <= newest {
			n++
		}
		newest = max(newest, r)
	}
	return n
}

// Told is what the streams amount to.
type Told struct {
	Streams   int
	Cut       int // streams that were opened again at least once
	Again     int // times that they were opened again
	Due       int // acknowledged writes that were to be told, over all streams
	Missed    int // of those, not told
	Backwards int // told twice, or in the wrong order
	Reloads   int
	missed    []string
}

// ToldOf holds the streams against the acknowledged edits: each stream owes each
// edit that was sent after it was first open. Which edit an event tells of is
// known by the id that the product carries.
func ToldOf(s Streams, writes []lab.Timed[lab.Write]) Told {
	t := Told{Streams: len(s.Of)}
	for _, one := range s.Of {
		told := make(map[string]bool, len(one.Revisions))
		for _, r := range one.Revisions {
			told[s.Writes[r]] = true
		}
		began := one.began()
		for _, w := range writes {
			if w.Value.Key == "" || w.Value.Outcome != lab.Acknowledged || w.At <= began {
				continue
			}
			t.Due++
			if !told[w.Value.ID] {
				t.Missed++
				t.missed = append(t.missed, fmt.Sprintf("%s was not told of %s, written at %.3f s", one.Session, w.Value.ID, w.At.Seconds()))
			}
		}
		if n := one.again(); n > 0 {
			t.Cut++
			t.Again += n
		}
		t.Backwards += one.backwards()
		t.Reloads += one.Reloads
	}
	return t
}

// StreamsMissNothing checks that every stream told every change once and in
// order, although it was cut. It is Unknown when a stream was not cut, or when
// fewer than least changes were to be told.
func StreamsMissNothing(name string, t Told, least int) lab.Check {
	want := fmt.Sprintf("every stream is cut and opened again, and tells each of the acknowledged edits once and in order (%d or more over all)", least)
	got := fmt.Sprintf("%d streams, %d of them opened again, %d times; of %d edits due %d missed, %d told twice or out of order, %d times told to read the page again",
		t.Streams, t.Cut, t.Again, t.Due, t.Missed, t.Backwards, t.Reloads)
	switch {
	case t.Missed > 0 || t.Backwards > 0 || t.Reloads > 0:
		if len(t.missed) > 0 {
			got += "; " + few(t.missed, 2)
		}
		return fail(name, want, got, "look at what the app sends to a browser that comes back with Last-Event-ID, at how many changes it keeps for that, "+
			"and whether it asks a replica that is behind")
	case t.Streams == 0 || t.Cut < t.Streams:
		return unknown(name, want, got, "a stream that was not cut proves nothing: look whether the streams are long enough, and whom they were connected to")
	case t.Due < max(least, 1):
		return unknown(name, want, got, "too few edits were acknowledged while the streams were open: look at the answers to the edits")
	}
	return pass(name, want, got)
}
