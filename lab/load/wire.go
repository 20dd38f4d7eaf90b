package load

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"inventariolab/lab/probe"
)

const (
	dialTimeout = 5 * time.Second
	maxAnswer   = 64 << 20 // bytes of one answer's body
	// idleCheck is how long a kept connection must have been unused to be looked
	// at before it is used again: shorter breaks are not worth a system call.
	idleCheck = time.Millisecond
	userAgent = "inventario-lab"
)

// wire is one client's connection. It sends a request, reads the answer whole
// and only then sends the next: without the two goroutines that net/http has for
// each connection. The generator shares the machine's processors with the stack,
// so what it takes is missing there.
//
// fasthttp is used for the form of requests and answers only. Its clients,
// which repeat requests by themselves, are not: a request is written once.
type wire struct {
	net     network
	fresh   bool
	timeout time.Duration
	target  target
	conn    conn
	in      *bufio.Reader
	out     []byte
	used    time.Time // when the last answer had been read
	req     fasthttp.Request
	resp    fasthttp.Response
	names   map[string]string // of instances, so that each is one string
}

// network is where one client's requests go: loops where there are any (seat),
// goroutines and net elsewhere (goNet).
type network interface {
	// dial begins a connection. It need not be there yet: then the first Write
	// waits for it, until the given moment, and tells what dial would have told.
	dial(addr netip.AddrPort, until time.Time) (conn, error)
	// wait waits until a moment, or for none when it is zero, and lets others go on
	// that have waited longer; false when the load is over before.
	wait(until time.Time) bool
}

// conn is a connection of one client, used by nobody else. Its reads and writes
// end with an error when the deadline has passed or the load's context has ended.
type conn interface {
	io.ReadWriteCloser
	SetDeadline(t time.Time) error
	// closed says whether the other side has closed an idle connection, or sent
	// what nobody asked for. It takes nothing and does not wait.
	closed() bool
}

// target is a URL that may be asked, taken apart once.
type target struct {
	url  string
	addr netip.AddrPort
	host string
	uri  string
}

func newWire(n network, fresh bool, timeout time.Duration) *wire {
	return &wire{net: n, fresh: fresh, timeout: timeout, in: bufio.NewReaderSize(nil, 16<<10), names: make(map[string]string)}
}

// aim checks the URL and takes it apart, unless it is the same as before.
func (w *wire) aim(raw string) error {
	if w.target.url == raw {
		return nil
	}
	u, err := probe.Target(raw)
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddrPort(u.Host)
	if err != nil {
		return err
	}
	if addr != w.target.addr {
		w.close()
	}
	w.target = target{url: raw, addr: addr, host: u.Host, uri: u.RequestURI()}
	return nil
}

// prepare puts a request into the form in which it is sent.
func (w *wire) prepare(q *Request, id string) {
	w.req.Reset()
	h := &w.req.Header
	h.DisableNormalizing()
	h.SetNoDefaultContentType(true)
	h.SetMethod(q.Method)
	h.SetRequestURI(w.target.uri)
	h.SetHost(w.target.host)
	h.SetUserAgent(userAgent)
	if w.fresh {
		h.SetConnectionClose()
	}
	for k, vs := range q.Header {
		for _, v := range vs {
			h.Add(k, v)
		}
	}
	h.Set(probe.RequestIDHeader, id)
	if len(q.Body) > 0 || (q.Method != http.MethodGet && q.Method != http.MethodHead) {
		h.SetContentLength(len(q.Body))
	}
	w.out = append(h.AppendBytes(w.out[:0]), q.Body...)
}

// send sends the prepared request and reads the answer whole. What goes wrong
// is in the sample.
func (w *wire) send(q *Request, o *Options, keep bool) Sample {
	s := Sample{Load: o.Name, Tag: q.Tag}
	s.Sent = time.Now()
	err := w.exchange(s.Sent, q.Method == http.MethodHead)
	if err == nil && o.UntilClosed && w.fresh {
		err = w.untilClosed()
	}
	now := time.Now()
	s.Latency, w.used = now.Sub(s.Sent), now
	if err != nil {
		w.close()
		s.Err = &url.Error{Op: q.Method, URL: q.URL, Err: err}
		return s
	}
	s.Status = w.resp.StatusCode()
	s.Instance = w.name(w.resp.Header.Peek(o.Identity))
	if keep || o.KeepBody {
		s.Body = slices.Clone(w.resp.Body())
	}
	if w.fresh || w.resp.ConnectionClose() {
		w.close()
	}
	return s
}

func (w *wire) exchange(sent time.Time, head bool) error {
	conn, err := w.connection(sent)
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(sent.Add(w.timeout)); err != nil {
		return err
	}
	if _, err := conn.Write(w.out); err != nil {
		return err
	}
	// Looked for here, because fasthttp calls every error before the first byte EOF.
	if _, err := w.in.Peek(1); err != nil {
		return err
	}
	w.resp.SkipBody = head
	err = w.resp.ReadLimitBody(w.in, maxAnswer)
	switch {
	case errors.Is(err, fasthttp.ErrTimeout), errors.Is(err, os.ErrDeadlineExceeded): // in the middle
		return os.ErrDeadlineExceeded
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

// untilClosed waits until the other side has closed the connection.
func (w *wire) untilClosed() error {
	_, err := w.in.ReadByte()
	switch {
	case err == nil:
		return errors.New("there is something after the answer")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return nil
	}
	return err
}

// connection returns the kept connection, or a new one.
func (w *wire) connection(now time.Time) (conn, error) {
	if w.conn != nil {
		if now.Sub(w.used) < idleCheck || !w.conn.closed() {
			return w.conn, nil
		}
		w.close() // no request was on it: nothing is lost
	}
	conn, err := w.net.dial(w.target.addr, now.Add(min(dialTimeout, w.timeout)))
	if err != nil {
		return nil, err
	}
	w.conn = conn
	w.in.Reset(conn)
	return conn, nil
}

func (w *wire) close() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

func (w *wire) name(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := w.names[string(b)]; ok {
		return s
	}
	s := string(b)
	w.names[s] = s
	return s
}

// header copies the header of the last answer, for a virtual user.
func (w *wire) header() http.Header {
	h := make(http.Header)
	for k, v := range w.resp.Header.All() {
		name := http.CanonicalHeaderKey(string(k))
		h[name] = append(h[name], strings.Clone(string(v)))
	}
	return h
}
