package load_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/load"
)

func TestOpenSendsOnSchedule(t *testing.T) {
	for _, c := range []struct {
		sentence string
		fresh    bool
	}{
		{"over kept connections", false},
		{"with a connection for every request", true},
	} {
		s := serve(t, nil)
		var told atomic.Int64
		r, err := load.Open(t.Context(), load.OpenOptions{
			Name: "n", URL: s.URL + "/", Identity: "X-Served-By", Rate: 200, Limit: 500 * time.Millisecond, Fresh: c.fresh,
			OnSample: func(load.Sample) { told.Add(1) },
		})
		require.NoError(t, err)
		samples := r.Wait()
		require.NoError(t, r.Err())
		s.closes(t)
		assert.Len(t, samples, 100, c.sentence)
		assert.EqualValues(t, 100, s.requests.Load(), c.sentence)
		assert.EqualValues(t, 100, told.Load(), c.sentence)
		if c.fresh {
			assert.EqualValues(t, 100, s.conns.Load(), c.sentence)
		} else {
			assert.Less(t, s.conns.Load(), int64(60), c.sentence)
		}
		for i, x := range samples {
			_, ok := s.ids.LoadAndDelete(x.ID)
			assert.True(t, ok, "the id %q was sent, once", x.ID)
			assert.Equal(t, 200, x.Status)
			assert.Equal(t, "app", x.Instance)
			assert.Equal(t, "n", x.Load)
			assert.False(t, x.Sent.Before(x.Due), "never before it is due")
			assert.GreaterOrEqual(t, x.FromDue(), x.Latency)
			if i > 0 {
				assert.False(t, x.Sent.Before(samples[i-1].Sent), "in the order of sending")
			}
		}
		slices.SortFunc(samples, func(a, b load.Sample) int { return a.Due.Compare(b.Due) })
		for i := range samples[1:] {
			assert.InDelta(t, 5*time.Millisecond, samples[i+1].Due.Sub(samples[i].Due), float64(time.Microsecond), "due at even distances")
		}
		p := r.Schedule()
		assert.Equal(t, 100, p.Scheduled)
		assert.Equal(t, 100, p.Sent)
	}
}

// TestOpenLeavesWhatIsIdle: a connection that nobody has used for longer than
// keepIdle may just be closed from the other side. It is not used again.
func TestOpenLeavesWhatIsIdle(t *testing.T) {
	for _, c := range []struct {
		sentence string
		rate     float64
		conns    int64
	}{
		{"three requests within a second share a connection", 4, 1},
		{"three that are 1.25 s apart do not", 0.8, 3},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil)
			r, err := load.Open(t.Context(), load.OpenOptions{URL: s.URL, Rate: c.rate, Limit: time.Duration(2.5 / c.rate * float64(time.Second))})
			require.NoError(t, err)
			samples := r.Wait()
			require.Len(t, samples, 3)
			for _, x := range samples {
				assert.NoError(t, x.Err)
			}
			assert.Equal(t, c.conns, s.conns.Load())
		})
	}
}

// TestOpenDoesNotOmit: a server that stands still for 300 ms makes those wait
// who came meanwhile, and they are all counted. The closed loop sees one.
func TestOpenDoesNotOmit(t *testing.T) {
	const rate, stall = 200, 300 * time.Millisecond
	halt := func() http.HandlerFunc {
		var n atomic.Int64
		var gate sync.RWMutex
		return func(http.ResponseWriter, *http.Request) {
			if n.Add(1) == 40 {
				gate.Lock()
				time.Sleep(stall) // the fault itself
				gate.Unlock()
			}
			gate.RLock()
			defer gate.RUnlock()
		}
	}
	slow := func(samples []load.Sample) (n int) {
		for _, x := range samples {
			if x.FromDue() > stall/3 {
				n++
			}
		}
		return n
	}
	s := serve(t, halt())
	r, err := load.Open(t.Context(), load.OpenOptions{URL: s.URL, Rate: rate, Limit: time.Second})
	require.NoError(t, err)
	open := r.Wait()
	assert.Len(t, open, 200)
	assert.Greater(t, slow(open), 30, "of 60 that came during the stall two thirds waited for more than a third of it")

	s = serve(t, halt())
	c, err := load.Start(t.Context(), load.Options{URL: s.URL, Clients: 1, Rate: rate, Requests: 140})
	require.NoError(t, err)
	assert.LessOrEqual(t, slow(c.Wait()), 3, "the one client waited once, and asked nothing meanwhile")
}

