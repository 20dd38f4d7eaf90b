package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"inventariolab/app"
)

const (
	testUser     = "maría"
	testPassword = "contraseña de prueba"
	testKey      = "a key that all instances share"
)

// testHash is made once: bcrypt is slow on purpose.
var testHash = sync.OnceValue(func() []byte {
	hash, err := bcrypt.GenerateFromPassword([]byte(testPassword), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	return hash
})

func testMemory() *memory {
	return newMemory(app.User{ID: 7, Name: testUser, PasswordHash: testHash()})
}

// fill registers n products with codes C-001, C-002, …
func fill(t testing.TB, m *memory, n int) {
	t.Helper()
	for i := 1; i <= n; i++ {
		_, _, err := m.Create(t.Context(), app.Draft{
			Code: fmt.Sprintf("C-%03d", i), Name: fmt.Sprintf("Producto %d", i), Unit: "unidad",
			Description: "Una descripción de tamaño corriente", Category: []string{"Aula", "Oficina", "Taller"}[i%3],
		}, app.Once{})
		require.NoError(t, err)
	}
}

// newTestServer makes a server whose Run is not running.
func newTestServer(t testing.TB, m *memory, change func(*Config)) *Server {
	t.Helper()
	cfg := Config{
		Instance: "app1", SessionKey: testKey, Products: m, Users: m, Health: m, PageCache: true,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	require.NoError(t, err)
	return s
}

// running starts Run and waits until the server is ready.
func running(t testing.TB, s *Server) *Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	eventually(t, "the server is ready", func() bool { return s.ready() == "" })
	return s
}

// eventually polls a condition, named for the message when it never holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, 10*time.Second, 5*time.Millisecond, "waited for: %s", what)
}

// browser is an HTTP client that keeps cookies and does not follow redirects.
type browser struct {
	t      testing.TB
	client *http.Client
	base   string
}

func newBrowser(t testing.TB, s http.Handler) *browser {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &browser{t: t, base: srv.URL, client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

func (b *browser) do(method, path, body string, header ...string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	require.NoError(b.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return answer{resp, string(text)}
}

func (b *browser) get(path string, header ...string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, "", header...)
}

func (b *browser) post(path string, form url.Values, header ...string) answer {
	b.t.Helper()
	header = append(header, "Content-Type", "application/x-www-form-urlencoded")
	return b.do(http.MethodPost, path, form.Encode(), header...)
}

func (b *browser) json(method, path, body string, header ...string) answer {
	b.t.Helper()
	return b.do(method, path, body, append(header, "Content-Type", "application/json")...)
}

func (b *browser) logIn() *browser {
	b.t.Helper()
	got := b.post("/login", url.Values{"user": {testUser}, "password": {testPassword}})
	require.Equal(b.t, http.StatusSeeOther, got.StatusCode, got.body)
	return b
}

// cookie is the value that the browser has for name; "" for none.
func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.base)
	require.NoError(b.t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func draft(code, name string) url.Values {
	return url.Values{"code": {code}, "name": {name}, "unit": {"caja"}, "category": {"Aula"}, "description": {"algo"}}
}
