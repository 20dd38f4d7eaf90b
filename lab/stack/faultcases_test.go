package stack_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/stack"
)

// soon is enough for an answer of the tiny stack on a busy machine.
const soon = 2 * time.Second

func faultCases() []faultCase {
	dead := func(t *testing.T, s *stack.Stack) {
		st, err := s.State(t.Context(), "one")
		require.NoError(t, err)
		assert.Equal(t, "exited", st.Status)
		assert.Contains(t, ask(t, s, "two", "/get?ms=1000&url=http://one:8080/", soon), "error", "its neighbour cannot reach it")
	}
	reaches := func(from, to string, want bool) func(t *testing.T, s *stack.Stack) {
		return func(t *testing.T, s *stack.Stack) {
			out := fetch(t, s, from, to)
			if want {
				assert.Contains(t, out, "ok", "%s reaches %s", from, to)
				return
			}
			assert.Contains(t, out, "deadline exceeded", "%s hears nothing of %s, neither an answer nor a refusal", from, to)
		}
	}
	both := func(all ...func(*testing.T, *stack.Stack)) func(*testing.T, *stack.Stack) {
		return func(t *testing.T, s *stack.Stack) {
			for _, f := range all {
				f(t, s)
			}
		}
	}
	unheard := func(t *testing.T, s *stack.Stack) {
		assert.Empty(t, ask(t, s, "one", "/", time.Second), "nor does anybody outside")
		st, err := s.State(t.Context(), "one")
		require.NoError(t, err)
		assert.True(t, st.Usable(), "its own health check does not notice")
	}
	heard := func(t *testing.T, s *stack.Stack) {
		assert.NotEmpty(t, ask(t, s, "one", "/", soon), "others still reach it")
	}
	return []faultCase{
		{
			why: "cut off from everything", spec: lab.FaultSpec{Kind: "partition", Service: "one"},
			effect: both(reaches("two", "one", false), unheard), gone: reaches("two", "one", true),
		},
		{
			why: "cut off from each other, both ways", spec: lab.FaultSpec{Kind: "partition", Service: "one", Peer: "two"},
			effect: both(reaches("two", "one", false), reaches("one", "two", false), heard), gone: both(reaches("two", "one", true), reaches("one", "two", true)),
		},
		{
			why: "one way: what the one sends is lost", spec: lab.FaultSpec{Kind: "partition", Service: "one", Peer: "two", Direction: lab.Outgoing},
			effect: both(reaches("one", "two", false), heard), gone: reaches("one", "two", true),
		},
		{
			why: "one way: what the one would receive is lost", spec: lab.FaultSpec{Kind: "partition", Service: "one", Direction: lab.Incoming},
			effect: unheard, gone: reaches("one", "two", true),
		},
		{
			why: "half of the packets are lost", spec: lab.FaultSpec{Kind: "loss", Service: "one", Loss: 50},
			effect: func(t *testing.T, s *stack.Stack) {
				slow := 0
				for range 5 { // 1 in 2^15 or less that no handshake lost anything
					if fetchMS(t, s, "two", "/get?ms=3000&url=http://one:8080/") > 150 {
						slow++
					}
				}
				assert.Positive(t, slow, "TCP repeats what was lost, which takes 200 ms or more")
			},
			gone: reaches("two", "one", true),
		},
		{why: "the process is gone", spec: lab.FaultSpec{Kind: "kill", Service: "one"}, effect: dead},
		{why: "the process was asked to go", spec: lab.FaultSpec{Kind: "stop", Service: "one"}, effect: dead},
		{
			why: "it accepts and does not answer", spec: lab.FaultSpec{Kind: "pause", Service: "one"},
			effect: func(t *testing.T, s *stack.Stack) {
				assert.Empty(t, ask(t, s, "one", "/", time.Second))
			},
		},
		{
			why: "100 kB/s", spec: lab.FaultSpec{Kind: "bandwidth", Service: "one", Rate: 100_000},
			effect: func(t *testing.T, s *stack.Stack) {
				assert.Greater(t, fetchMS(t, s, "two", "/get?ms=20000&url=http://one:8080/bytes%3Fn=200000"), 1000, "200 kB, of which a burst passes at once")
			},
			gone: func(t *testing.T, s *stack.Stack) {
				assert.Less(t, fetchMS(t, s, "two", "/get?ms=20000&url=http://one:8080/bytes%3Fn=200000"), 1000)
			},
		},
		{
			why: "every answer is late", spec: lab.FaultSpec{Kind: "latency", Service: "one", Delay: 300 * time.Millisecond, Jitter: 50 * time.Millisecond},
			effect: func(t *testing.T, s *stack.Stack) {
				assert.Greater(t, fetchMS(t, s, "two", "/get?ms=20000&url=http://one:8080/"), 250)
			},
			gone: func(t *testing.T, s *stack.Stack) {
				assert.Less(t, fetchMS(t, s, "two", "/get?ms=20000&url=http://one:8080/"), 250)
			},
		},
		{
			why: "late between two only", spec: lab.FaultSpec{Kind: "latency", Service: "two", Peer: "one", Delay: 300 * time.Millisecond},
			effect: func(t *testing.T, s *stack.Stack) {
				assert.Greater(t, fetchMS(t, s, "two", "/get?ms=20000&url=http://one:8080/"), 290, "what it asks")
				assert.Greater(t, fetchMS(t, s, "one", "/get?ms=20000&url=http://two:8080/"), 290, "what it answers")
				began := time.Now()
				assert.NotEmpty(t, ask(t, s, "two", "/", soon))
				assert.Less(t, time.Since(began), 290*time.Millisecond, "others do not notice")
			},
			gone: func(t *testing.T, s *stack.Stack) {
				assert.Less(t, fetchMS(t, s, "two", "/get?ms=20000&url=http://one:8080/"), 250)
			},
		},
		{
			why: "a tenth of a processor", spec: lab.FaultSpec{Kind: "slow-cpu", Service: "one"},
			effect: func(t *testing.T, s *stack.Stack) {
				assert.GreaterOrEqual(t, asNumber(t, ask(t, s, "one", "/burn?ms=100", 10*soon)), 700, "0.1 s of work takes about 1 s")
			},
			gone: func(t *testing.T, s *stack.Stack) {
				before, err := s.CPUTime(t.Context(), "one")
				require.NoError(t, err)
				assert.Less(t, asNumber(t, ask(t, s, "one", "/burn?ms=100", 10*soon)), 700)
				after, err := s.CPUTime(t.Context(), "one")
				require.NoError(t, err)
				assert.InDelta(t, 0.2, (after - before).Seconds(), 0.12, "the 0.1 s that it burnt, and a health check or two")
			},
		},
		{
			why: "what grows is killed", spec: lab.FaultSpec{Kind: "memory", Service: "one", Memory: 24 << 20},
			effect: func(t *testing.T, s *stack.Stack) {
				assert.Empty(t, ask(t, s, "one", "/eat?n=64000000", 5*soon))
				require.Eventually(t, func() bool {
					st, err := s.State(t.Context(), "one")
					return err == nil && st.Status == "exited"
				}, 10*time.Second, 100*time.Millisecond)
			},
			gone: func(t *testing.T, s *stack.Stack) {
				assert.Equal(t, "ok\n", ask(t, s, "one", "/eat?n=64000000", 5*soon))
			},
		},
		{
			why: "nothing can be written any more", spec: lab.FaultSpec{Kind: "disk-full", Service: "one"},
			effect: func(t *testing.T, s *stack.Stack) {
				assert.Contains(t, ask(t, s, "one", "/write?path=/scratch/y&n=4096", soon), "no space left on device")
			},
			gone: func(t *testing.T, s *stack.Stack) {
				assert.Equal(t, "ok\n", ask(t, s, "one", "/write?path=/scratch/x&n=4096", soon))
			},
		},
		{
			why: "another container at another address", spec: lab.FaultSpec{Kind: "recreate", Service: "one"},
			effect: func(t *testing.T, s *stack.Stack) {
				require.NoError(t, s.WaitHealthy(t.Context()))
				assert.Equal(t, "hello from one\n", ask(t, s, "one", "/", soon))
				assert.Contains(t, fetch(t, s, "two", "one"), "ok", "its name leads to the new address")
			},
			gone: reaches("two", "one", true),
		},
		{
			why: "another process", spec: lab.FaultSpec{Kind: "restart", Service: "one"},
			effect: func(t *testing.T, s *stack.Stack) {
				assert.WithinDuration(t, time.Now(), started(t, s, "one"), 30*time.Second)
			},
		},
	}
}

// fetch lets one service ask another, which it must do within half a second.
func fetch(t *testing.T, s *stack.Stack, from, to string) string {
	t.Helper()
	// The way to the asking one may be cut as well; then its own answer is missing.
	url, err := s.URL(t.Context(), from, 8080)
	require.NoError(t, err)
	return get(t, url+"/get?ms=500&url=http://"+to+":8080/")
}

// fetchMS is how long it took, in milliseconds; as good as for ever without an
// answer.
func fetchMS(t *testing.T, s *stack.Stack, from, path string) int {
	t.Helper()
	url, err := s.URL(t.Context(), from, 8080)
	require.NoError(t, err)
	var ms int
	if _, err := fmt.Sscanf(get(t, url+path), "ok %d", &ms); err != nil {
		return 1 << 30
	}
	return ms
}

func asNumber(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	require.NoError(t, err)
	return n
}
