package check_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

const (
	acked   = lab.Acknowledged
	refused = lab.Refused
	unsure  = lab.Unsure
)

// wrote is a write; one with a key has a version.
func wrote(id string, o lab.Outcome, keyAndVersion ...any) lab.Timed[lab.Write] {
	w := lab.Write{ID: id, Outcome: o, Instance: "app"}
	if o == unsure {
		w.Instance = ""
	}
	if len(keyAndVersion) > 0 {
		w.Key, w.Version = keyAndVersion[0].(string), int64(keyAndVersion[1].(int))
	}
	return lab.Timed[lab.Write]{Value: w}
}

func writes(ws ...lab.Timed[lab.Write]) []lab.Timed[lab.Write] {
	for i := range ws {
		ws[i].At = time.Duration(i+1) * time.Second
	}
	return ws
}

// holds is a server that has one row of each id; an id named twice has two.
func holds(server string, ids ...string) lab.Timed[lab.Found] {
	f := lab.Found{Server: server, Copies: make(map[string]int)}
	for _, id := range ids {
		f.Copies[id]++
	}
	return lab.Timed[lab.Found]{At: time.Minute, Value: f}
}

func TestLedger(t *testing.T) {
	both := func(ids ...string) []lab.Timed[lab.Found] {
		return []lab.Timed[lab.Found]{holds("source", ids...), holds("replica", ids...)}
	}
	for _, c := range []struct {
		sentence string
		writes   []lab.Timed[lab.Write]
		found    []lab.Timed[lab.Found]
		lost     lab.Verdict
		twice    lab.Verdict
		lies     lab.Verdict
	}{
		{"all there", writes(wrote("a", acked), wrote("b", acked)), both("a", "b"), lab.Pass, lab.Pass, lab.Pass},
		{"one acknowledged is nowhere", writes(wrote("a", acked), wrote("b", acked)), both("a"), lab.Fail, lab.Pass, lab.Pass},
		{"one is missing at the replica only", writes(wrote("a", acked)), []lab.Timed[lab.Found]{holds("source", "a"), holds("replica")}, lab.Fail, lab.Pass, lab.Pass},
		{"an unknown one that was not done is not lost", writes(wrote("a", acked), wrote("b", unsure)), both("a"), lab.Pass, lab.Pass, lab.Pass},
		{"an unknown one that was done is no harm", writes(wrote("a", acked), wrote("b", unsure)), both("a", "b"), lab.Pass, lab.Pass, lab.Pass},
		{"an unknown one that was done twice is", writes(wrote("a", acked), wrote("b", unsure)), both("a", "b", "b"), lab.Pass, lab.Fail, lab.Pass},
		{"a refused one that was done is a lie", writes(wrote("a", acked), wrote("b", refused)), both("a", "b"), lab.Pass, lab.Pass, lab.Fail},
		{"a refused one that was not done is as it should be", writes(wrote("a", acked), wrote("b", refused)), both("a"), lab.Pass, lab.Pass, lab.Pass},
		{"nothing was acknowledged: nothing can be lost", writes(wrote("a", unsure)), both(), lab.Unknown, lab.Unknown, lab.Pass},
		{"no server was asked", writes(wrote("a", acked)), nil, lab.Unknown, lab.Unknown, lab.Unknown},
		{"no writes", nil, both(), lab.Unknown, lab.Unknown, lab.Unknown},
		{"an edit hides the acknowledged one before it", writes(wrote("a", acked, "k", 1), wrote("b", acked, "k", 2)), both("b"), lab.Pass, lab.Pass, lab.Pass},
		{"the newest edit is lost", writes(wrote("a", acked, "k", 1), wrote("b", acked, "k", 2)), both("a"), lab.Fail, lab.Pass, lab.Pass},
		{"an unknown edit was done and hides the acknowledged one", writes(wrote("a", acked, "k", 1), wrote("b", unsure, "k", 2), wrote("c", acked)), both("b", "c"), lab.Pass, lab.Pass, lab.Pass},
		{"an unknown edit was not done and hides nothing", writes(wrote("a", acked, "k", 1), wrote("b", unsure, "k", 2)), both(), lab.Fail, lab.Unknown, lab.Pass},
		{"an unknown edit that is elsewhere hides nothing here", writes(wrote("a", acked, "k", 1), wrote("b", unsure, "k", 2)), []lab.Timed[lab.Found]{holds("source", "b"), holds("replica")}, lab.Fail, lab.Pass, lab.Pass},
		{"an older unknown edit came late and hides nothing", writes(wrote("b", unsure, "k", 1), wrote("a", acked, "k", 2)), both("b"), lab.Fail, lab.Pass, lab.Pass},
		{"two writers were told that they made the same version: a lost update", writes(wrote("a", acked, "k", 2), wrote("b", acked, "k", 2)), both("b"), lab.Fail, lab.Pass, lab.Pass},
		{"another key hides nothing", writes(wrote("a", acked, "k", 1), wrote("b", acked, "l", 2)), both("b"), lab.Fail, lab.Pass, lab.Pass},
		{"all that was acknowledged is hidden: nothing was shown", writes(wrote("a", acked, "k", 1), wrote("b", unsure, "k", 2)), both("b"), lab.Unknown, lab.Pass, lab.Pass},
	} {
		l := check.LedgerOf(c.writes, c.found)
		for name, pair := range map[string]struct {
			got  lab.Check
			want lab.Verdict
		}{
			"NothingLost": {check.NothingLost("n", l), c.lost}, "NotDuplicated": {check.NotDuplicated("n", l), c.twice},
			"RefusedNotApplied": {check.RefusedNotApplied("n", l), c.lies},
		} {
			assert.Equal(t, pair.want, pair.got.Verdict, "%s: %s: %v", c.sentence, name, pair.got)
			assert.Equal(t, pair.want == lab.Pass, pair.got.Hint == "", "%s: %s", c.sentence, name)
		}
	}
}

