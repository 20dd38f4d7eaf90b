package check_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// counted is a count of SELECTs at a moment, in s.
func counted(server string, at, n float64) lab.Timed[lab.Sample] {
	return lab.Timed[lab.Sample]{At: time.Duration(at * float64(second)), Value: lab.Sample{Series: check.Selects, Label: server, Value: n}}
}

func TestReadsAt(t *testing.T) {
	samples := []lab.Timed[lab.Sample]{
		counted("b", 3, 7), counted("a", 1, 100), counted("a", 2, 150), counted("a", 3, 20), counted("a", 4, 25), counted("b", 1, 7), counted("c", 2, 9),
		{At: 2 * second, Value: lab.Sample{Series: "lag_ms", Label: "a", Value: 1000}},
	}
	assert.Equal(t, map[string]float64{"a": 50 + 20 + 5, "b": 0}, check.ReadsAt(samples, 0, 9*second), "a began anew at 3 s; c was asked once")
	assert.Equal(t, map[string]float64{"a": 20}, check.ReadsAt(samples, 2*second, 4*second), "the end of the window is not in it")
}

func TestWhereReadsGo(t *testing.T) {
	window := func(a, b float64) check.ReadWindow {
		return check.ReadWindow{Name: "during", Reads: map[string]float64{"a": a, "b": b}}
	}
	for _, c := range []struct {
		sentence string
		got      lab.Check
		want     lab.Verdict
	}{
		{"most is read where it should", check.ReadFrom("n", window(60, 40), []string{"a"}, 0.5, 100), lab.Pass},
		{"less than half is", check.ReadFrom("n", window(49, 51), []string{"a"}, 0.5, 100), lab.Fail},
		{"hardly anything is read", check.ReadFrom("n", window(60, 30), []string{"a"}, 0.5, 100), lab.Unknown},
		{"nothing is left at the broken one", check.ReadsLeave("n", "a", window(50, 50), window(0, 100), 0.33, 100), lab.Pass},
		{"a sixth of all is a third of what it was", check.ReadsLeave("n", "a", window(50, 50), window(16, 84), 0.33, 100), lab.Pass},
		{"it is read from as before", check.ReadsLeave("n", "a", window(50, 50), window(50, 50), 0.33, 100), lab.Fail},
		{"nobody read from it before", check.ReadsLeave("n", "a", window(0, 100), window(0, 100), 0.33, 100), lab.Unknown},
		{"hardly anything is read meanwhile", check.ReadsLeave("n", "a", window(50, 50), window(0, 10), 0.33, 100), lab.Unknown},
	} {
		assert.Equal(t, c.want, c.got.Verdict, "%s: %v", c.sentence, c.got)
		assert.Equal(t, c.want == lab.Pass, c.got.Hint == "", c.sentence)
	}
	table := check.ReadsTable([]check.ReadWindow{window(1, 2)}, []string{"b", "gone"})
	assert.Equal(t, []string{"selects_during"}, table.Columns)
	assert.Equal(t, []float64{2}, numbers(table.Lines[0]))
	assert.Equal(t, []float64{0}, numbers(table.Lines[1]))
}

// ending are writes that end at the seconds, with an outcome.
func ending(o lab.Outcome, ends ...float64) (ws []lab.Timed[lab.Write]) {
	for i, s := range ends {
		at := time.Duration(s*float64(second)) - 10*time.Millisecond
		ws = append(ws, lab.Timed[lab.Write]{At: at, Value: lab.Write{ID: fmt.Sprint(o, i), US: 10_000, Outcome: o, Status: 500}})
	}
	return ws
}

