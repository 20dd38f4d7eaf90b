package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

func TestNewRefusesBadConfig(t *testing.T) {
	m := testMemory()
	good := Config{Instance: "app", SessionKey: testKey, Products: m, Users: m}
	for name, tt := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"no name":       {func(c *Config) { c.Instance = "" }, "Instance"},
		"short key":     {func(c *Config) { c.SessionKey = "short" }, "SessionKey has 5 bytes"},
		"no products":   {func(c *Config) { c.Products = nil }, "Products"},
		"no users":      {func(c *Config) { c.Users = nil }, "Users"},
		"odd proxy":     {func(c *Config) { c.TrustedProxy = "http://nginx" }, "TrustedProxy"},
		"used registry": {func(c *Config) { c.Registry = usedRegistry(t) }, "register metrics"},
	} {
		cfg := good
		tt.change(&cfg)
		_, err := New(cfg)
		assert.ErrorContains(t, err, tt.says, name)
	}
	_, err := New(good)
	assert.NoError(t, err)
}

func usedRegistry(t *testing.T) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	newTestServer(t, testMemory(), func(c *Config) { c.Registry = reg })
	return reg
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	m := testMemory()
	fill(t, m, 1)
	s := running(t, newTestServer(t, m, nil))
	b := newBrowser(t, s).logIn()
	paths := []string{
		"/", "/login", "/inventario", "/productos/nuevo", "/productos/1/editar", "/productos/1/borrar", "/estado", "/nothing",
		"/api/v1/products", "/api/v1/nothing", "/whoami", "/healthz", "/readyz", "/metrics", "/favicon.ico", s.assets.urls["style.css"],
	}
	for _, path := range paths {
		got := b.get(path)
		assert.Equal(t, "app1", got.Header.Get("X-Served-By"), path)
		assert.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "same-origin", got.Header.Get("Referrer-Policy"), path)
		csp := got.Header.Get("Content-Security-Policy")
		assert.Contains(t, csp, "default-src 'none'", path)
		assert.Contains(t, csp, "frame-ancestors 'none'", path)
		assert.NotContains(t, csp, "unsafe", path)
		if strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
			assert.NotRegexp(t, `(?i)<script(?:[^>]*)>[^<]|<style|\sstyle=|\son[a-z]+=|href="javascript:`, got.body, "%s: nothing inline", path)
			for _, m := range regexp.MustCompile(`(?:src|href)="([^"#/?][^"]*|//[^"]*)"`).FindAllStringSubmatch(got.body, -1) {
				t.Errorf("%s: resource outside of this site: %s", path, m[1])
			}
		}
	}
}

func TestCrossOriginRequestsAreRefused(t *testing.T) {
	m := testMemory()
	fill(t, m, 1)
	b := newBrowser(t, newTestServer(t, m, nil)).logIn()
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
	} {
		got := b.post("/productos/1/borrar", nil, header...)
		assert.Equal(t, http.StatusForbidden, got.StatusCode, header)
		assert.Contains(t, got.body, "Petición rechazada")
		got = b.json("DELETE", "/api/v1/products/1", "", header...)
		assert.Equal(t, http.StatusForbidden, got.StatusCode, header)
		assert.Equal(t, "application/problem+json", got.Header.Get("Content-Type"))
		assert.Equal(t, http.StatusOK, b.get("/inventario", header...).StatusCode, "links from elsewhere work")
	}
	assert.Len(t, m.products, 1)
	assert.Equal(t, http.StatusSeeOther, b.post("/productos/1/borrar", nil, "Sec-Fetch-Site", "same-origin").StatusCode)
}

func TestWhoami(t *testing.T) {
	s := newTestServer(t, testMemory(), func(c *Config) { c.TrustedProxy = "127.0.0.1" })
	b := newBrowser(t, s).logIn()
	got := b.get("/whoami", "X-Real-IP", "198.51.100.7", "X-Forwarded-For", "198.51.100.7", "X-Twice", "a", "Authorization", "Basic c2VjcmV0")
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
	who := decode[map[string]any](t, got.body)
	assert.Equal(t, "app1", who["instance"])
	assert.Equal(t, "GET", who["method"])
	assert.Equal(t, "/whoami", who["path"])
	assert.Equal(t, strings.TrimPrefix(b.base, "http://"), who["host"])
	assert.Equal(t, "198.51.100.7", who["client_ip"])
	assert.Contains(t, who["remote_addr"], "127.0.0.1:")
	headers := who["headers"].(map[string]any)
	assert.Equal(t, []any{"198.51.100.7"}, headers["X-Forwarded-For"])
	assert.NotContains(t, headers, "Cookie", "a session must not be shown")
	assert.NotContains(t, headers, "Authorization")
}

