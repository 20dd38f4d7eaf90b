package web

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

func testLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// sseMessage is one event as a browser's EventSource sees it.
type sseMessage struct{ id, name, data string }

// listen opens the live stream and hands over its messages; the channel is
// closed when the stream ends.
func (b *browser) listen(path string, header ...string) <-chan sseMessage {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+path, nil)
	require.NoError(b.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	require.NoError(b.t, err)
	require.Equal(b.t, http.StatusOK, resp.StatusCode)
	require.Equal(b.t, "text/event-stream", resp.Header.Get("Content-Type"))
	require.Equal(b.t, "no", resp.Header.Get("X-Accel-Buffering"))
	require.Contains(b.t, resp.Header.Get("Cache-Control"), "no-cache")
	out := make(chan sseMessage, 10_000)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		var m sseMessage
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				m.id = value
			case "event":
				m.name = value
			case "data":
				m.data = value
			case "":
				if m.name != "" {
					out <- m
				}
				m = sseMessage{}
			}
		}
	}()
	return out
}

// next returns the next message that is no heartbeat.
func next(t testing.TB, from <-chan sseMessage) sseMessage {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case m, open := <-from:
			require.True(t, open, "the stream ended")
			if m.name != "latido" {
				return m
			}
		case <-deadline:
			require.Fail(t, "waited for the next event of the stream")
		}
	}
}

func expectChange(t *testing.T, from <-chan sseMessage, rev int64, op app.Op, code string) {
	t.Helper()
	m := next(t, from)
	require.Equal(t, "cambio", m.name)
	assert.Equal(t, strconv.FormatInt(rev, 10), m.id)
	c := decode[app.Change](t, m.data)
	assert.Equal(t, rev, c.Revision)
	assert.Equal(t, op, c.Op)
	assert.Equal(t, code, c.Product.Code)
}

func TestChangesReachEveryInstance(t *testing.T) {
	m := testMemory()
	fill(t, m, 2)
	one := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	two := newBrowser(t, running(t, newTestServer(t, m, func(c *Config) { c.Instance = "app2" }))).logIn()
	here, there, also := one.listen("/inventario/eventos?desde=2"), two.listen("/inventario/eventos?desde=2"), two.listen("/inventario/eventos")
	beat := <-there
	assert.Equal(t, "latido", beat.name, "a sign of life comes first")
	assert.JSONEq(t, `{"instance":"app2","revision":2,"read_only":false}`, beat.data)
	assert.Empty(t, beat.id, "a heartbeat must not move the browser's place")

	require.Equal(t, http.StatusSeeOther, one.post("/productos", draft("NEW", "nuevo")).StatusCode)
	require.Equal(t, http.StatusSeeOther, one.post("/productos/1", draft("C-001", "otro nombre")).StatusCode)
	require.Equal(t, http.StatusSeeOther, one.post("/productos/2/borrar", nil).StatusCode)
	for _, stream := range []<-chan sseMessage{here, there, also} {
		expectChange(t, stream, 3, app.OpCreate, "NEW")
		expectChange(t, stream, 4, app.OpUpdate, "C-001")
		expectChange(t, stream, 5, app.OpDelete, "C-002")
	}
}

func TestStreamResumes(t *testing.T) {
	m := testMemory()
	fill(t, m, 3)
	before := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	fill2 := func(code string) {
		_, _, err := m.Create(t.Context(), app.Draft{Code: code, Name: "n", Unit: "u", Category: "c"}, app.Once{})
		require.NoError(t, err)
	}
	fill2("D-4")
	fill2("D-5")
	// This instance starts now: what came before it is only in the database.
	after := newBrowser(t, running(t, newTestServer(t, m, func(c *Config) { c.Instance = "app2" }))).logIn()
	for name, b := range map[string]*browser{"from memory": before, "from the database": after} {
		t.Run(name, func(t *testing.T) {
			stream := b.listen("/inventario/eventos?desde=1", "Last-Event-ID", "3")
			expectChange(t, stream, 4, app.OpCreate, "D-4")
			expectChange(t, stream, 5, app.OpCreate, "D-5")
		})
	}
	stream := after.listen("/inventario/eventos?desde=4")
	expectChange(t, stream, 5, app.OpCreate, "D-5")
	fill2("D-6")
	expectChange(t, stream, 6, app.OpCreate, "D-6")

	ahead := after.listen("/inventario/eventos?desde=7") // a browser that saw more elsewhere
	fill2("D-7")
	fill2("D-8")
	expectChange(t, ahead, 8, app.OpCreate, "D-8")
}