func TestAfterAFault(t *testing.T) {
	even := ending(lab.Acknowledged, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	gap := ending(lab.Acknowledged, 1, 2, 7, 8, 9)
	both := func(a, b []lab.Timed[lab.Write]) []lab.Timed[lab.Write] {
		return append(append([]lab.Timed[lab.Write]{}, a...), b...)
	}
	stall := func(ws []lab.Timed[lab.Write], to float64) lab.Check {
		return check.StallWithin("n", ws, second, time.Duration(to*float64(second)), 4*second)
	}
	refused := func(ws []lab.Timed[lab.Write]) lab.Check { return check.RefusedClearly("n", ws, 2*second, 6*second, 2) }
	look := func(answered int, writable ...string) check.WriterLook {
		return check.WriterLook{Answered: answered, Writable: writable}
	}
	whole := check.FaultTimes{Asked: 5 * second, InEffect: 6 * second, Healing: 7 * second, Healed: 8 * second}
	unproven := whole
	unproven.InEffect = check.Never
	const uuid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	stray := func(change func(*check.Stray)) check.Stray {
		s := check.Stray{Replica: "r", UUID: uuid, Table: "lab_rows", Extra: uuid + ":1", Named: "lab_rows", Rows: 1}
		change(&s)
		return s
	}
	mine := []check.Replica{{Name: "r", Errant: uuid + ":1"}, {Name: "q"}}
	rebuilt := func(change func(*check.Rebuild)) lab.Check {
		r := check.Rebuild{Replica: "r", OldUUID: "o", EmptyUUID: "n", State: "Completed", From: "s:3306", Took: second, Following: true}
		change(&r)
		return check.Rebuilt("n", r, "s", 2*second)
	}
	for _, c := range []struct {
		sentence string
		got      lab.Check
		want     lab.Verdict
	}{
		{"writes go on all the time", stall(even, 9.5), lab.Pass},
		{"five seconds without any", stall(gap, 9.5), lab.Fail},
		{"none until the end of the window", stall(ending(lab.Acknowledged, 1, 2), 9.5), lab.Fail},
		{"none at all", stall(nil, 9.5), lab.Fail},
		{"none was acknowledged", stall(ending(lab.Refused, 1, 2, 3, 4, 5, 6), 9.5), lab.Fail},
		{"a window as long as the bound", stall(even, 5), lab.Unknown},

		{"all refused", refused(ending(lab.Refused, 3, 4, 5)), lab.Pass},
		{"as many unknown as senders", refused(both(even, ending(lab.Unsure, 3, 4))), lab.Pass},
		{"more unknown than senders", refused(both(even, ending(lab.Unsure, 3, 4, 5))), lab.Fail},
		{"unknown ones, but before and after", refused(both(even, ending(lab.Unsure, 1, 1, 1, 7, 7, 7))), lab.Pass},
		{"nobody wrote", refused(ending(lab.Acknowledged, 1, 8)), lab.Unknown},

		{"it fell behind", check.FellBehind("n", "r", []int64{0, 10, 30}, 20), lab.Pass},
		{"it went on as ever", check.FellBehind("n", "r", []int64{0, 1, 0}, 20), lab.Unknown},
		{"nobody looked", check.FellBehind("n", "r", nil, 20), lab.Unknown},

		{"one opens in the end", check.OneWriterInTheEnd("n", []check.WriterLook{look(1), look(2), look(2, "a")}, 2, 2), lab.Pass},
		{"two at once, though one in the end", check.OneWriterInTheEnd("n", []check.WriterLook{look(2), look(2, "a", "b"), look(2, "a")}, 2, 2), lab.Fail},
		{"nobody opens", check.OneWriterInTheEnd("n", []check.WriterLook{look(2), look(2)}, 2, 2), lab.Fail},
		{"they hardly ever all answered", check.OneWriterInTheEnd("n", []check.WriterLook{look(1), look(1, "a"), look(2, "a")}, 2, 2), lab.Unknown},
		{"nobody looked for a writer", check.OneWriterInTheEnd("n", nil, 2, 2), lab.Unknown},

		{"the write is found and named", check.ErrantNamed("n", stray(func(*check.Stray) {}), mine), lab.Pass},
		{"it left no GTID", check.ErrantNamed("n", stray(func(s *check.Stray) { s.Extra = "" }), mine[1:]), lab.Fail},
		{"there are two", check.ErrantNamed("n", stray(func(s *check.Stray) { s.Extra = uuid + ":1-2" }), mine), lab.Fail},
		{"another server made it", check.ErrantNamed("n", stray(func(s *check.Stray) { s.Extra = "b" + uuid[1:] + ":1" }), mine), lab.Fail},
		{"nobody knows the table", check.ErrantNamed("n", stray(func(s *check.Stray) { s.Named = "" }), mine), lab.Fail},
		{"no row is there", check.ErrantNamed("n", stray(func(s *check.Stray) { s.Rows = 0 }), mine), lab.Fail},
		{"another replica has something too", check.ErrantNamed("n", stray(func(*check.Stray) {}), []check.Replica{mine[0], {Name: "q", Errant: uuid + ":9"}}), lab.Fail},
		{"no replica was asked", check.ErrantNamed("n", stray(func(*check.Stray) {}), nil), lab.Unknown},

		{"a copy that follows", rebuilt(func(*check.Rebuild) {}), lab.Pass},
		{"its data was never gone", rebuilt(func(r *check.Rebuild) { r.EmptyUUID = "o" }), lab.Unknown},
		{"it was not copied", rebuilt(func(r *check.Rebuild) { r.State = "" }), lab.Fail},
		{"the copy failed", rebuilt(func(r *check.Rebuild) { r.State = "Failed" }), lab.Fail},
		{"it does not follow", rebuilt(func(r *check.Rebuild) { r.Following = false }), lab.Fail},
		{"it took long", rebuilt(func(r *check.Rebuild) { r.Took = 3 * second }), lab.Fail},

		{"killed under writes", check.Killed("n", whole, even, 5), lab.Pass},
		{"killed under few writes", check.Killed("n", whole, even, 6), lab.Unknown},
		{"not proven to be killed", check.Killed("n", unproven, even, 5), lab.Unknown},

		{"writable again", check.WritableAgain("n", true, second, 2*second), lab.Pass},
		{"writable too late", check.WritableAgain("n", true, 3*second, 2*second), lab.Fail},
		{"never writable", check.WritableAgain("n", false, 0, 2*second), lab.Fail},
	} {
		assert.Equal(t, c.want, c.got.Verdict, "%s: %v", c.sentence, c.got)
		assert.Equal(t, c.want == lab.Pass, c.got.Hint == "", c.sentence)
	}
}