func TestLedgerTables(t *testing.T) {
	l := check.LedgerOf(
		writes(wrote("a", acked), wrote("b", acked), wrote("c", unsure), wrote("d", refused), wrote("e", unsure), wrote("f", acked, "k", 1), wrote("g", acked, "k", 2)),
		[]lab.Timed[lab.Found]{
			holds("source", "a", "a", "c", "d", "g", "nobody"), holds("replica", "a", "b", "g"),
			{At: time.Second, Value: lab.Found{Server: "source"}}, // an earlier look does not count
		})
	table := l.Table()
	assert.Equal(t, []string{"replica", "source"}, []string{table.Lines[0].Label, table.Lines[1].Label})
	assert.Equal(t, []float64{4, 3, 0, 1, 0, 0, 0, 0}, numbers(table.Lines[0]))
	assert.Equal(t, []float64{4, 2, 1, 1, 1, 1, 1, 1}, numbers(table.Lines[1]))
	assert.Equal(t, "7 writes: 4 acknowledged, 1 refused, 2 unknown; 1 of the unknown ones were done; 1 ids were found that nobody wrote.", table.Note)
	by := l.InstanceTable()
	assert.Equal(t, []string{"(no answer)", "app"}, []string{by.Lines[0].Label, by.Lines[1].Label})
	assert.Equal(t, []float64{2, 0, 0, 2, 0, 0, 1, 0}, numbers(by.Lines[0]))
	assert.Equal(t, []float64{5, 4, 1, 0, 1, 1, 0, 1}, numbers(by.Lines[1]))
	assert.Equal(t, lab.Fail, check.NoStrangers("n", l).Verdict)
	assert.Equal(t, []string{"nobody"}, l.Strangers())
	assert.Equal(t, lab.Pass, check.NoStrangers("n", check.LedgerOf(nil, []lab.Timed[lab.Found]{holds("source")})).Verdict)
	assert.Equal(t, lab.Unknown, check.NoStrangers("n", check.LedgerOf(nil, nil)).Verdict)
	c := check.NothingLost("n", l)
	assert.Equal(t, "replica 0 missing, source 1 missing; 0 at no server; b (sent at 2.0 s, answered by app)", c.Got)
}

func numbers(l lab.Line) []float64 {
	v := make([]float64, len(l.Values))
	for i, x := range l.Values {
		v[i] = *x
	}
	return v
}

// A store that does what it says is never accused, whatever the writers could
// not see; and each harm that is done to it is found.
func TestLedgerOfAnHonestStore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := make(map[string]string) // key, or id of a creation → id of the write it carries
		version := make(map[string]int)
		var ws []lab.Timed[lab.Write]
		for i := range rapid.IntRange(1, 40).Draw(t, "writes") {
			id := fmt.Sprint("w", i)
			key := rapid.SampledFrom([]string{"", "k", "l"}).Draw(t, "key")
			o := rapid.SampledFrom([]lab.Outcome{acked, acked, refused, unsure}).Draw(t, "outcome")
			w := wrote(id, o)
			slot := id
			if key != "" {
				w = wrote(id, o, key, version[key]+1)
				slot = key
			}
			if o == acked || o == unsure && rapid.Bool().Draw(t, "applied") {
				rows[slot] = id
				if key != "" {
					version[key]++
				}
			}
			w.At = time.Duration(i) * time.Second
			ws = append(ws, w)
		}
		server := func(name string) lab.Timed[lab.Found] {
			var ids []string
			for _, id := range rows {
				ids = append(ids, id)
			}
			return holds(name, ids...)
		}
		found := []lab.Timed[lab.Found]{server("source"), server("replica")}
		l := check.LedgerOf(ws, found)
		require.NotEqual(t, lab.Fail, check.NothingLost("", l).Verdict)
		require.NotEqual(t, lab.Fail, check.NotDuplicated("", l).Verdict)
		require.Equal(t, lab.Pass, check.RefusedNotApplied("", l).Verdict)
		require.Equal(t, lab.Pass, check.NoStrangers("", l).Verdict)
		require.Equal(t, len(ws), len(l.With(acked))+len(l.With(refused))+len(l.With(unsure)))

		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rnd.Shuffle(len(ws), func(i, j int) { ws[i], ws[j] = ws[j], ws[i] })
		require.Equal(t, l, check.LedgerOf(ws, []lab.Timed[lab.Found]{found[1], found[0]}), "the order does not matter")

		var there []string
		for _, e := range l.With(acked) {
			if e.Applied() {
				there = append(there, e.Write.ID)
			}
		}
		if len(there) == 0 {
			return
		}
		id := rapid.SampledFrom(there).Draw(t, "harmed")
		switch rapid.SampledFrom([]string{"lose", "double", "lie"}).Draw(t, "harm") {
		case "lose":
			delete(found[1].Value.Copies, id)
			l = check.LedgerOf(ws, found)
			require.Equal(t, lab.Fail, check.NothingLost("", l).Verdict)
			require.Empty(t, l.LostEverywhere())
		case "double":
			found[1].Value.Copies[id]++
			require.Equal(t, lab.Fail, check.NotDuplicated("", check.LedgerOf(ws, found)).Verdict)
		default:
			for i := range ws {
				if ws[i].Value.ID == id {
					ws[i].Value.Outcome = refused
				}
			}
			require.Equal(t, lab.Fail, check.RefusedNotApplied("", check.LedgerOf(ws, found)).Verdict)
		}
	})
}
