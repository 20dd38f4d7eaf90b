package web

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

// nullWriter is a ResponseWriter that costs nothing, so that a benchmark sees
// the application only.
type nullWriter struct {
	header http.Header
	status int
	bytes  int
}

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }
func (w *nullWriter) Write(p []byte) (int, error) { w.bytes += len(p); return len(p), nil }

// loggedIn makes a request with the cookies of somebody who has logged in and
// has seen the inventory.
func loggedIn(tb testing.TB, s *Server, path string) *http.Request {
	tb.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	require.NoError(tb, s.sessions.save(rec, r, &session{UserID: 7, Name: testUser, Pos: app.Position{Revision: 3, GTID: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-50"}}, false))
	for _, c := range rec.Result().Cookies() {
		r.AddCookie(c)
	}
	return r
}

func benchmarkPage(b *testing.B, path string, cache bool) {
	m := testMemory()
	fill(b, m, 50)
	s := running(b, newTestServer(b, m, func(c *Config) { c.PageCache = cache }))
	r := loggedIn(b, s, path)
	b.ReportAllocs()
	for b.Loop() {
		w := &nullWriter{header: http.Header{}}
		s.ServeHTTP(w, r)
		if w.status != http.StatusOK || w.bytes < 1000 {
			b.Fatalf("GET %s: status %d, %d bytes", path, w.status, w.bytes)
		}
	}
}

// BenchmarkHome is the public page.
func BenchmarkHome(b *testing.B) { benchmarkPage(b, "/", true) }

// BenchmarkListCached is the logged-in list of 50 products while nothing
// changes: the path that has to be cheap.
func BenchmarkListCached(b *testing.B) { benchmarkPage(b, "/inventario", true) }

// BenchmarkListFiltered is the same with parameters to read.
func BenchmarkListFiltered(b *testing.B) {
	benchmarkPage(b, "/inventario?q=Producto&category=Aula&sort=name&order=desc", true)
}

// BenchmarkListRendered is the list without the cache: read and rendered.
func BenchmarkListRendered(b *testing.B) { benchmarkPage(b, "/inventario", false) }
