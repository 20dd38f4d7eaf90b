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

// put is a write of key k, sent at so many ms and acknowledged 10 ms later.
func put(ms int, session string, version int) lab.Timed[lab.Write] {
	return lab.Timed[lab.Write]{At: time.Duration(ms) * time.Millisecond, Value: lab.Write{
		ID: fmt.Sprint(session, version), Session: session, Key: "k", Version: int64(version), Outcome: acked, US: 10_000, Status: 200,
	}}
}

// get is a read of key k that takes 10 ms.
func get(ms int, session string, version int) lab.Timed[lab.Read] {
	return lab.Timed[lab.Read]{At: time.Duration(ms) * time.Millisecond, Value: lab.Read{
		Session: session, Key: "k", Version: int64(version), US: 10_000, Status: 200, Instance: "app",
	}}
}

func TestSessions(t *testing.T) {
	gone, broken := get(30, "a", 0), get(30, "a", 0)
	gone.Value.Status, broken.Value.Status = 404, 500
	notSure := put(0, "a", 1)
	notSure.Value.Outcome = unsure
	type ws = []lab.Timed[lab.Write]
	type rs = []lab.Timed[lab.Read]
	for _, c := range []struct {
		sentence  string
		writes    ws
		reads     rs
		stale     int
		own, back lab.Verdict
	}{
		{"a session sees its own write", ws{put(0, "a", 1)}, rs{get(20, "a", 1)}, 0, lab.Pass, lab.Unknown},
		{"a session misses its own write", ws{put(0, "a", 1)}, rs{get(20, "a", 0)}, 1, lab.Fail, lab.Unknown},
		{"not found is version 0", ws{put(0, "a", 1)}, rs{gone}, 1, lab.Fail, lab.Unknown},
		{"an error is no version", ws{put(0, "a", 1)}, rs{broken}, 0, lab.Unknown, lab.Unknown},
		{"the read was sent before the acknowledgement", ws{put(0, "a", 1)}, rs{get(5, "a", 0)}, 0, lab.Unknown, lab.Unknown},
		{"somebody else's write may be missed: stale, no violation", ws{put(0, "a", 1)}, rs{get(20, "b", 0)}, 1, lab.Unknown, lab.Unknown},
		{"a newer version than the own one is as good", ws{put(0, "a", 1), put(0, "b", 2)}, rs{get(20, "a", 2)}, 0, lab.Pass, lab.Unknown},
		{"own, but not the newest of all: stale, no violation", ws{put(0, "a", 1), put(0, "b", 2)}, rs{get(20, "a", 1)}, 1, lab.Pass, lab.Unknown},
		{"a value goes back", nil, rs{get(0, "a", 2), get(20, "a", 1)}, 0, lab.Unknown, lab.Fail},
		{"a value stays and grows", nil, rs{get(0, "a", 2), get(20, "a", 2), get(40, "a", 3)}, 0, lab.Unknown, lab.Pass},
		{"two reads under way at once have no order", nil, rs{get(0, "a", 2), get(5, "a", 1)}, 0, lab.Unknown, lab.Unknown},
		{"two sessions have nothing to do with each other", nil, rs{get(0, "a", 2), get(20, "b", 1)}, 0, lab.Unknown, lab.Unknown},
		{"an unknown write promises nothing", ws{notSure}, rs{get(20, "a", 0)}, 0, lab.Unknown, lab.Unknown},
	} {
		s := check.SessionsOf(c.writes, c.reads)
		assert.Equal(t, c.stale, s.All.Stale, c.sentence)
		for want, got := range map[*lab.Verdict]lab.Check{&c.own: check.ReadYourWrites("n", s, 1), &c.back: check.MonotonicReads("n", s, 1)} {
			assert.Equal(t, *want, got.Verdict, "%s: %v", c.sentence, got)
			assert.Equal(t, *want == lab.Pass, got.Hint == "", c.sentence)
		}
	}
}