func TestLongAbsenceIsReplayed(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	fill(t, m, 3*pollBatch/2)
	stream := b.listen("/inventario/eventos?desde=0")
	// The instance reads these at the same time, more at once than a queue is long.
	for i := 1; i <= 3*pollBatch/2; i++ {
		require.Equal(t, strconv.Itoa(i), next(t, stream).id)
	}
}

func TestGapMakesTheBrowserReload(t *testing.T) {
	m := testMemory()
	fill(t, m, 5)
	m.forget()
	fill2 := func(code string) {
		_, _, err := m.Create(t.Context(), app.Draft{Code: code, Name: "n", Unit: "u", Category: "c"}, app.Once{})
		require.NoError(t, err)
	}
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	stream := b.listen("/inventario/eventos?desde=2")
	got := next(t, stream)
	assert.Equal(t, "recargar", got.name)
	assert.Equal(t, "5", got.id)
	fill2("D-6")
	expectChange(t, stream, 6, app.OpCreate, "D-6")
}

func TestStreamsAreLimited(t *testing.T) {
	s := running(t, newTestServer(t, testMemory(), nil))
	for range maxStreams {
		_, _, _, err := s.feed.subscribe(-1)
		require.NoError(t, err)
	}
	got := newBrowser(t, s).logIn().get("/inventario/eventos")
	assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.NotEmpty(t, got.Header.Get("Retry-After"))
}

func TestStreamRefusals(t *testing.T) {
	s := running(t, newTestServer(t, testMemory(), nil))
	b := newBrowser(t, s)
	assert.Equal(t, http.StatusUnauthorized, b.get("/inventario/eventos").StatusCode, "a stream is no page: no redirect to the log-in")
	b.logIn()
	for _, path := range []string{"/inventario/eventos?desde=x", "/inventario/eventos?desde=-4"} {
		assert.Equal(t, http.StatusBadRequest, b.get(path).StatusCode, path)
	}
	s.Drain()
	assert.Equal(t, http.StatusServiceUnavailable, b.get("/inventario/eventos").StatusCode)
}

func TestDrainSendsBrowsersElsewhere(t *testing.T) {
	s := running(t, newTestServer(t, testMemory(), nil))
	stream := newBrowser(t, s).logIn().listen("/inventario/eventos")
	s.Drain()
	assert.Equal(t, "reconectar", next(t, stream).name)
	select {
	case _, open := <-stream:
		assert.False(t, open, "the stream ends")
	case <-time.After(10 * time.Second):
		assert.Fail(t, "waited for the end of the stream")
	}
	eventually(t, "nobody is connected", func() bool { return s.feed.streams() == 0 })
}

func TestStreamEndsWithItsBrowser(t *testing.T) {
	s := running(t, newTestServer(t, testMemory(), nil))
	b := newBrowser(t, s).logIn()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/inventario/eventos", nil)
	require.NoError(t, err)
	resp, err := b.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	eventually(t, "the browser is connected", func() bool { return s.feed.streams() == 1 })
	cancel()
	eventually(t, "nobody is connected", func() bool { return s.feed.streams() == 0 })
}

// The limits that a server sets for ordinary answers must not end a stream.
func TestStreamOutlivesTheServersTimeouts(t *testing.T) {
	const limit = 100 * time.Millisecond
	m := testMemory()
	s := running(t, newTestServer(t, m, nil))
	b := newBrowser(t, s).logIn()
	u, err := url.Parse(b.base)
	require.NoError(t, err)
	cookies := b.client.Jar.Cookies(u)

	srv := httptest.NewUnstartedServer(s)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = limit, limit
	srv.Start()
	t.Cleanup(srv.Close)
	b.base = srv.URL
	u, err = url.Parse(b.base)
	require.NoError(t, err)
	b.client.Jar.SetCookies(u, cookies)

	opened := time.Now()
	stream := b.listen("/inventario/eventos")
	require.Equal(t, "latido", (<-stream).name)
	eventually(t, "the server's limits have passed", func() bool { return time.Since(opened) > 3*limit })
	fill(t, m, 1)
	expectChange(t, stream, 1, app.OpCreate, "C-001")
}
