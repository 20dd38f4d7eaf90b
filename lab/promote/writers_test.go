package promote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writers register products through the balancer, all the time, as clients with
// a key do: what gets no answer, or a 503, is sent again with the same key until
// it is acknowledged.
type writers struct {
	client *http.Client
	url    string
	prefix string

	mu    sync.Mutex
	acked []ack
	stop  func()
}

// ack is one acknowledged registration.
type ack struct {
	code  string
	at    time.Time
	tries int
	took  time.Duration // of the last try
}

const writerCount = 4

func startWriters(t testing.TB) *writers {
	t.Helper()
	base, err := theStack(t).URL(t.Context(), "nginx", 8080)
	require.NoError(t, err)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	w := &writers{
		client: &http.Client{Jar: jar, Timeout: 12 * time.Second}, url: base + "/api/v1/products",
		prefix: fmt.Sprintf("w%s", time.Now().UTC().Format("150405.000")),
	}
	resp, err := w.client.Post(base+"/api/v1/session", "application/json", bytes.NewReader([]byte(`{"user":"admin","password":"inventario"}`)))
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i := range writerCount {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				w.write(t, fmt.Sprintf("%s-%d-%d", w.prefix, i, n))
			}
		})
	}
	w.stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(w.stop)
	return w
}

// write registers one product, however long it takes (a minute at most).
func (w *writers) write(t testing.TB, code string) {
	body := fmt.Sprintf(`{"code":%q,"name":"Tornillo","unit":"unidad","category":"Prueba"}`, code)
	end := time.Now().Add(time.Minute)
	for tries := 1; ; tries++ {
		began := time.Now()
		status, answer := w.send(code, body)
		if status == http.StatusCreated {
			w.mu.Lock()
			w.acked = append(w.acked, ack{code, time.Now(), tries, time.Since(began)})
			w.mu.Unlock()
			return
		}
		if status != 0 && status < 500 || time.Now().After(end) {
			assert.Failf(t, "a registration was refused", "%s, try %d: %d %s", code, tries, status, answer)
			return
		}
		time.Sleep(20 * time.Millisecond) // a client's own pause between tries
	}
}

func (w *writers) send(key, body string) (status int, answer string) {
	req, err := http.NewRequest(http.MethodPost, w.url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", `"`+key+`"`)
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func (w *writers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

// goOn waits until n more have been acknowledged.
func (w *writers) goOn(t testing.TB, n int) {
	t.Helper()
	until := w.count() + n
	require.Eventually(t, func() bool { return w.count() >= until }, time.Minute, 10*time.Millisecond, "%d more registrations should be acknowledged", n)
}

// resumed is the longest time without any acknowledgement since a moment.
func (w *writers) resumed(moment time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var last time.Time
	var longest time.Duration
	for _, a := range w.acked {
		if a.at.Before(moment) {
			continue
		}
		if last.IsZero() {
			last = moment
		}
		if gap := a.at.Sub(last); gap > longest {
			longest = gap
		}
		last = a.at
	}
	return longest
}

// check stops the writers and compares what was acknowledged with what every
// server has: each code once, and none that nobody was told of but the last tries.
func (w *writers) check(t testing.TB) {
	t.Helper()
	w.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	acked := map[string]bool{}
	tries := 0
	for _, a := range w.acked {
		assert.False(t, acked[a.code], "%s acknowledged twice", a.code)
		acked[a.code] = true
		tries += a.tries
	}
	for _, service := range services {
		var codes []string
		require.Eventually(t, func() bool {
			codes = codesOn(t, service, w.prefix)
			return len(codes) >= len(acked)
		}, 30*time.Second, 50*time.Millisecond, "%s should have everything that was acknowledged (%d)", service, len(acked))
		there := map[string]bool{}
		for _, c := range codes {
			assert.False(t, there[c], "%s has %s twice", service, c)
			there[c] = true
			assert.True(t, acked[c], "%s has %s, which was not acknowledged", service, c)
		}
		for c := range acked {
			assert.True(t, there[c], "%s was acknowledged, and %s does not have it", c, service)
		}
	}
	t.Logf("%d registrations acknowledged, %d tries", len(acked), tries)
}

func codesOn(t testing.TB, service, prefix string) []string {
	t.Helper()
	out := rootSQL(t, service, `SELECT COALESCE(JSON_ARRAYAGG(code), '[]') FROM products WHERE code LIKE "`+prefix+`-%"`)
	var codes []string
	require.NoError(t, json.Unmarshal([]byte(out), &codes), out)
	return codes
}
