package load_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/load"
	"inventariolab/lab/probe"
)

// networks are the ways in which a load can run: in loops where the system has
// them, and with goroutines.
func networks(t *testing.T, f func(t *testing.T, with func(load.Options) load.Options)) {
	t.Run("loops", func(t *testing.T) { f(t, func(o load.Options) load.Options { return o }) })
	t.Run("goroutines", func(t *testing.T) { f(t, load.Goroutines) })
}

// raw answers every connection by a function, which gets the request's reader
// after the first request was read whole.
func raw(t *testing.T, answer func(c *net.TCPConn, in *bufio.Reader)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				if q, err := http.ReadRequest(in); err == nil {
					_, _ = io.Copy(io.Discard, q.Body)
					answer(c.(*net.TCPConn), in)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

func say(text string) func(*net.TCPConn, *bufio.Reader) {
	return func(c *net.TCPConn, _ *bufio.Reader) { _, _ = io.WriteString(c, text) }
}

// slowly sends a text in pieces of a few bytes, one at each tick: a server that
// trickles is what is tested.
func slowly(text string, every time.Duration) func(*net.TCPConn, *bufio.Reader) {
	return func(c *net.TCPConn, _ *bufio.Reader) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for rest := text; rest != ""; <-tick.C {
			n := min(3, len(rest))
			if _, err := io.WriteString(c, rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
	}
}

func TestWhatBecomesOfARequest(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nX-Served-By: app\r\n"
	hang := func(head string) func(*net.TCPConn, *bufio.Reader) {
		return func(c *net.TCPConn, in *bufio.Reader) {
			_, _ = io.WriteString(c, head)
			_, _ = in.ReadByte() // until the client has closed
		}
	}
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for _, c := range []struct {
		sentence string
		answer   func(*net.TCPConn, *bufio.Reader)
		head     bool
		body     string
		fails    string // as the record shows it
	}{
		{"a length", say(ok + "Content-Length: 2\r\n\r\nhi"), false, "hi", ""},
		{"no length: until the end", say(ok + "\r\nhi"), false, "hi", ""},
		{"in pieces", say(ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"), false, "hi", ""},
		{"byte by byte", slowly(ok+"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", time.Millisecond), false, "hi", ""},
		{"more than a buffer holds", say(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", ok, len(big), big)), false, big, ""},
		{"an interim answer comes first", say("HTTP/1.1 103 Early Hints\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi"), false, "hi", ""},
		{"HEAD has no body, whatever its length", hang(ok + "Content-Length: 2\r\n\r\n"), true, "", ""},
		{"nothing at all", func(*net.TCPConn, *bufio.Reader) {}, false, "", "EOF"},
		{"half a header", say(ok), false, "", "unexpected EOF"},
		{"half a body", say(ok + "Content-Length: 3\r\n\r\nhi"), false, "", "unexpected EOF"},
		{"the last piece is missing", say(ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"), false, "", "unexpected EOF"},
		{"a reset", func(c *net.TCPConn, _ *bufio.Reader) { _ = c.SetLinger(0) }, false, "", "connection reset by peer"},
		{"silence", hang(""), false, "", "no answer in time"},
		{"silence in the header", hang(ok), false, "", "no answer in time"},
		{"silence in the body", hang(ok + "Content-Length: 3\r\n\r\nhi"), false, "", "no answer in time"},
		{"a trickle does not put the end off", slowly(ok+"Content-Length: 9000\r\n\r\n"+strings.Repeat("x", 9000), 10*time.Millisecond), false, "", "no answer in time"},
		{"no HTTP", say("SSH-2.0-OpenSSH\r\n\r\n"), false, "", "cannot find whitespace"},
	} {
		networks(t, func(t *testing.T, with func(load.Options) load.Options) {
			var asked atomic.Int64
			url := raw(t, func(conn *net.TCPConn, in *bufio.Reader) {
				asked.Add(1)
				c.answer(conn, in)
			})
			method := http.MethodGet
			if c.head {
				method = http.MethodHead
			}
			r, err := load.Start(t.Context(), with(load.Options{
				Clients: 1, Requests: 2, Fresh: true, Timeout: 300 * time.Millisecond, Identity: "X-Served-By", KeepBody: true,
				Next: func(int) load.Request { return load.Request{Method: method, URL: url} },
			}))
			require.NoError(t, err)
			samples := r.Wait()
			require.Len(t, samples, 2, c.sentence)
			assert.EqualValues(t, 2, asked.Load(), "%s: each was sent, once", c.sentence)
			for _, s := range samples {
				q := s.Event()
				if c.fails != "" {
					assert.Contains(t, q.Err, c.fails, c.sentence)
					assert.Zero(t, s.Status)
					assert.NotContains(t, q.Err, "127.0.0.1:", "%s: equal failures count as equal", c.sentence)
					if strings.Contains(c.fails, "in time") {
						assert.InDelta(t, 1300, float64(s.Latency.Milliseconds()), 1000, c.sentence)
					}
					continue
				}
				require.NoError(t, s.Err, c.sentence)
				assert.Equal(t, 200, s.Status, c.sentence)
				assert.Equal(t, "app", s.Instance, c.sentence)
				assert.Equal(t, c.body, string(s.Body), c.sentence)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	networks(t, func(t *testing.T, with func(load.Options) load.Options) {
		r, err := load.Start(t.Context(), with(load.Options{URL: "http://" + l.Addr().String(), Clients: 3, Requests: 9}))
		require.NoError(t, err)
		samples := r.Wait()
		require.Len(t, samples, 9)
		for _, s := range samples {
			assert.Equal(t, "dial: connect: connection refused", s.Event().Err)
		}
	})
}

// TestNobodyStarves: a client that is refused at once, again and again, keeps no
// other from its answers.
func TestNobodyStarves(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	s := serve(t, nil)
	networks(t, func(t *testing.T, with func(load.Options) load.Options) {
		refused, served := asker("http://"+l.Addr().String()+"/"), asker(s.URL+"/")
		r, err := load.Start(t.Context(), with(load.Options{Users: []load.User{refused, served}, Clients: 2, Limit: 300 * time.Millisecond}))
		require.NoError(t, err)
		good, bad := 0, 0
		for _, x := range r.Wait() {
			if x.Err == nil {
				good++
			} else {
				bad++
			}
		}
		assert.Greater(t, good, 5)
		assert.Greater(t, bad, 5)
	})
}

// asker is a user who asks for the same page again and again.
type asker string

func (a asker) Next() load.Request { return load.Request{Method: http.MethodGet, URL: string(a)} }

func (asker) See(load.Sample) {}

// TestAKeptConnectionDies: a request on it has failed and is not sent again; after
// a break the connection is looked at first, and no request is lost.
func TestAKeptConnectionDies(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	for _, c := range []struct {
		sentence string
		pause    bool
		fails    int
	}{
		{"the server closes when the next request has come", false, 5},
		{"the server closes in a break", true, 0},
	} {
		networks(t, func(t *testing.T, with func(load.Options) load.Options) {
			closed := make(chan bool, 10)
			url := raw(t, func(conn *net.TCPConn, in *bufio.Reader) {
				_, _ = io.WriteString(conn, ok)
				if !c.pause {
					_, _ = http.ReadRequest(in)
				}
				conn.Close()
				closed <- true
			})
			r, err := load.Start(t.Context(), with(load.Options{Clients: 1, Requests: 10, Next: func(n int) load.Request {
				if c.pause && n > 0 {
					answered := time.Now()
					<-closed
					// In a shorter break nobody looks at the connection.
					assert.Eventually(t, func() bool { return time.Since(answered) > load.IdleCheck }, time.Second, load.IdleCheck)
				}
				return load.Request{Method: http.MethodGet, URL: url}
			}}))
			require.NoError(t, err)
			failed := 0
			for _, s := range r.Wait() {
				if s.Err != nil {
					failed++
				}
			}
			assert.Equal(t, c.fails, failed, c.sentence)
		})
	}
}

// TestManyClientsAtOnce: more clients than one look at the events shows, bodies
// larger than a socket's buffers in both directions, and every answer is that to
// its client's request.
func TestManyClientsAtOnce(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append(b, r.Header.Get(probe.RequestIDHeader)...))
	})
	pad := strings.Repeat("x", 1<<20)
	for _, fresh := range []bool{false, true} {
		networks(t, func(t *testing.T, with func(load.Options) load.Options) {
			r, err := load.Start(t.Context(), with(load.Options{
				Clients: 300, Requests: 900, Fresh: fresh, KeepBody: true, Forget: true, Timeout: time.Minute,
				Next: func(n int) load.Request {
					body := fmt.Sprint(n)
					if n%50 == 0 {
						body += pad
					}
					return load.Request{Method: http.MethodPost, URL: s.URL, Body: []byte(body), Tag: body}
				},
				OnSample: func(x load.Sample) {
					if x.Err != nil {
						t.Errorf("after %v: %v", x.Latency, x.Err)
					} else if string(x.Body) != x.Tag+x.ID {
						t.Errorf("another's answer: %d bytes, to a request of %d", len(x.Body), len(x.Tag))
					}
				},
			}))
			require.NoError(t, err)
			r.Wait()
		})
	}
}

// TestHowALoadEnds: at Stop and at the limit what is under way is waited for, and
// whoever waits for his turn is not; at the end of the context nothing is.
func TestHowALoadEnds(t *testing.T) {
	networks(t, func(t *testing.T, with func(load.Options) load.Options) {
		started := time.Now()
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" { // until long after the limit below, or until the client has gone
				select {
				case <-time.After(200 * time.Millisecond):
				case <-r.Context().Done():
				}
			}
		})
		sent := make(chan load.Sample, 2)
		r, err := load.Start(t.Context(), with(load.Options{URL: s.URL, Clients: 2, Rate: 0.01, OnSample: func(x load.Sample) { sent <- x }}))
		require.NoError(t, err)
		<-sent
		assert.Len(t, r.Stop(), 1, "the second client's turn was to be in 100 s")

		r, err = load.Start(t.Context(), with(load.Options{URL: s.URL + "/slow", Clients: 2, Limit: 50 * time.Millisecond}))
		require.NoError(t, err)
		samples := r.Wait()
		assert.Len(t, samples, 2)
		for _, x := range samples {
			assert.NoError(t, x.Err)
		}

		ctx, cancel := context.WithCancelCause(t.Context())
		r, err = load.Start(ctx, with(load.Options{URL: s.URL + "/slow", Clients: 2, Fresh: true, UntilClosed: true}))
		require.NoError(t, err)
		cancel(errors.New("no more"))
		assert.Empty(t, r.Wait())
		assert.NoError(t, r.Err())
		assert.Less(t, time.Since(started), 5*time.Second)
	})
}
