package check_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// looks are the answers of a server on whether it is writable, one each 50 ms from a
// moment to another.
func looks(server string, from, to time.Duration, writable bool) []lab.Timed[lab.Sample] {
	value := 0.0
	if writable {
		value = 1
	}
	var all []lab.Timed[lab.Sample]
	for at := from; at <= to; at += 50 * time.Millisecond {
		all = append(all, lab.Timed[lab.Sample]{At: at, Value: lab.Sample{Series: check.SeriesWritable, Label: server, Value: value}})
	}
	return all
}

func join[T any](parts ...[]T) []T {
	var all []T
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

const s = time.Second

func TestOneWriter(t *testing.T) {
	for _, c := range []struct {
		sentence string
		samples  []lab.Timed[lab.Sample]
		want     lab.Verdict
	}{
		{"one hands over to the other", join(looks("a", 0, 2*s, true), looks("b", 0, 3*s, false), looks("b", 3*s+1, 6*s, true)), lab.Pass},
		{"both at once for a second", join(looks("a", 0, 4*s, true), looks("b", 3*s, 6*s, true)), lab.Fail},
		{"both at once for less than an answer may take", join(looks("a", 0, 3*s, true), looks("b", 3*s-200*time.Millisecond, 6*s, true)), lab.Pass},
		{
			"one is silent while the other is writable, and both are again later: that may be another life",
			join(looks("a", 0, s, true), looks("b", 2*s, 4*s, true), looks("b", 4*s+1, 5*s, false), looks("a", 5*s, 6*s, true)), lab.Pass,
		},
		{"both again and again, with a read-only moment between", join(looks("a", 0, 2*s, true), looks("b", s, s, false), looks("b", s+1, 2*s, true)), lab.Fail},
		{"only one server answers", looks("a", 0, 6*s, true), lab.Unknown},
		{"nobody is ever writable", join(looks("a", 0, 6*s, false), looks("b", 0, 6*s, false)), lab.Unknown},
		{"the second answers too seldom", join(looks("a", 0, 6*s, true), looks("b", 0, 100*time.Millisecond, false)), lab.Unknown},
		{"nothing", nil, lab.Unknown},
	} {
		got := check.OneWriter("one", check.RolesOf(c.samples), 0, 10*s, 20)
		assert.Equal(t, c.want, got.Verdict, "%s: %s", c.sentence, got.Got)
		assert.Equal(t, c.want == lab.Pass, got.Hint == "", c.sentence)
	}
	two := check.RolesOf(join(looks("a", 0, 4*s, true), looks("b", 0, 2*s, false), looks("b", 3*s, 6*s, true)))
	assert.Equal(t, lab.Pass, check.OneWriter("one", two, 0, 3*s, 20).Verdict, "what is outside of the time does not count")
}

func TestFenced(t *testing.T) {
	for _, c := range []struct {
		sentence string
		samples  []lab.Timed[lab.Sample]
		want     lab.Verdict
	}{
		{"read-only in every answer", looks("a", 0, 6*s, false), lab.Pass},
		{"writable before the time", join(looks("a", 0, s, true), looks("a", 2*s, 6*s, false)), lab.Pass},
		{"writable in one answer", join(looks("a", 2*s, 4*s, false), looks("a", 4*s+1, 4*s+1, true), looks("a", 4*s+2, 6*s, false)), lab.Fail},
		{"it never came back", looks("a", 0, s, true), lab.Unknown},
		{"another one is writable", join(looks("a", 2*s, 6*s, false), looks("b", 2*s, 6*s, true)), lab.Pass},
	} {
		got := check.Fenced("fenced", check.RolesOf(c.samples), "a", 2*s, 6*s, 20)
		assert.Equal(t, c.want, got.Verdict, "%s: %s", c.sentence, got.Got)
	}
}

// flow are answers at an even pace, from a moment to another.
func flow(from, to time.Duration, status int) []check.Req {
	var all []check.Req
	for at := from; at < to; at += 100 * time.Millisecond {
		all = append(all, check.Req{At: at, Value: lab.Request{Load: "writes", Status: status, US: 1000}})
	}
	return all
}

func TestResumesWithin(t *testing.T) {
	waited := []check.Req{{At: 1900 * time.Millisecond, Value: lab.Request{Status: 201, US: 2_100_000}}} // answered at 4 s
	for _, c := range []struct {
		sentence string
		reqs     []check.Req
		want     lab.Verdict
		pause    float64 // seconds; -1 for one without an end
	}{
		{"a pause of two seconds", join(flow(0, 2*s, 201), flow(4*s, 8*s, 201)), lab.Pass, 2},
		{"failed answers fill no pause", join(flow(0, 2*s, 201), flow(2*s, 4*s, 503), flow(4*s, 8*s, 201)), lab.Pass, 2},
		{"a request that waited the fault out ends the pause", join(flow(0, 2*s, 201), waited, flow(4500*time.Millisecond, 8*s, 201)), lab.Pass, 2},
		{"a pause of four seconds", join(flow(0, 2*s, 201), flow(6*s, 8*s, 201)), lab.Fail, 4},
		{"it never begins again", flow(0, 2*s, 201), lab.Fail, -1},
		{"two pauses: the longer counts", join(flow(0, 2*s, 201), flow(3*s, 4*s, 201), flow(7*s, 8*s, 201)), lab.Fail, 3.1},
		{"no flow before", flow(4*s, 8*s, 201), lab.Unknown, 2},
		{"only failures", flow(0, 8*s, 503), lab.Unknown, -1},
	} {
		got := check.ResumesWithin("again", "acknowledged writes", c.reqs, 2*s, 8*s, 3*s)
		assert.Equal(t, c.want, got.Verdict, "%s: %s", c.sentence, got.Got)
		p := check.PauseOf(c.reqs, 2*s, 8*s)
		assert.Equal(t, c.pause >= 0, p.Known(), c.sentence)
		if p.Known() {
			assert.InDelta(t, c.pause, p.Length().Seconds(), 0.2, c.sentence)
		}
	}
	short := check.ResumesWithin("again", "acknowledged writes", flow(0, 2*s, 201), 2*s, 4*s, 3*s)
	assert.Equal(t, lab.Unknown, short.Verdict, "too short to tell")
}

// at is a write that was sent at a moment and answered a second later.
func at(sent time.Duration, o lab.Outcome) lab.Timed[lab.Write] {
	return lab.Timed[lab.Write]{At: sent, Value: lab.Write{ID: fmt.Sprint(sent), Outcome: o, US: 1_000_000}}
}

func TestNotBothSides(t *testing.T) {
	type list = []lab.Timed[lab.Write]
	fresh := list{at(6*s, acked)}
	for _, c := range []struct {
		sentence   string
		old, fresh list
		want       lab.Verdict
	}{
		{"the old one acknowledges nothing after the opening", list{at(0, acked), at(3*s, unsure)}, fresh, lab.Pass},
		{"it acknowledges before the opening", list{at(3*s, acked)}, fresh, lab.Pass},
		{"it acknowledges after the opening", list{at(3*s, unsure), at(6*s, acked)}, fresh, lab.Fail},
		{"one that was sent before is acknowledged after the opening", list{at(4*s+500*time.Millisecond, acked)}, fresh, lab.Fail},
		{"it acknowledges after the cut has ended", list{at(3*s, unsure), at(12*s, acked)}, fresh, lab.Pass},
		{"nobody wrote to the old one", list{at(0, acked)}, fresh, lab.Unknown},
		{"nobody wrote to the new one", list{at(3*s, unsure)}, list{at(0, acked), at(6*s, refused)}, lab.Unknown},
	} {
		got := check.NotBothSides("sides", c.old, c.fresh, 2*s, 5*s, 10*s)
		assert.Equal(t, c.want, got.Verdict, "%s: %s", c.sentence, got.Got)
	}
}

func TestAhead(t *testing.T) {
	tried, confirmed := check.AheadOf([]lab.Timed[lab.Write]{
		at(0, acked),                      // before
		at(1500*time.Millisecond, unsure), // under way at the cut
		at(3*s, acked),                    // sent and acknowledged meanwhile
		at(4*s+1, acked),                  // acknowledged after the death: by the next source
		at(9*s, acked),                    // after
	}, 2*s, 5*s)
	assert.Equal(t, []int{3, 1}, []int{tried, confirmed})
	assert.Equal(t, lab.Pass, check.NothingAhead("ahead", 3, 0).Verdict)
	assert.Equal(t, lab.Fail, check.NothingAhead("ahead", 3, 1).Verdict)
	assert.Equal(t, lab.Unknown, check.NothingAhead("ahead", 0, 0).Verdict)
}

func TestLossShown(t *testing.T) {
	sent := writes(wrote("w1", acked), wrote("w2", acked))
	for _, c := range []struct {
		sentence string
		found    []lab.Timed[lab.Found]
		want     lab.Verdict
	}{
		{"one is at no server", []lab.Timed[lab.Found]{holds("a", "w1"), holds("b", "w1")}, lab.Pass},
		{"one is only at one of them", []lab.Timed[lab.Found]{holds("a", "w1", "w2"), holds("b", "w1")}, lab.Unknown},
		{"nothing is lost, so nothing is shown", []lab.Timed[lab.Found]{holds("a", "w1", "w2")}, lab.Unknown},
		{"nobody was asked", nil, lab.Unknown},
	} {
		got := check.LossShown("shown", check.LedgerOf(sent, c.found), 1)
		assert.Equal(t, c.want, got.Verdict, "%s: %s", c.sentence, got.Got)
	}
}
