// Package probe observes and never judges: HTTP answers, the balancer's access
// log, the state of the replicas and the lag of their rows.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"inventariolab/lab"
)

// RequestIDHeader carries the id by which the access log can be joined.
const RequestIDHeader = "X-Request-Id"

// maxBody bounds how much of an answer is kept.
const maxBody = 4 << 20

// Target checks that a URL may be asked by the lab: plain http on 127.0.0.1.
// Load and failure tests go nowhere else, whatever a topology file says.
func Target(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("parse target: %w", err)
	}
	if u.Scheme != "http" || u.Hostname() != "127.0.0.1" || u.Port() == "" {
		return nil, fmt.Errorf("target %q is refused: the lab sends requests only to http://127.0.0.1:PORT, "+
			"where Compose publishes the stack of this machine", u.Redacted())
	}
	return u, nil
}

// NewTransport makes a transport that hides nothing: no proxy, no compression
// and at most one connection, kept alive or not. Requests for it are made with
// NewRequest, which keeps it from sending one silently a second time.
func NewTransport(keepAlive bool) *http.Transport {
	return &http.Transport{
		Proxy:               nil,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		DisableCompression:  true,
		DisableKeepAlives:   !keepAlive,
		MaxConnsPerHost:     1,
		MaxIdleConnsPerHost: 1,
		IdleConnTimeout:     90 * time.Second,
	}
}

// NewRequest makes a request that net/http sends at most once.
//
// For a GET without a body net/http tries again by itself when a kept-alive
// connection turns out to be dead, and the failure would never be seen. It
// does not when there is a body that it cannot rewind; an empty one is not
// sent at all, so nothing of it reaches the wire.
func NewRequest(ctx context.Context, method, url string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Body = io.NopCloser(strings.NewReader(string(body)))
	req.GetBody = nil
	req.ContentLength = int64(len(body))
	return req, nil
}

// NewID makes a request id: a prefix and 12 random hexadecimal digits. They are
// unique, not secret: asking the kernel for them, as crypto/rand does, would be
// a system call for every request of a load.
func NewID(prefix string) string {
	const digits = "0123456789abcdef"
	b := make([]byte, len(prefix)+12)
	copy(b, prefix)
	r := rand.Uint64()
	for i := len(prefix); i < len(b); i++ {
		b[i] = digits[r&0xf]
		r >>= 4
	}
	return string(b)
}

// Answer is one request as its client saw it.
type Answer struct {
	Sent     time.Time
	Latency  time.Duration // until the answer was read whole, or the error came
	Status   int           // 0 without an answer
	Instance string        // by the identity header
	ID       string        // request id that was sent
	Header   http.Header
	Body     []byte
	Err      error
}

// Request is the answer as the record keeps it, as part of a load.
func (a Answer) Request(load string) lab.Request {
	q := lab.Request{Load: load, US: a.Latency.Microseconds(), Status: a.Status, Instance: a.Instance, ID: a.ID}
	if a.Err != nil {
		q.Err = ShortError(a.Err)
	}
	return q
}

// ShortError is an error's text without the addresses that differ from one
// request to the next, so that equal failures count as equal.
func ShortError(err error) string {
	var ue *url.Error
	if errors.As(err, &ue) {
		if ue.Timeout() && !errors.Is(err, context.Canceled) {
			return "no answer in time"
		}
		err = ue.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// Client asks one balancer, one request after the other, over one connection,
// and keeps cookies as a browser does. It follows no redirect. It is for one
// goroutine; Twin makes another with the same session.
type Client struct {
	base     string
	identity string
	http     *http.Client
	cookies  []*http.Cookie
}

// NewClient makes a client of the balancer at a base URL on 127.0.0.1.
// identity is the header by which answers name their instance.
func NewClient(base, identity string, timeout time.Duration) (*Client, error) {
	if _, err := Target(base); err != nil {
		return nil, err
	}
	return &Client{
		base: strings.TrimRight(base, "/"), identity: identity,
		http: &http.Client{
			Transport:     NewTransport(true),
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Twin makes a client of the same balancer with the same session.
func (c *Client) Twin() *Client {
	t := *c
	h := *c.http
	h.Transport = NewTransport(true)
	t.http, t.cookies = &h, slices.Clone(c.cookies)
	return &t
}

// Close closes the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// URL is the address of a path.
func (c *Client) URL(path string) string { return c.base + path }

// Do sends one request and reads the answer. header may be nil; its "Host"
// replaces the one of the URL. What goes wrong is in the Answer.
func (c *Client) Do(ctx context.Context, method, path string, header http.Header, body []byte) Answer {
	req, err := NewRequest(ctx, method, c.URL(path), body)
	if err != nil {
		return Answer{Sent: time.Now(), Err: err}
	}
	for k, vs := range header {
		req.Header[http.CanonicalHeaderKey(k)] = vs
	}
	if h := req.Header.Get("Host"); h != "" {
		req.Host = h
		req.Header.Del("Host")
	}
	for _, k := range c.cookies {
		req.AddCookie(k)
	}
	id := req.Header.Get(RequestIDHeader)
	if id == "" {
		id = NewID("lab-")
		req.Header.Set(RequestIDHeader, id)
	}
	a := Send(c.http, req, c.identity)
	a.ID = id
	c.Keep(a.Header)
	return a
}

// Keep keeps the cookies that an answer's header sets, as a browser does: the
// session's cookie may say what the user has saved. Do does it by itself.
func (c *Client) Keep(h http.Header) {
	for _, fresh := range (&http.Response{Header: h}).Cookies() {
		c.cookies = slices.DeleteFunc(c.cookies, func(k *http.Cookie) bool { return k.Name == fresh.Name })
		if fresh.MaxAge >= 0 {
			c.cookies = append(c.cookies, fresh)
		}
	}
}

// Get is Do for a GET.
func (c *Client) Get(ctx context.Context, path string, header http.Header) Answer {
	return c.Do(ctx, http.MethodGet, path, header, nil)
}

// Send sends a request, reads the answer whole and times it.
func Send(h *http.Client, req *http.Request, identity string) Answer {
	a := Answer{Sent: time.Now()}
	resp, err := h.Do(req)
	if err != nil {
		a.Latency, a.Err = time.Since(a.Sent), err
		return a
	}
	defer resp.Body.Close()
	a.Status, a.Header, a.Instance = resp.StatusCode, resp.Header, resp.Header.Get(identity)
	a.Body, a.Err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if a.Err == nil {
		_, a.Err = io.Copy(io.Discard, resp.Body) // beyond maxBody: read, so that the connection can be used again
	}
	a.Latency = time.Since(a.Sent)
	return a
}
