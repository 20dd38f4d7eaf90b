package check_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// toldAll is two streams that were cut once and told 20 edits; change may spoil
// it.
func toldAll(change func(*check.Streams, []lab.Timed[lab.Write])) (check.Streams, []lab.Timed[lab.Write]) {
	s := check.Streams{Writes: make(map[int64]string)}
	var writes []lab.Timed[lab.Write]
	var revisions []int64
	for i := range 20 {
		id := fmt.Sprintf("K.%d", i+1)
		writes = append(writes, lab.Timed[lab.Write]{
			At: time.Duration(i+1) * time.Second, Value: lab.Write{ID: id, Key: "K", Session: "s1", Version: int64(i + 1), Outcome: lab.Acknowledged},
		})
		revisions = append(revisions, int64(100+i))
		s.Writes[int64(100+i)] = id
	}
	for _, name := range []string{"s1", "s2"} {
		s.Of = append(s.Of, check.Stream{
			Session: name, Revisions: append([]int64(nil), revisions...),
			Opens: []check.Open{{AtUS: 0, Status: 200, Instance: "app"}, {AtUS: 5e6, Status: 503}, {AtUS: 6e6, After: 104, Status: 200, Instance: "app1"}},
		})
	}
	if change != nil {
		change(&s, writes)
	}
	return s, writes
}

func TestStreamsMissNothing(t *testing.T) {
	type edits = []lab.Timed[lab.Write]
	for _, c := range []struct {
		sentence string
		change   func(*check.Streams, edits)
		want     lab.Verdict
		missed   int
	}{
		{"each stream was cut and told everything", nil, lab.Pass, 0},
		{"one edit was not told to one of them", func(s *check.Streams, _ edits) {
			s.Of[1].Revisions = append(s.Of[1].Revisions[:7:7], s.Of[1].Revisions[8:]...)
		}, lab.Fail, 1},
		{"the last edit was told to nobody", func(s *check.Streams, _ edits) {
			s.Of[0].Revisions, s.Of[1].Revisions = s.Of[0].Revisions[:19], s.Of[1].Revisions[:19]
		}, lab.Fail, 2},
		{"one edit was told twice", func(s *check.Streams, _ edits) { s.Of[0].Revisions = append(s.Of[0].Revisions, 119) }, lab.Fail, 0},
		{"two came in the wrong order", func(s *check.Streams, _ edits) {
			r := s.Of[0].Revisions
			r[3], r[4] = r[4], r[3]
		}, lab.Fail, 0},
		{"a browser was told to read the page again", func(s *check.Streams, _ edits) { s.Of[0].Reloads = 1 }, lab.Fail, 0},
		{"an edit that nobody acknowledged need not be told", func(s *check.Streams, w edits) {
			w[19].Value.Outcome = lab.Unsure
			s.Of[0].Revisions = s.Of[0].Revisions[:19]
		}, lab.Pass, 0},
		{"an edit from before a stream was open need not be told", func(s *check.Streams, _ edits) {
			s.Of[0].Opens = s.Of[0].Opens[1:]
			s.Of[0].Opens = append(s.Of[0].Opens, check.Open{AtUS: 7e6, Status: 200})
			s.Of[0].Revisions = s.Of[0].Revisions[6:]
		}, lab.Pass, 0},
		{"a stream that was not cut proves nothing", func(s *check.Streams, _ edits) { s.Of[1].Opens = s.Of[1].Opens[:2] }, lab.Unknown, 0},
		{"a stream that was never open owes nothing and proves nothing", func(s *check.Streams, _ edits) {
			s.Of[1].Opens, s.Of[1].Revisions = s.Of[1].Opens[1:2], nil
		}, lab.Unknown, 0},
		{"there were no streams", func(s *check.Streams, _ edits) { s.Of = nil }, lab.Unknown, 0},
		{"there were no edits", func(s *check.Streams, w edits) {
			for i := range w {
				w[i].Value.Outcome = lab.Refused
			}
		}, lab.Unknown, 0},
	} {
		told := check.ToldOf(toldAll(c.change))
		got := check.StreamsMissNothing("", told, 20)
		assert.Equal(t, c.want, got.Verdict, "%s: %v", c.sentence, got)
		assert.Equal(t, c.missed, told.Missed, c.sentence)
		if c.want != lab.Pass {
			assert.NotEmpty(t, got.Hint, c.sentence)
		}
	}
}
