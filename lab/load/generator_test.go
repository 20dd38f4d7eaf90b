package load_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/load"
	"inventariolab/lab/probe"
)

// server counts connections and requests and answers as "app".
type server struct {
	*httptest.Server
	conns, requests atomic.Int64
	ended           atomic.Int64 // of conns, those that are closed again
	ids             sync.Map
}

func serve(t *testing.T, handle http.HandlerFunc) *server {
	t.Helper()
	s := new(server)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.ids.Store(r.Header.Get(probe.RequestIDHeader), true)
		w.Header().Set("X-Served-By", "app")
		if handle != nil {
			handle(w, r)
		}
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		switch st {
		case http.StateNew:
			s.conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			s.ended.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// closes checks that no connection stays open when a load is over.
func (s *server) closes(t *testing.T) {
	t.Helper()
	assert.Eventually(t, func() bool { return s.ended.Load() == s.conns.Load() }, 5*time.Second, 5*time.Millisecond,
		"every connection is closed: a series of loads must not hold more and more of them")
}

func TestExactRequestsOverTheirOwnConnections(t *testing.T) {
	for _, c := range []struct {
		sentence string
		fresh    bool
		conns    int64
	}{
		{"kept-alive: every client has one connection", false, 7},
		{"fresh: every request has its own", true, 103},
	} {
		s := serve(t, nil)
		var told atomic.Int64
		r, err := load.Start(t.Context(), load.Options{
			Name: "n", URL: s.URL + "/", Identity: "X-Served-By", Clients: 7, Requests: 103, Fresh: c.fresh,
			OnSample: func(load.Sample) { told.Add(1) },
		})
		require.NoError(t, err)
		samples := r.Wait()
		require.NoError(t, r.Err())
		s.closes(t)
		assert.Len(t, samples, 103, c.sentence)
		assert.EqualValues(t, 103, s.requests.Load(), c.sentence)
		assert.EqualValues(t, 103, told.Load(), c.sentence)
		assert.Equal(t, c.conns, s.conns.Load(), c.sentence)
		for i, x := range samples {
			_, ok := s.ids.LoadAndDelete(x.ID)
			assert.True(t, ok, "the id %q was sent, once", x.ID)
			assert.Equal(t, 200, x.Status)
			assert.Equal(t, "app", x.Instance)
			if i > 0 {
				assert.False(t, x.Sent.Before(samples[i-1].Sent), "in the order of sending")
			}
		}
		q := samples[0].Event()
		assert.Equal(t, "n", q.Load)
		assert.Positive(t, q.US)
	}
}

func TestFailuresAreSeen(t *testing.T) {
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 3 {
		case 0:
			w.WriteHeader(http.StatusBadGateway)
		case 1:
			conn, _, err := w.(http.Hijacker).Hijack() // dies without an answer
			if err == nil {
				conn.Close()
			}
		}
	})
	r, err := load.Start(t.Context(), load.Options{URL: s.URL, Clients: 1, Requests: 30})
	require.NoError(t, err)
	kinds := make(map[string]int)
	for _, x := range r.Wait() {
		switch {
		case x.Err != nil:
			kinds["dead"]++
			assert.Zero(t, x.Status)
		case x.Status == 502:
			kinds["502"]++
		default:
			kinds["ok"]++
		}
	}
	assert.Equal(t, map[string]int{"dead": 10, "502": 10, "ok": 10}, kinds)
	assert.EqualValues(t, 30, s.requests.Load(), "no request was silently sent again")
}

func TestStopWaitsForWhatIsUnderWay(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	r, err := load.Start(t.Context(), load.Options{URL: s.URL, Clients: 2})
	require.NoError(t, err)
	<-arrived
	<-arrived
	stopped := make(chan []load.Sample)
	go func() { stopped <- r.Stop() }()
	close(release)
	var samples []load.Sample
	for samples == nil {
		select {
		case <-arrived: // a client that had been answered before Stop reached it
		case samples = <-stopped:
		}
	}
	assert.GreaterOrEqual(t, len(samples), 2, "both requests under way were waited for")
	for _, x := range samples {
		assert.NoError(t, x.Err, "and none of them was cut off")
	}
	assert.Len(t, r.Stop(), len(samples), "stopping again gives the same")
}