func TestOpenSaysWhenEveryWorkerWaited(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	r, err := load.Open(t.Context(), load.OpenOptions{URL: s.URL, Rate: 100, Limit: 300 * time.Millisecond, Workers: 3})
	require.NoError(t, err)
	time.AfterFunc(time.Second, func() { close(release) })
	samples := r.Wait()
	require.Len(t, samples, 30, "what was due is sent, late")
	p := r.Schedule()
	assert.Greater(t, p.Full, 20)
	assert.Greater(t, p.Worst, 500*time.Millisecond)
	kept, why := p.Kept()
	assert.False(t, kept)
	assert.Contains(t, why, "all 3 workers waited for answers")
	last := samples[len(samples)-1]
	assert.Greater(t, last.FromDue(), 500*time.Millisecond, "the wait is in the latency from the due moment")
	assert.Less(t, last.Latency, 300*time.Millisecond, "and not in the one from sending")
}

func TestOpenSeesFailures(t *testing.T) {
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 3 {
		case 0:
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		case 1:
			conn, _, err := w.(http.Hijacker).Hijack() // dies without an answer
			if err == nil {
				conn.Close()
			}
		}
	})
	r, err := load.Open(t.Context(), load.OpenOptions{URL: s.URL, Rate: 300, Limit: 100 * time.Millisecond})
	require.NoError(t, err)
	kinds := make(map[int]int)
	for _, x := range r.Wait() {
		kinds[x.Status]++
		if x.Status == 0 {
			assert.Error(t, x.Err)
			assert.NotEmpty(t, x.Event().Err)
			assert.NotContains(t, x.Event().Err, "127.0.0.1", "equal failures have equal texts")
		}
	}
	assert.Equal(t, map[int]int{0: 10, 303: 10, 200: 10}, kinds, "a redirect is not followed")
	assert.EqualValues(t, 30, s.requests.Load(), "no request was silently sent again")
}

func TestOpenTimeout(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-release // in the middle of the answer
	})
	defer close(release)
	r, err := load.Open(t.Context(), load.OpenOptions{URL: s.URL, Rate: 100, Limit: 20 * time.Millisecond, Timeout: 50 * time.Millisecond})
	require.NoError(t, err)
	samples := r.Wait()
	require.Len(t, samples, 2)
	for _, x := range samples {
		assert.Zero(t, x.Status, "half an answer is none")
		assert.Equal(t, "no answer in time", x.Event().Err)
	}
}

func TestOpenEnds(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	ctx, cancel := context.WithCancel(t.Context())
	r, err := load.Open(ctx, load.OpenOptions{URL: s.URL, Rate: 0.5})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.requests.Load() > 0 }, 5*time.Second, time.Millisecond)
	cancel()
	assert.Empty(t, r.Wait(), "the lab gave up, the stack did not fail")
	close(release)

	began := time.Now()
	r, err = load.Open(t.Context(), load.OpenOptions{URL: serve(t, nil).URL, Rate: 0.1})
	require.NoError(t, err)
	assert.LessOrEqual(t, len(r.Stop()), 1)
	assert.Less(t, time.Since(began), 5*time.Second, "Stop does not wait for what is due in ten seconds")
	assert.LessOrEqual(t, r.Schedule().Scheduled, 1)
}

// counter is a user who counts.
type counter struct {
	url   string
	under atomic.Int64
	seen  atomic.Int64
	t     *testing.T
}

