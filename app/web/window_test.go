package web_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/stack"
	"inventariolab/lab/stack/stacktest"
)

// patience is how long a window may take to reach what a test waits for.
const patience = 20 * time.Second

// site is the stack with a browser in front of it.
type site struct {
	stack   *stack.Stack
	base    string
	ctx     context.Context // lives as long as the test
	browser context.Context // chromedp's
}

func startSite(t *testing.T) *site {
	t.Helper()
	path := findChromium(t)
	s := stacktest.Stack(t)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	base, err := s.URL(ctx, "nginx", 8080)
	require.NoError(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	browser, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	browser, stop = chromedp.NewContext(browser)
	t.Cleanup(stop)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate("about:blank")), "start %s", path)
	return &site{stack: s, base: base, ctx: ctx, browser: browser}
}

// findChromium skips the test where there is none, and fails it in CI.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const why = "no Chromium on the PATH; install it with: make prerequisites (Debian: apt-get install chromium)"
	if os.Getenv("CI") != "" {
		t.Fatal("nothing may skip in CI: " + why)
	}
	t.Skip(why)
	return ""
}

// window is one browser window with cookies of its own.
type window struct {
	base string
	ctx  context.Context

	mu       sync.Mutex
	requests map[network.RequestID]*network.Request
	served   []answer
	wrong    []string // errors of scripts, violations of the content policy
}

// answer is who answered a request.
type answer struct{ method, url, by string }

// window opens one, and asserts at the end of the test that nothing went wrong
// in it.
func (s *site) window(t *testing.T) *window {
	t.Helper()
	w := &window{base: s.base, requests: map[network.RequestID]*network.Request{}}
	ctx, stop := chromedp.NewContext(s.browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(w.note))
	t.Cleanup(stop)
	w.ctx = ctx
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, cdplog.Enable, cdp.Empty{})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": "es"}})
	require.NoError(t, err)
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		assert.Empty(t, w.wrong, "errors in the browser's console")
	})
	return w
}

// note keeps what the browser reports. Chrome also logs every 4xx and 5xx and
// every broken connection (source "network"); the tests cause these on purpose.
func (w *window) note(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if before := w.requests[e.RequestID]; before != nil && e.RedirectResponse != nil {
			w.answered(before.Method, e.RedirectResponse)
		}
		w.requests[e.RequestID] = e.Request
	case *network.EventResponseReceived:
		if r := w.requests[e.RequestID]; r != nil {
			w.answered(r.Method, e.Response)
		}
	case *runtime.EventExceptionThrown:
		w.complain("exception: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			w.complain("console.%s: %v", e.Type, e.Args)
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Source != "network" && e.Entry.Level != "verbose" {
			w.complain("%s %s on %s: %s", e.Entry.Source, e.Entry.Level, e.Entry.URL, e.Entry.Text)
		}
	}
}

// complain keeps a few complaints: one mistake in the layout is on every page.
func (w *window) complain(format string, args ...any) {
	if len(w.wrong) < 5 {
		w.wrong = append(w.wrong, fmt.Sprintf("%.300s", fmt.Sprintf(format, args...)))
	}
}

func (w *window) answered(method string, r *network.Response) {
	for name, value := range r.Headers {
		if strings.EqualFold(name, "X-Served-By") {
			w.served = append(w.served, answer{method, r.URL, fmt.Sprint(value)})
		}
	}
}

// servedBy is the instance that answered the last such request.
func (w *window) servedBy(method, path string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.served) - 1; i >= 0; i-- {
		if a := w.served[i]; a.method == method && samePath(a.url, path) {
			return a.by
		}
	}
	return ""
}

func (w *window) do(t *testing.T, what string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		w.explain(t)
		require.NoError(t, err, what)
	}
}

func (w *window) open(t *testing.T, path string) {
	t.Helper()
	w.do(t, "open "+path, chromedp.Navigate(w.base+path))
}

func (w *window) click(t *testing.T, selector string) {
	t.Helper()
	w.do(t, "click on "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// set replaces what a field has by typing.
func (w *window) set(t *testing.T, selector, text string) {
	t.Helper()
	w.do(t, "type into "+selector, chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// keys types wherever the focus is.
func (w *window) keys(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		w.do(t, "type", chromedp.KeyEvent(text))
	}
}

// js evaluates an expression that gives a string.
func (w *window) js(t *testing.T, expression string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	require.NoError(t, err, expression)
	return value
}

// fetch asks the API with the window's session and evaluates an expression on
// the answer v.
func (w *window) fetch(t *testing.T, path, expression string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	script := fmt.Sprintf("fetch(%q).then((r) => r.json()).then((v) => %s)", path, expression)
	value, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	require.NoError(t, err, script)
	return value
}

// until waits until the page fulfils a condition; it may be on its way to
// another page meanwhile.
func (w *window) until(t *testing.T, what, condition string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithDeadline(w.ctx, deadline)
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		cancel()
		if holds {
			return
		}
		last = err
		<-tick.C
	}
	w.explain(t)
	require.Failf(t, "the page did not get there", "waited %v for: %s\ncondition: %s\nlast error: %v", patience, what, condition, last)
}

// explain shows what the window shows, and keeps a picture of it.
func (w *window) explain(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 1500)`))
	t.Logf("the window shows (%v):\n%s", err, text)
	if picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		if f, err := os.CreateTemp("", "inventario-window-*.png"); err == nil {
			_, _ = f.Write(picture)
			_ = f.Close()
			t.Logf("picture: %s", f.Name())
		}
	}
}
