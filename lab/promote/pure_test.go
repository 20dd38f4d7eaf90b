package promote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
)

const (
	m = "00000000-0000-0000-0000-00000000000a" // server_uuid of the source of the tables
	r = "00000000-0000-0000-0000-00000000000b" // … and of a replica
)

func gtids(t testing.TB, text string) GTIDs {
	t.Helper()
	set, err := ParseGTIDs(text)
	require.NoError(t, err, text)
	return set
}

func TestParseGTIDs(t *testing.T) {
	for _, tt := range []struct{ about, text, want string }{
		{"nothing", "", ""},
		{"one transaction", m + ":7", m + ":7"},
		{"ranges out of order, overlapping and touching", m + ":5-9:1-3:4:8-12", m + ":1-12"},
		{"MySQL's line breaks, and upper case", strings.ToUpper(m) + ":1-3,\n" + r + ":1", m + ":1-3," + r + ":1"},
		{"a server twice", m + ":1-3," + m + ":4", m + ":1-4"},
		{"a tag holds for what is behind it", m + ":1-3:t:1-2", m + ":1-3," + m + ":t:1-2"},
	} {
		assert.Equal(t, tt.want, gtids(t, tt.text).String(), tt.about)
	}
	for _, tt := range []struct{ about, text string }{
		{"no range", m},
		{"no server", ":1-3"},
		{"nought", m + ":0"},
		{"a range that falls", m + ":5-3"},
		{"an empty range", m + ":1-3:"},
		{"no number", m + ":1-x"},
	} {
		_, err := ParseGTIDs(tt.text)
		assert.Error(t, err, tt.about)
	}
}

// drawGTIDs makes a set and the same as a plain list of its transactions.
func drawGTIDs(t *rapid.T, label string) (GTIDs, map[string]bool) {
	plain := map[string]bool{}
	var parts []string
	for range rapid.IntRange(0, 6).Draw(t, label) {
		name := rapid.SampledFrom([]string{m, r, m + ":tag"}).Draw(t, "server")
		from := rapid.IntRange(1, 20).Draw(t, "from")
		to := from + rapid.IntRange(0, 6).Draw(t, "length")
		for n := from; n <= to; n++ {
			plain[fmt.Sprint(name, "#", n)] = true
		}
		parts = append(parts, fmt.Sprintf("%s:%d-%d", name, from, to))
	}
	set, err := ParseGTIDs(strings.Join(parts, ","))
	require.NoError(t, err)
	return set, plain
}

// TestGTIDsAreSets compares the arithmetic of ranges with that of plain sets.
func TestGTIDsAreSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, plainA := drawGTIDs(t, "a")
		b, plainB := drawGTIDs(t, "b")
		union, minus := 0, 0
		for x := range plainA {
			if !plainB[x] {
				minus++
			}
		}
		union = minus + len(plainB)
		assert.EqualValues(t, len(plainA), a.Count())
		assert.EqualValues(t, union, a.Union(b).Count())
		assert.EqualValues(t, minus, a.Minus(b).Count())
		assert.Equal(t, minus == 0, b.Has(a))
		assert.True(t, a.Union(b).Has(a))
		assert.Zero(t, a.Minus(b).Minus(a).Count())
		assert.Equal(t, a.Union(b).String(), a.Minus(b).Union(b).String())
		again, err := ParseGTIDs(a.String())
		require.NoError(t, err)
		assert.Equal(t, a.String(), again.String())
	})
}

var errAway = errors.New("no answer")

func away(name string) Server { return Server{Name: name, Err: errAway} }

