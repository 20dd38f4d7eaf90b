package load

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"inventariolab/lab/probe"
)

// seqHeader is how vegeta numbers requests. It does not reach the wire.
const seqHeader = "X-Vegeta-Seq"

// keepIdle is how long a connection may be unused and still be used again.
//
// HTTP/1.1 lets either side close an idle connection at any time; a request that
// is sent in that moment gets no answer, and nobody can tell whether it arrived. At
// a reload NGINX so closes all connections that have been idle for longer than
// keepalive_min_timeout, 2 s in the reference stack: until then it promises to
// answer. An open loop has many connections and uses the one that it used last, so
// the others grow old, and the stall of a reload is just what makes it reach for
// them. A browser repeats such a GET (RFC 9110, 9.2.2); here nothing is repeated, so
// what is older than half of the promise is left alone. What is closed earlier is
// a failure, and counted.
const keepIdle = time.Second

// openWire is what stands between vegeta and the network. vegeta's result has
// neither the moment of sending nor the error as a value nor the request's id;
// it sees them pass and keeps them, by vegeta's number.
type openWire struct {
	ctx   context.Context //nolint:containedctx // lives as long as one load
	opts  *OpenOptions
	plan  *plan
	http  *http.Transport
	users chan User

	mu       sync.Mutex
	prepared map[string]*flight // made, by id
	flying   map[uint64]*flight // sent, by vegeta's number
	under    int                // under way
	lastFull time.Time          // when all workers were last known to wait
	bad      error              // a request that may not be sent
}

// flight is one request on its way.
type flight struct {
	id, tag  string
	user     User
	keepBody bool
	full     bool // since it was due there was a moment at which all workers waited
	sent     time.Time
	body     []byte
	err      error
}

var _ http.RoundTripper = (*openWire)(nil)

func newOpenWire(ctx context.Context, o *OpenOptions, p *plan) *openWire {
	t := probe.NewTransport(!o.Fresh)
	t.MaxConnsPerHost = 0 // the workers bound it; a queue here would be time that nobody sees
	t.MaxIdleConnsPerHost = o.Workers
	t.IdleConnTimeout = keepIdle
	w := &openWire{
		ctx: ctx, opts: o, plan: p, http: t,
		prepared: make(map[string]*flight), flying: make(map[uint64]*flight),
	}
	if o.Users != nil {
		w.users = make(chan User, len(o.Users))
		for _, u := range o.Users {
			w.users <- u
		}
	}
	return w
}

// target makes the next request; it is vegeta's Targeter.
func (w *openWire) target(t *vegeta.Target) error {
	q := Request{Method: http.MethodGet, URL: w.opts.URL, Header: w.opts.Header}
	f := &flight{id: probe.NewID("lab-")}
	if w.users != nil {
		select {
		case f.user = <-w.users:
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
		if err := w.refused(); err != nil {
			w.release(f.user) // for others that wait for one
			return err
		}
		q = f.user.Next()
		if _, err := probe.Target(q.URL); err != nil {
			w.refuse(err)
			w.release(f.user)
			return err
		}
	}
	f.tag, f.keepBody = q.Tag, q.KeepBody
	h := make(http.Header, len(q.Header)+1)
	for k, vs := range q.Header {
		h[http.CanonicalHeaderKey(k)] = vs
	}
	h.Set(probe.RequestIDHeader, f.id)
	*t = vegeta.Target{Method: q.Method, URL: q.URL, Header: h, Body: q.Body}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prepared[f.id] = f
	return nil
}

// RoundTrip implements http.RoundTripper: it sends the request once, and notes
// when.
func (w *openWire) RoundTrip(req *http.Request) (*http.Response, error) {
	seq, err := strconv.ParseUint(req.Header.Get(seqHeader), 10, 64)
	if err != nil {
		return nil, err
	}
	var body []byte
	if req.Body != nil {
		body, err = io.ReadAll(req.Body) // from memory
		if err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(w.ctx, w.opts.Timeout)
	out, err := probe.NewRequest(ctx, req.Method, req.URL.String(), body)
	if err != nil {
		cancel()
		return nil, err
	}
	out.Header = req.Header.Clone()
	out.Header.Del(seqHeader)
	out.Header.Set("User-Agent", userAgent)

	w.mu.Lock()
	id := out.Header.Get(probe.RequestIDHeader)
	f := w.prepared[id]
	delete(w.prepared, id)
	w.flying[seq] = f
	// A worker whose answer has not been noted yet may be the one that sends.
	f.full = w.under >= w.opts.Workers || w.lastFull.After(w.plan.due(seq))
	w.under++
	w.mu.Unlock()

	f.sent = time.Now()
	resp, err := w.http.RoundTrip(out)
	if err != nil {
		cancel()
		f.err = &url.Error{Op: req.Method, URL: req.URL.String(), Err: err}
		return nil, err
	}
	resp.Body = &flightBody{ReadCloser: resp.Body, f: f, url: req.URL.String(), method: req.Method, cancel: cancel}
	return resp, nil
}

// land takes the flight with vegeta's number off the list; nil if it was never
// sent.
func (w *openWire) land(seq uint64) *flight {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.flying[seq]
	if f != nil {
		delete(w.flying, seq)
		if w.under >= w.opts.Workers {
			w.lastFull = time.Now()
		}
		w.under--
	}
	return f
}

// release lets a user send again.
func (w *openWire) release(u User) { w.users <- u }

func (w *openWire) refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bad == nil {
		w.bad = err
	}
}

func (w *openWire) refused() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bad
}

func (w *openWire) close() { w.http.CloseIdleConnections() }

// flightBody is an answer's body: what of it a user wants to see is kept, and
// an error on the way.
type flightBody struct {
	io.ReadCloser
	f           *flight
	method, url string
	cancel      context.CancelFunc
	kept        bytes.Buffer
}

// Read implements io.Reader.
func (b *flightBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.f.keepBody {
		b.kept.Write(p[:n])
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.f.err = &url.Error{Op: b.method, URL: b.url, Err: err}
	}
	return n, err
}

// Close implements io.Closer.
func (b *flightBody) Close() error {
	defer b.cancel()
	b.f.body = b.kept.Bytes()
	return b.ReadCloser.Close()
}