func TestHealthAndReadiness(t *testing.T) {
	m := testMemory()
	s := newTestServer(t, m, nil)
	b := newBrowser(t, s)
	state := func() (int, readiness) {
		got := b.get("/readyz")
		return got.StatusCode, decode[readiness](t, got.body)
	}
	code, r := state()
	assert.Equal(t, http.StatusServiceUnavailable, code, "not before the inventory was read")
	assert.Contains(t, r.Reason, "starting")

	running(t, s)
	code, r = state()
	assert.Equal(t, http.StatusOK, code)
	assert.True(t, r.Ready)
	assert.Len(t, r.Servers, 2)

	m.noWrites.Store(true)
	code, _ = state()
	assert.Equal(t, http.StatusOK, code, "without a source it still can be read")

	m.noReads.Store(true)
	eventually(t, "the instance is not ready", func() bool { code, r = state(); return code == http.StatusServiceUnavailable })
	assert.Contains(t, r.Reason, "every server is away")
	assert.Equal(t, http.StatusOK, b.get("/healthz").StatusCode, "the process lives all the same")

	m.noReads.Store(false)
	eventually(t, "the instance is ready again", func() bool { code, _ = state(); return code == http.StatusOK })

	s.Drain()
	s.Drain()
	code, r = state()
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Contains(t, r.Reason, "draining")
	assert.Equal(t, http.StatusOK, b.get("/").StatusCode, "requests are answered to the end")
}

func TestMetrics(t *testing.T) {
	m := testMemory()
	fill(t, m, 2)
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	for range 3 {
		b.get("/inventario")
	}
	b.get("/productos/1/editar")
	b.get("/productos/2/editar")
	b.get("/made/up/1")
	b.get("/made/up/2")
	b.do("BREW", "/", "")
	got := b.get("/metrics").body
	for _, line := range []string{
		`inventory_http_request_duration_seconds_count{method="GET",route="/inventario",status="200"} 3`,
		`inventory_http_request_duration_seconds_count{method="GET",route="/productos/{id:[0-9]+}/editar",status="200"} 2`,
		`inventory_http_request_duration_seconds_count{method="POST",route="/login",status="303"} 1`,
		`inventory_http_request_duration_seconds_count{method="GET",route="not found",status="404"} 2`,
		`inventory_http_request_duration_seconds_count{method="other",route="wrong method",status="405"} 1`,
		`inventory_logins_total{result="ok"} 1`,
		"inventory_list_cache_hits_total 2",
		"inventory_revision 2",
		"inventory_ready 1",
	} {
		assert.Contains(t, got, line+"\n")
	}
}

type panicking struct{ *memory }

func (panicking) Get(context.Context, int64, app.Position) (app.Product, app.Shown, error) {
	panic("boom")
}

func TestPanicsBecomeErrorPages(t *testing.T) {
	m := testMemory()
	var log strings.Builder
	s := newTestServer(t, m, func(c *Config) {
		c.Products = panicking{m}
		c.Logger = testLogger(&log)
	})
	b := newBrowser(t, s).logIn()
	got := b.get("/productos/1/editar", "X-Request-Id", "request-0007")
	assert.Equal(t, http.StatusInternalServerError, got.StatusCode)
	assert.Contains(t, got.body, "Algo falló")
	assert.NotContains(t, got.body, "boom")
	assert.Contains(t, log.String(), "boom")
	assert.Contains(t, log.String(), "request-0007")
	got = b.get("/api/v1/products/1")
	assert.Equal(t, http.StatusInternalServerError, got.StatusCode)
	assert.Equal(t, "application/problem+json", got.Header.Get("Content-Type"))
	assert.Contains(t, b.get("/metrics").body, `status="500"`)
}

func TestStaticFiles(t *testing.T) {
	s := newTestServer(t, testMemory(), nil)
	b := newBrowser(t, s)
	require.NotEmpty(t, s.assets.urls)
	for name, path := range s.assets.urls {
		got := b.get(path)
		assert.Equal(t, http.StatusOK, got.StatusCode, name)
		assert.Equal(t, "public, max-age=31536000, immutable", got.Header.Get("Cache-Control"), name)
		assert.Equal(t, http.StatusNotModified, b.get(path, "If-None-Match", got.Header.Get("ETag")).StatusCode, name)
		assert.NotRegexp(t, `(?:src|href|url\(|@import|fetch\()[^;]*https?:`, got.body, "%s: nothing from elsewhere", name)
	}
	assert.Equal(t, http.StatusNotFound, b.get("/static/style.css").StatusCode, "only names with a hash are stable")
	assert.NotEqual(t, http.StatusOK, b.get("/static/..%2fserver.go").StatusCode)
	assert.Equal(t, "image/svg+xml", b.get("/favicon.ico").Header.Get("Content-Type"))
}

func TestHeadAnswersLikeGetWithoutABody(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	for _, path := range []string{"/", "/inventario", "/api/v1/products", "/inventario/eventos"} {
		got := b.do("HEAD", path, "")
		assert.Equal(t, http.StatusOK, got.StatusCode, path)
		assert.Empty(t, got.body, path)
	}
}

func TestStatusPage(t *testing.T) {
	m := testMemory()
	m.noWrites.Store(true)
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	got := b.get("/estado")
	assert.Equal(t, http.StatusOK, got.StatusCode)
	for _, text := range []string{"maestro1", "slave1", "fuera", "connection refused", "réplica"} {
		assert.Contains(t, got.body, text)
	}
}

// The catalogue's roles are those of app.Server; a new one must not show its key.
func TestJSONAnswersEncode(t *testing.T) {
	w := httptest.NewRecorder()
	answerJSON(w, http.StatusOK, map[string]any{"f": func() {}})
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	w = httptest.NewRecorder()
	answerJSON(w, http.StatusTeapot, 1)
	assert.Equal(t, http.StatusTeapot, w.Code)
	assert.True(t, json.Valid(w.Body.Bytes()))
}