// replica follows s0, and has received transactions 1 to n of its.
func replica(t testing.TB, name string, n int, change ...func(*Server)) Server {
	s := Server{
		Name: name, UUID: "uuid of " + name, Term: 1, Holder: m,
		Channel: true, Follows: "s0", FollowsID: m, Receiver: "ON", Applier: "ON",
		Executed: gtids(t, fmt.Sprintf("%s:1-%d", m, n)), Received: gtids(t, fmt.Sprintf("%s:1-%d", m, n)),
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func source(t testing.TB, n int, change ...func(*Server)) Server {
	s := Server{Name: "s0", UUID: m, Writable: true, Term: 1, Holder: m, Executed: gtids(t, fmt.Sprintf("%s:1-%d", m, n))}
	s.Received = s.Executed
	for _, c := range change {
		c(&s)
	}
	return s
}

func lonely(s *Server)   { s.Receiver = "CONNECTING" }
func broken(s *Server)   { s.Applier, s.Trouble = "OFF", "duplicate key" }
func promoted(s *Server) { s.Channel, s.Writable, s.Term, s.Holder = false, true, 2, s.UUID }
func readOnly(s *Server) { s.Writable = false }
func knows(term int64, holder string) func(*Server) {
	return func(s *Server) { s.Term, s.Holder = term, holder }
}

func has(t testing.TB, extra string) func(*Server) {
	return func(s *Server) { s.Received = s.Received.Union(gtids(t, extra)); s.Executed = s.Received }
}

func behind(t testing.TB, n int) func(*Server) {
	return func(s *Server) { s.Executed = gtids(t, fmt.Sprintf("%s:1-%d", m, n)) }
}

func TestSource(t *testing.T) {
	for _, tt := range []struct {
		about   string
		servers []Server
		want    int
	}{
		{"a writable server of the only term", []Server{source(t, 5), replica(t, "s1", 5)}, 0},
		{"a dead source is none", []Server{away("s0"), replica(t, "s1", 5)}, -1},
		{"a source that is read-only is none", []Server{source(t, 5, readOnly), replica(t, "s1", 5)}, -1},
		{"an old source that is writable, and a promoted one", []Server{source(t, 5), replica(t, "s1", 5, promoted)}, 1},
		{"an old source that is writable, and somebody knows of a later term", []Server{source(t, 5), away("s1"), replica(t, "s2", 5, knows(2, "uuid of s1"))}, -1},
		{"a writable server that was never promoted", []Server{away("s0"), replica(t, "s1", 5, func(s *Server) { s.Writable, s.Channel = true, false })}, -1},
	} {
		assert.Equal(t, tt.want, Source(tt.servers), tt.about)
	}
}

func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		about   string
		servers []Server
		want    string // the user's
		chosen  string // "" for an error
		text    string // of the error, or of what is lost
	}{
		{"most received wins, though it shows less", []Server{away("s0"), replica(t, "s1", 8), replica(t, "s2", 9, behind(t, 3))}, "", "s2", ""},
		{"among equals the first", []Server{away("s0"), replica(t, "s1", 9), replica(t, "s2", 9)}, "", "s1", ""},
		{"among equals one whose receiver has ended", []Server{away("s0"), replica(t, "s1", 9, lonely), replica(t, "s2", 9, func(s *Server) { s.Receiver = "OFF" })}, "", "s2", ""},
		{"a source that only is read-only, among equals", []Server{source(t, 9, readOnly), replica(t, "s1", 9)}, "", "s0", ""},
		{"one whose replication is broken cannot catch up", []Server{away("s0"), replica(t, "s1", 9, broken), replica(t, "s2", 8)}, "", "s2", "s1 has 1 transactions that s2 lacks"},
		{"one without data cannot", []Server{away("s0"), replica(t, "s1", 9, knows(0, "")), replica(t, "s2", 8)}, "", "s2", "s1"},
		{"nobody answers", []Server{away("s0"), away("s1")}, "", "", "no replica answers"},
		{"the user's wish", []Server{away("s0"), replica(t, "s1", 9), replica(t, "s2", 9)}, "s2", "s2", ""},
		{"a wish that would lose something", []Server{away("s0"), replica(t, "s1", 9), replica(t, "s2", 7)}, "s2", "", "s2 has not received 2 transactions that s1 has"},
		{"a wish for one that does not answer", []Server{away("s0"), replica(t, "s1", 9), away("s2")}, "s2", "", "does not answer"},
		{"a wish for nobody", []Server{away("s0"), replica(t, "s1", 9)}, "x", "", `no database server "x"`},
		{"one that is away may have confirmed alone", []Server{away("s0"), away("s1"), replica(t, "s2", 9)}, "", "s2", "s1 does not answer"},
		{"one with transactions of its own", []Server{away("s0"), replica(t, "s1", 9), replica(t, "s2", 7, has(t, r+":1"))}, "", "s1", "s2 has 1 transactions"},
	} {
		c, err := Choose(tt.servers, "s0", tt.want)
		if tt.chosen == "" {
			assert.ErrorContains(t, err, tt.text, tt.about)
			continue
		}
		require.NoError(t, err, tt.about)
		assert.Equal(t, tt.chosen, tt.servers[c.Target].Name, tt.about)
		assert.Contains(t, strings.Join(c.Lost, "\n"), tt.text, tt.about)
		assert.Equal(t, tt.text == "", len(c.Lost) == 0, tt.about)
	}
}