func TestLimitEndsTheLoad(t *testing.T) {
	s := serve(t, nil)
	r, err := load.Start(t.Context(), load.Options{URL: s.URL, Clients: 1, Rate: 100, Limit: 300 * time.Millisecond})
	require.NoError(t, err)
	assert.NotEmpty(t, r.Wait(), "it ended by itself, after some requests")
}

func TestContextDropsWhatIsUnderWay(t *testing.T) {
	arrived := make(chan struct{})
	release := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := load.Start(ctx, load.Options{URL: s.URL, Clients: 1})
	require.NoError(t, err)
	<-arrived
	cancel()
	assert.Empty(t, r.Wait(), "the lab gave up, the stack did not fail")
}

func TestRateIsACap(t *testing.T) {
	s := serve(t, nil)
	started := time.Now()
	r, err := load.Start(t.Context(), load.Options{URL: s.URL, Clients: 5, Rate: 200, Requests: 40})
	require.NoError(t, err)
	samples := r.Wait()
	require.Len(t, samples, 40)
	// 40 requests at 200/s are due over 0.195 s: they cannot be sent earlier.
	assert.GreaterOrEqual(t, time.Since(started), 190*time.Millisecond)
}

func TestNextMakesTheRequests(t *testing.T) {
	var bodies sync.Map
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies.Store(r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Kind")+" "+string(b), r.ContentLength)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(b)
	})
	r, err := load.Start(t.Context(), load.Options{
		Clients: 2, Requests: 3, KeepBody: true,
		Next: func(n int) load.Request {
			body := string(rune('a' + n))
			return load.Request{Method: "POST", URL: s.URL + "/x", Header: http.Header{"X-Kind": {"k"}}, Body: []byte(body), Tag: body}
		},
	})
	require.NoError(t, err)
	for _, x := range r.Wait() {
		assert.Equal(t, x.Tag, string(x.Body))
		length, ok := bodies.Load("POST /x k " + x.Tag)
		assert.True(t, ok)
		assert.EqualValues(t, 1, length, "with its length, not in chunks")
	}

	r, err = load.Start(t.Context(), load.Options{Clients: 1, Requests: 3, Next: func(int) load.Request {
		return load.Request{Method: "GET", URL: "http://example.com:80/"}
	}})
	require.NoError(t, err)
	assert.Empty(t, r.Wait())
	assert.ErrorContains(t, r.Err(), "is refused")
}

func TestStartRefuses(t *testing.T) {
	const here = "http://127.0.0.1:1"
	for want, o := range map[string]load.Options{
		"only to http://127.0.0.1:PORT": {URL: "http://example.com:80", Clients: 1},
		"0 clients are refused":         {URL: here},
		"1001 clients are refused":      {URL: here, Clients: 1001},
		"-1 requests are refused":       {URL: here, Clients: 1, Requests: -1},
		"a rate of -1/s":                {URL: here, Clients: 1, Rate: -1},
		"a limit of 1h0m0s":             {URL: here, Clients: 1, Limit: time.Hour},
		"a timeout of -1s":              {URL: here, Clients: 1, Timeout: -time.Second},
	} {
		_, err := load.Start(t.Context(), o)
		assert.ErrorContains(t, err, want)
	}
}

// TestLatencyUntilClosed: ab counts until the server has closed, other clients
// until the answer is there whole.
func TestLatencyUntilClosed(t *testing.T) {
	const lingers = 100 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
				}
				time.AfterFunc(lingers, func() { conn.Close() })
			}()
		}
	}()
	for _, until := range []bool{false, true} {
		r, err := load.Start(t.Context(), load.Options{URL: "http://" + l.Addr().String(), Clients: 1, Requests: 3, Fresh: true, UntilClosed: until})
		require.NoError(t, err)
		for _, x := range r.Wait() {
			require.NoError(t, x.Err)
			assert.Equal(t, until, x.Latency >= lingers)
		}
	}
}