func TestSessionsSayHowStale(t *testing.T) {
	s := check.SessionsOf(
		[]lab.Timed[lab.Write]{put(0, "a", 1), put(100, "a", 2), put(200, "b", 3)},
		[]lab.Timed[lab.Read]{get(250, "c", 1), get(400, "c", 3), get(150, "a", 0)})
	assert.Equal(t, 140*time.Millisecond, s.All.WorstLate, "c missed version 2, which was 140 ms old, more than version 3; a missed version 1, acknowledged at 10")
	table := s.Table()
	require.Len(t, table.Lines, 3)
	assert.Equal(t, []float64{3, 0, 2, 140, 1, 1, 1, 0}, numbers(table.Lines[0]))
	assert.Equal(t, "all", table.Lines[0].Label)
	assert.Contains(t, check.ReadYourWrites("n", s, 1).Got, "at 0.150 s a read version 0 of k from app and had written 2")
	assert.Equal(t, lab.Unknown, check.MonotonicReads("n", s, 2).Verdict, "one pair is too few when two are asked for")
	assert.Empty(t, check.SessionsOf(nil, nil).Table().Lines)
}

func TestManySessionsFitATable(t *testing.T) {
	var reads []lab.Timed[lab.Read]
	for i := range 50 {
		reads = append(reads, get(i, fmt.Sprintf("s%02d", i), 1))
	}
	reads = append(reads, get(500, "s49", 0))
	table := check.SessionsOf(nil, reads).Table()
	assert.Len(t, table.Lines, 13)
	assert.Equal(t, "s49", table.Lines[1].Label, "the one that went back is not left out")
	assert.Contains(t, table.Note, "12 of 50 sessions are shown")
}

// A store with one copy of everything shows neither stale nor violating reads,
// however the requests overlap; a replica that is behind by some time shows no
// read that is more stale than that.
func TestSessionsOfAStore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lag := time.Duration(rapid.IntRange(0, 50).Draw(t, "lag_ms")) * time.Millisecond
		type change struct {
			at      time.Duration
			version int64
		}
		var changes []change
		var ws []lab.Timed[lab.Write]
		var rs []lab.Timed[lab.Read]
		at := time.Duration(0)
		version := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at += time.Duration(rapid.IntRange(1, 20).Draw(t, "gap_ms")) * time.Millisecond
			session := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "session")
			takes := rapid.Int64Range(2, 30_000).Draw(t, "us")
			inside := at + time.Duration(takes/2)*time.Microsecond // when the store does it
			if rapid.Bool().Draw(t, "writes") {
				if n := len(changes); n > 0 && changes[n-1].at >= inside {
					continue // one after the other at the store
				}
				version++
				changes = append(changes, change{inside, version})
				ws = append(ws, lab.Timed[lab.Write]{At: at, Value: lab.Write{Session: session, Key: "k", Version: version, Outcome: acked, US: takes}})
				continue
			}
			rs = append(rs, lab.Timed[lab.Read]{At: at, Value: lab.Read{Session: session, Key: "k", Version: int64(inside), US: takes, Status: 200}})
		}
		for i := range rs { // what the store held then, by the moment that was put there
			inside, saw := time.Duration(rs[i].Value.Version), int64(0)
			for _, c := range changes {
				if c.at+lag <= inside {
					saw = c.version
				}
			}
			rs[i].Value.Version = saw
		}
		s := check.SessionsOf(ws, rs)
		require.Zero(t, s.All.WentBack, "one copy never goes back")
		require.LessOrEqual(t, s.All.WorstLate, lag)
		if lag == 0 {
			require.Zero(t, s.All.Stale)
			require.Zero(t, s.All.OwnLost)
		}
		require.LessOrEqual(t, s.All.OwnLost, s.All.Stale, "who misses an own write is stale")
		require.Equal(t, len(rs), s.All.Reads)

		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rnd.Shuffle(len(ws), func(i, j int) { ws[i], ws[j] = ws[j], ws[i] })
		rnd.Shuffle(len(rs), func(i, j int) { rs[i], rs[j] = rs[j], rs[i] })
		require.Equal(t, s, check.SessionsOf(ws, rs), "the order does not matter")
	})
}