// TestChooseLosesNothing: whatever replicas of one source have received, the
// chosen one has all that any of them has.
func TestHeardOnly(t *testing.T) {
	silent := Server{Name: "maestro1", Err: errors.New("no answer")}
	follower := func(receiver string) Server {
		return Server{Name: "slave1", Channel: true, Follows: "maestro1", Receiver: receiver}
	}
	for _, c := range []struct {
		about   string
		servers []Server
		want    bool
	}{
		{"a slow source", []Server{silent, follower("ON")}, true},
		{"a dead one", []Server{silent, follower("CONNECTING")}, false},
		{"one that answers, and is fenced", []Server{{Name: "maestro1"}, follower("ON")}, false},
		{"nobody answers", []Server{silent, {Name: "slave1", Err: errors.New("no answer")}}, false},
		{"the source is not among them", []Server{follower("ON")}, false},
	} {
		assert.Equal(t, c.want, len(heardOnly(c.servers)) > 0, c.about)
	}
}

// asked is a stack that only tells how its services are.
type asked struct {
	lab.Stack
	status string
	err    error
}

func (s asked) State(context.Context, string) (lab.State, error) {
	return lab.State{Status: s.status}, s.err
}

func TestWhoHasEndedIsNotSlow(t *testing.T) {
	for _, c := range []struct {
		about string
		heard []string
		stack asked
		want  bool
	}{
		{"it runs", []string{"maestro1"}, asked{status: "running"}, true},
		{"it is frozen", []string{"maestro1"}, asked{status: "paused"}, true},
		{"it has ended", []string{"maestro1"}, asked{status: "exited"}, false},
		{"the engine does not say", []string{"maestro1"}, asked{err: errors.New("no answer")}, true},
		{"nobody is heard", nil, asked{status: "running"}, false},
	} {
		cluster := &Cluster{opt: Options{Stack: c.stack}}
		assert.Equal(t, c.want, cluster.anyRuns(t.Context(), c.heard), c.about)
	}
}

func TestChooseLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		servers := []Server{away("s0")}
		for i := range rapid.IntRange(1, 5).Draw(rt, "replicas") {
			n := rapid.IntRange(1, 30).Draw(rt, "received")
			s := replica(t, fmt.Sprint("s", i+1), n, behind(t, rapid.IntRange(1, n).Draw(rt, "shown")))
			if rapid.Bool().Draw(rt, "away") && i > 0 {
				s = away(s.Name)
			}
			servers = append(servers, s)
		}
		c, err := Choose(servers, "s0", "")
		require.NoError(rt, err)
		for i, s := range servers {
			if s.Up() {
				assert.True(rt, c.Drain.Has(s.Received), "%s", s.Name)
				assert.Equal(rt, i != c.Target, slices.Contains(c.Others, i))
			}
		}
	})
}

func TestSuspects(t *testing.T) {
	for _, tt := range []struct {
		about   string
		servers []Server
		want    []string
	}{
		{"the source answers: it is fenced by asking", []Server{source(t, 5), replica(t, "s1", 5), away("s2")}, nil},
		{"a replica tells who the source is", []Server{away("s0"), replica(t, "s1", 5), away("s2")}, []string{"s0"}},
		{"after an interrupted promotion nobody follows the old one: all who are silent", []Server{away("s0"), away("s1"), replica(t, "s2", 5, func(s *Server) { s.Follows, s.FollowsID = "s3", "x" })}, []string{"s0", "s1"}},
	} {
		assert.Equal(t, tt.want, suspects(tt.servers), tt.about)
	}
}

