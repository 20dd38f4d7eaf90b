package load_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/load"
)

func TestHeySendsExactlyWhatWasAsked(t *testing.T) {
	for _, c := range []struct {
		n, workers int
		keepAlive  bool
	}{
		{100, 10, false},
		{103, 10, true}, // hey alone would send 100
		{7, 7, false},
		{19, 10, true},
	} {
		s := serve(t, nil)
		started := time.Now()
		res, err := load.Hey(t.Context(), load.HeyOptions{Name: "home", URL: s.URL + "/", Requests: c.n, Concurrency: c.workers, KeepAlive: c.keepAlive})
		require.NoError(t, err)
		s.closes(t)
		assert.Len(t, res.Samples, c.n)
		assert.Empty(t, res.Errors)
		assert.EqualValues(t, c.n, s.requests.Load())
		if c.keepAlive {
			assert.LessOrEqual(t, s.conns.Load(), int64(c.workers), "%d requests over kept connections", c.n)
		} else {
			assert.EqualValues(t, c.n, s.conns.Load(), "a connection for each request")
		}
		for _, x := range res.Samples {
			assert.Equal(t, 200, x.Status)
			assert.Positive(t, x.Latency)
			assert.WithinRange(t, x.Sent, started.Add(-50*time.Millisecond), time.Now(), "hey's offsets are turned into times")
		}
		assert.Positive(t, res.Rate())
	}
}

func TestHeyWithoutASingleSuccess(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	// The % must survive: the reason holds the address as it was asked.
	res, err := load.Hey(t.Context(), load.HeyOptions{Name: "home", URL: "http://" + l.Addr().String() + "/a%20b%25s", Requests: 20, Concurrency: 4})
	require.NoError(t, err, "a stack that answers nothing is a finding, not a failure to measure")
	assert.Empty(t, res.Samples)
	assert.Equal(t, 20, res.Total())
	var seen []lab.Request
	res.Each(func(_ time.Time, q lab.Request) { seen = append(seen, q) })
	require.Len(t, seen, 20)
	assert.Contains(t, seen[0].Err, "connection refused")
	assert.Contains(t, seen[0].Err, "/a%20b%25s")
}

func TestHeyCountsTheFailed(t *testing.T) {
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 4 {
		case 0:
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Close()
			}
		case 1:
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		case 2:
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	res, err := load.Hey(t.Context(), load.HeyOptions{URL: s.URL, Requests: 40, Concurrency: 4})
	require.NoError(t, err)
	statuses := make(map[int]int)
	res.Each(func(_ time.Time, q lab.Request) { statuses[q.Status]++ })
	assert.Equal(t, map[int]int{0: 10, 303: 10, 502: 10, 200: 10}, statuses, "hey's latencies leave the failed ones out; here they count, and a redirect is not followed")
	assert.EqualValues(t, 40, s.requests.Load())
}

func TestHeyHidesNoDeadConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() { // answers the first request of a connection, closes on the second
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				_, _ = http.ReadRequest(in)
			}()
		}
	}()
	res, err := load.Hey(t.Context(), load.HeyOptions{URL: "http://" + l.Addr().String(), Requests: 10, Concurrency: 1, KeepAlive: true})
	require.NoError(t, err)
	assert.Len(t, res.Samples, 5, "every second request of the one worker dies")
	assert.Equal(t, 10, res.Total())
}

func TestHeyStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int64
	s := serve(t, func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == 20 {
			cancel()
		}
	})
	_, err := load.Hey(ctx, load.HeyOptions{URL: s.URL, Requests: 100_001, Concurrency: 4, KeepAlive: true})
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, s.requests.Load(), int64(100_001))
	s.closes(t)
}

func TestHeyRefuses(t *testing.T) {
	const here = "http://127.0.0.1:1"
	for want, o := range map[string]load.HeyOptions{
		"only to http://127.0.0.1:PORT": {URL: "http://192.0.2.1:80", Requests: 1, Concurrency: 1},
		"a concurrency of 0":            {URL: here, Requests: 1},
		"every worker sends at least":   {URL: here, Requests: 9, Concurrency: 10},
		"1,000,000":                     {URL: here, Requests: 1_000_001, Concurrency: 1},
	} {
		_, err := load.Hey(t.Context(), o)
		assert.ErrorContains(t, err, want)
	}
}
