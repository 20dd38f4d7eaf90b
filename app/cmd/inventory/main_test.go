package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	patience = 30 * time.Second
	waitTick = 10 * time.Millisecond
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"inventory": main})
}

// TestTranscripts runs the command as a shell would; see testdata. Record the
// outputs again with UPDATE_TRANSCRIPTS=1.
func TestTranscripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", UpdateScripts: os.Getenv("UPDATE_TRANSCRIPTS") != ""})
}

// freeAddr is an address where nobody listens at the moment.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestWaitsForTheDatabase: without a database the instance lives, says that it
// is not ready, keeps trying, and ends in peace when told to.
func TestWaitsForTheDatabase(t *testing.T) {
	addr := freeAddr(t)
	environ := []string{
		"INSTANCE=app7", "LISTEN=" + addr, "DB_SERVERS=nobody=" + freeAddr(t),
		"DB_USER=u", "DB_PASSWORD=p", "SESSION_KEY=0123456789abcdef", "ADMIN_PASSWORD=secret",
	}
	ctx, cancel := context.WithCancel(t.Context())
	var logs lockedBuffer
	status := make(chan int, 1)
	go func() { status <- run(ctx, nil, environ, &logs, &logs) }()
	defer cancel()

	require.Eventually(t, func() bool { code, _ := get(t, "http://"+addr+"/healthz"); return code == http.StatusOK }, patience, waitTick, "healthz should be 200; log:\n%s", &logs)
	code, body := get(t, "http://"+addr+"/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, code, body)
	var out, errs bytes.Buffer
	assert.Equal(t, exitFailure, run(t.Context(), []string{"healthcheck"}, environ, &out, &errs))
	assert.Contains(t, errs.String(), "not ready: 503")
	require.Eventually(t, func() bool { return bytes.Count([]byte(logs.String()), []byte("waiting for the database source")) >= 2 },
		patience, waitTick, "it should try again; log:\n%s", &logs)

	cancel()
	select {
	case code := <-status:
		assert.Equal(t, exitOK, code, "log:\n%s", &logs)
	case <-time.After(patience):
		t.Fatalf("the instance did not end; log:\n%s", &logs)
	}
	assert.NotContains(t, logs.String(), "secret")
}

// TestPortInUse: the second instance on a port says so and ends.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	environ := []string{
		"LISTEN=" + l.Addr().String(), "DB_SERVERS=" + freeAddr(t), "DB_USER=u", "SESSION_KEY=0123456789abcdef", "ADMIN_PASSWORD=x",
	}
	var out, errs bytes.Buffer
	assert.Equal(t, exitFailure, run(t.Context(), nil, environ, &out, &errs))
	assert.Contains(t, errs.String(), "address already in use")
}

// TestDrain: a request that runs when the end is announced gets its answer, on
// a connection that is closed afterwards; later ones are refused.
func TestDrain(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	server := newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			<-leave
		}
		fmt.Fprint(w, "done")
	}), discard())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	url := "http://" + l.Addr().String()

	type reply struct {
		body  string
		close bool
		err   error
	}
	slow := make(chan reply, 1)
	go func() {
		resp, err := http.Get(url + "/slow")
		if err != nil {
			slow <- reply{err: err}
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		slow <- reply{string(b), resp.Close, err}
	}()
	<-entered
	drained := make(chan error, 1)
	go func() { drained <- server.drain(discard()) }()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, patience, waitTick, "new connections should be refused")
	close(leave)
	r := <-slow
	require.NoError(t, r.err)
	assert.Equal(t, "done", r.body)
	assert.True(t, r.close, "the client must not use the connection again")
	require.NoError(t, <-drained)
}

// TestDrainAnnounces: while draining, an answer to a new request already asks
// the proxy to give its connection up.
func TestDrainAnnounces(t *testing.T) {
	server := newHTTPServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), discard())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	for _, draining := range []bool{false, true} {
		server.draining.Store(draining)
		resp, err := http.Get("http://" + l.Addr().String())
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, draining, resp.Close)
	}
}

// TestWatch holds the promise of the health check: quick to say "ready" for the
// first time, and one look's failure is forgiven, two are not.
func TestWatch(t *testing.T) {
	var looks, failFrom atomic.Int64
	failFrom.Store(1 << 60)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := looks.Add(1); n < 3 || n >= failFrom.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	mark := filepath.Join(t.TempDir(), "healthy")
	require.NoError(t, watch(t.Context(), srv.URL, mark), "it waits for the first success")
	assert.EqualValues(t, 3, looks.Load())
	require.FileExists(t, mark)

	failFrom.Store(4)
	require.ErrorContains(t, watch(t.Context(), srv.URL, mark), "not ready: 503")
	assert.EqualValues(t, 5, looks.Load(), "the second failure in a row ends it")
	require.NoFileExists(t, mark)

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, watch(ctx, srv.URL, mark), "not ready", "never ready is not healthy")
}