func TestJudge(t *testing.T) {
	rule := Rule{Misses: 3, Stuck: DefaultStuck}
	start := time.Now()
	healthy := []Server{source(t, 5), replica(t, "s1", 5), replica(t, "s2", 5), replica(t, "s3", 5)}
	dead := []Server{away("s0"), replica(t, "s1", 5, lonely), replica(t, "s2", 5, lonely), replica(t, "s3", 5, lonely)}
	for _, tt := range []struct {
		about   string
		servers []Server
		looks   int
		every   time.Duration
		want    Diagnosis
		text    string
	}{
		{"all is well", healthy, 1, time.Second, Healthy, ""},
		{"one look missed", dead, 1, time.Second, Unreachable, "1 of 3"},
		{"three looks missed, and nobody hears it", dead, 3, time.Second, Gone, "none of 3 replicas"},
		{"one replica still hears it: the trouble is ours", []Server{away("s0"), replica(t, "s1", 5), replica(t, "s2", 5, lonely), replica(t, "s3", 5, lonely)}, 50, time.Second, Unreachable, "s1 is still in touch"},
		{"most replicas are away too: the trouble is ours", []Server{away("s0"), away("s1"), away("s2"), replica(t, "s3", 5, lonely)}, 50, time.Second, Unreachable, "only 1 of 3"},
		{"a majority of the replicas is enough", []Server{away("s0"), away("s1"), replica(t, "s2", 5, lonely), replica(t, "s3", 5, lonely)}, 3, time.Second, Gone, "none of 2"},
		{"receivers that a promotion has stopped hear nobody", []Server{away("s0"), replica(t, "s1", 5, func(s *Server) { s.Receiver = "OFF" }), replica(t, "s2", 5, lonely), replica(t, "s3", 5, lonely)}, 3, time.Second, Gone, ""},
		{"the source is read-only: somebody is at work", []Server{source(t, 5, readOnly), replica(t, "s1", 5), replica(t, "s2", 5)}, 5, time.Second, Unreachable, "read-only"},
		{"… and stays so", []Server{source(t, 5, readOnly), replica(t, "s1", 5), replica(t, "s2", 5)}, 12, time.Second, Unfinished, "read-only"},
	} {
		var memory Memory
		d, _ := rule.Judge(&memory, healthy, start)
		require.Equal(t, Healthy, d)
		var why string
		for n := range tt.looks {
			d, why = rule.Judge(&memory, tt.servers, start.Add(time.Duration(n)*tt.every))
		}
		assert.Equal(t, tt.want, d, "%s: %s", tt.about, why)
		assert.Contains(t, why, tt.text, tt.about)
	}
}

// TestJudgeNeverWithAWitness: as long as one replica hears the source, or most
// are silent, no number of missed looks is enough.
func TestJudgeNeverWithAWitness(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rule := Rule{Misses: rapid.IntRange(1, 4).Draw(rt, "misses"), Stuck: DefaultStuck}
		memory := Memory{Source: "s0"}
		now := time.Now()
		for range rapid.IntRange(1, 30).Draw(rt, "looks") {
			servers := []Server{away("s0")}
			up, hears := 0, 0
			for i := range 3 {
				s := away(fmt.Sprint("s", i+1))
				switch rapid.IntRange(0, 2).Draw(rt, "replica") {
				case 0:
					s = replica(t, s.Name, 5)
					up++
					hears++
				case 1:
					s = replica(t, s.Name, 5, lonely)
					up++
				}
				servers = append(servers, s)
			}
			now = now.Add(DefaultEvery)
			if d, why := rule.Judge(&memory, servers, now); hears > 0 || up < 2 {
				assert.Equal(rt, Unreachable, d, why)
			}
		}
	})
}