func (c *counter) Next() load.Request {
	assert.EqualValues(c.t, 1, c.under.Add(1), "a user makes one request at a time")
	return load.Request{Method: http.MethodPost, URL: c.url, Body: []byte("hello"), Tag: "greet", KeepBody: true}
}

func (c *counter) See(s load.Sample) {
	c.under.Add(-1)
	c.seen.Add(1)
	assert.Equal(c.t, "hello", string(s.Body))
	assert.Equal(c.t, "app", s.Header.Get("X-Served-By"))
}

func TestUsersInBothLoops(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})
	make := func(n int) (users []load.User, all []*counter) {
		for range n {
			c := &counter{url: s.URL + "/x", t: t}
			users, all = append(users, c), append(all, c)
		}
		return users, all
	}
	count := func(all []*counter) (n int64) {
		for _, c := range all {
			n += c.seen.Load()
		}
		return n
	}
	users, all := make(4)
	closed, err := load.Start(t.Context(), load.Options{Users: users, Clients: 4, Requests: 40})
	require.NoError(t, err)
	samples := closed.Wait()
	assert.Len(t, samples, 40)
	assert.EqualValues(t, 40, count(all))
	assert.Equal(t, "greet", samples[0].Tag)
	assert.Nil(t, samples[0].Body, "shown to the user, not kept")

	users, all = make(4)
	open, err := load.Open(t.Context(), load.OpenOptions{Users: users, Rate: 200, Limit: 200 * time.Millisecond})
	require.NoError(t, err)
	samples = open.Wait()
	require.NoError(t, open.Err())
	assert.Len(t, samples, 40)
	assert.EqualValues(t, 40, count(all))
	assert.Equal(t, "greet", samples[0].Tag)

	bad := &counter{url: "http://example.com:80/", t: t}
	open, err = load.Open(t.Context(), load.OpenOptions{Users: []load.User{bad}, Rate: 100, Limit: 50 * time.Millisecond})
	require.NoError(t, err)
	assert.Empty(t, open.Wait())
	assert.ErrorContains(t, open.Err(), "is refused")
}

func TestOpenRefuses(t *testing.T) {
	const here = "http://127.0.0.1:1"
	for want, o := range map[string]load.OpenOptions{
		"only to http://127.0.0.1:PORT": {URL: "http://example.com:80", Rate: 1},
		"a rate of 0/s":                 {URL: here},
		"a rate of 20001/s":             {URL: here, Rate: 20_001},
		"a limit of 1h0m0s":             {URL: here, Rate: 1, Limit: time.Hour},
		"1001 workers are refused":      {URL: here, Rate: 1, Workers: 1001},
		"a timeout of -1s":              {URL: here, Rate: 1, Timeout: -time.Second},
	} {
		_, err := load.Open(t.Context(), o)
		assert.ErrorContains(t, err, want)
	}
}

func TestScheduleKept(t *testing.T) {
	for _, c := range []struct {
		sentence string
		s        load.Schedule
		kept     bool
		why      string
	}{
		{"all in time", load.Schedule{Scheduled: 1000, Sent: 1000}, true, ""},
		{"1 % late is the noise of a machine", load.Schedule{Scheduled: 1000, Sent: 1000, Behind: 10}, true, ""},
		{"more is not", load.Schedule{Scheduled: 1000, Sent: 1000, Behind: 11}, false, "this machine is too busy"},
		{"what was never sent is behind too", load.Schedule{Scheduled: 1000, Sent: 900, Behind: 100}, false, "100 were not sent"},
		{"late since the stack held all workers", load.Schedule{Scheduled: 1000, Sent: 1000, Behind: 200, Full: 195, Workers: 50}, false, "the stack held them all"},
		{"nothing due tells nothing", load.Schedule{}, false, "nothing was due"},
	} {
		kept, why := c.s.Kept()
		assert.Equal(t, c.kept, kept, c.sentence)
		assert.Contains(t, why, c.why, c.sentence)
	}
}
