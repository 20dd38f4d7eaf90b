package probe_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/probe"
)

func TestTarget(t *testing.T) {
	for _, good := range []string{"http://127.0.0.1:8080", "http://127.0.0.1:8080/inventario?page=2"} {
		_, err := probe.Target(good)
		assert.NoError(t, err, good)
	}
	for _, bad := range []string{
		"", "127.0.0.1:8080", "http://example.com:80/", "http://127.0.0.1.example.com:80/", "http://10.0.0.1:80/", "https://127.0.0.1:443/",
		"http://127.0.0.1/", "http://[::1]:80/", "http://0.0.0.0:80/", "ftp://127.0.0.1:21/", "http://127.0.0.1@example.com:80/", "http://localhost:80/",
	} {
		_, err := probe.Target(bad)
		assert.Error(t, err, bad)
	}
	_, err := probe.Target("http://user:secret@example.com:80/")
	assert.ErrorContains(t, err, "only to http://127.0.0.1:PORT")
	assert.NotContains(t, err.Error(), "secret")
}

// closing answers the first request of every connection and closes the
// connection on the second, without an answer, as a server does that is killed
// between two requests.
func closing(t *testing.T) (url string, requests *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	requests = new(atomic.Int64)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for n := 0; ; n++ {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					requests.Add(1)
					if n > 0 {
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	return "http://" + l.Addr().String(), requests
}

func TestDeadConnectionsAreNotHidden(t *testing.T) {
	url, requests := closing(t)
	plain := &http.Client{Transport: probe.NewTransport(true)}
	for range 2 {
		resp, err := plain.Get(url)
		require.NoError(t, err, "net/http tries again by itself and hides the dead connection")
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	require.EqualValues(t, 3, requests.Load(), "two requests were asked for, three were sent")
	plain.CloseIdleConnections()

	requests.Store(0)
	c, err := probe.NewClient(url, "X-Served-By", time.Second)
	require.NoError(t, err)
	defer c.Close()
	first := c.Get(t.Context(), "/", nil)
	require.NoError(t, first.Err)
	second := c.Get(t.Context(), "/", nil)
	require.Error(t, second.Err, "the lab sees it")
	assert.Zero(t, second.Status)
	assert.EqualValues(t, 2, requests.Load(), "each request was sent once")
	assert.NotEmpty(t, second.Request("x").Err)
}

func TestClientSendsNoBodyWithAGet(t *testing.T) {
	var got *http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		w.Header().Set("X-Served-By", "app2")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: r.URL.Path[1:]})
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	}))
	defer s.Close()
	c, err := probe.NewClient(s.URL+"/", "X-Served-By", time.Second)
	require.NoError(t, err)
	defer c.Close()
	a := c.Get(t.Context(), "/one", http.Header{"host": {"tienda.example"}})
	require.NoError(t, a.Err)
	assert.Equal(t, http.StatusSeeOther, a.Status, "a redirect is not followed")
	assert.Equal(t, "app2", a.Instance)
	assert.Zero(t, got.ContentLength)
	assert.Empty(t, got.TransferEncoding, "the empty body is not on the wire")
	assert.Equal(t, "tienda.example", got.Host)
	assert.Equal(t, a.ID, got.Header.Get(probe.RequestIDHeader))
	assert.Regexp(t, `^[A-Za-z0-9._-]{8,64}$`, a.ID, "an id that the balancer takes over")

	c.Get(t.Context(), "/two", nil)
	assert.Equal(t, "session=one", got.Header.Get("Cookie"), "cookies are kept")
	assert.Equal(t, "session=two", c.Cookie(), "and replaced")
	twin := c.Twin()
	defer twin.Close()
	twin.Get(t.Context(), "/three", nil)
	assert.Equal(t, "session=two", c.Cookie(), "a twin's cookies are its own")

	_, err = probe.NewClient("http://example.com:80", "", time.Second)
	assert.Error(t, err)
}

func TestErrorsAreShort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	c, err := probe.NewClient("http://"+l.Addr().String(), "", time.Second)
	require.NoError(t, err)
	assert.Equal(t, "dial: connect: connection refused", c.Get(t.Context(), "/", nil).Request("x").Err, "without the port, so that equal errors count as equal")

	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer s.Close()
	defer close(hang)
	c, err = probe.NewClient(s.URL, "", 20*time.Millisecond)
	require.NoError(t, err)
	assert.Equal(t, "no answer in time", c.Get(t.Context(), "/", nil).Request("x").Err)
}

func TestWant(t *testing.T) {
	a := probe.Answer{Status: 422, Body: []byte("{\"detail\":\n \"code is taken\"}")}
	assert.NoError(t, a.Want(200, 422))
	assert.EqualError(t, a.Want(201), `status 422, want [201]: {"detail": "code is taken"}`)
}

func TestParseWhoami(t *testing.T) {
	w, err := probe.ParseWhoami([]byte(`{"instance":"app1","host":"h","client_ip":"1.2.3.4","headers":{"x-real-ip":["a"],"X-Real-IP":["b"]}}`))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"a", "b"}, w.Headers["X-Real-Ip"], "whatever the case, they are one header")
	_, err = probe.ParseWhoami([]byte("<html>"))
	assert.ErrorContains(t, err, "read whoami")
}
