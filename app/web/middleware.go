package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gorilla/mux"
)

// maxBody bounds what a request may send, in bytes. The largest form is a
// product with a description of 1,000 characters.
const maxBody = 64 << 10

// contentPolicy allows our own files and nothing inline.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Header values that every response shares; never appended to.
var (
	headerNosniff  = []string{"nosniff"}
	headerPolicy   = []string{contentPolicy}
	headerReferrer = []string{"same-origin"}
	headerOpener   = []string{"same-origin"}
)

func (s *Server) commonHeaders(h http.Header) {
	h["X-Served-By"] = []string{s.cfg.Instance}
	h["X-Content-Type-Options"] = headerNosniff
	h["Content-Security-Policy"] = headerPolicy
	h["Referrer-Policy"] = headerReferrer
	h["Cross-Origin-Opener-Policy"] = headerOpener
}

// visit is what a handler knows about the one who asks.
type visit struct {
	loc  *locale
	user *session // nil without a login
	seen int64    // highest revision that this browser was shown

	behind bool // the answer may lack what this user has saved or been shown: the source is away
}

// handler is a page or an API call; what it returns as an error is shown by
// fail, in the one place that maps errors to answers.
type handler func(w http.ResponseWriter, r *http.Request, v *visit) error

func (s *Server) visit(r *http.Request) *visit {
	return &visit{loc: s.locales.pick(r), user: s.sessions.load(r), seen: seenRevision(r)}
}

func (s *Server) open(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(r)
		limitBody(w, r)
		if err := h(w, r, v); err != nil {
			s.fail(w, r, v, err)
		}
	}
}

func (s *Server) member(h handler) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request, v *visit) error {
		if v.user == nil {
			return s.askLogin(w, r)
		}
		return h(w, r, v)
	})
}

func (s *Server) api(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(r)
		limitBody(w, r)
		w.Header().Set("Cache-Control", "no-store")
		if err := h(w, r, v); err != nil {
			s.failJSON(w, r, v, err)
		}
	}
}

func (s *Server) apiMember(h handler) http.HandlerFunc {
	return s.api(func(w http.ResponseWriter, r *http.Request, v *visit) error {
		if v.user == nil {
			return &failure{status: http.StatusUnauthorized, key: "login_needed"}
		}
		return h(w, r, v)
	})
}

func limitBody(w http.ResponseWriter, r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
}

// instrument counts, times and guards the handler of one route.
func (s *Server) instrument(name string, next http.HandlerFunc) http.HandlerFunc {
	observe := s.metrics.route(name)
	return func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		start := time.Now()
		defer func() {
			p := recover()
			if p != nil {
				s.afterPanic(rec, r, p)
			}
			observe(r.Method, rec.code(), time.Since(start))
			if rec.code() >= http.StatusInternalServerError || s.log.Enabled(r.Context(), slog.LevelDebug) {
				s.logRequest(r, rec, time.Since(start))
			}
			if p == http.ErrAbortHandler {
				panic(p) // net/http drops the connection silently
			}
		}()
		next(rec, r)
	}
}

func (s *Server) afterPanic(rec *recorder, r *http.Request, p any) {
	if p == http.ErrAbortHandler {
		return
	}
	s.log.Error("handler panicked", "panic", p, "method", r.Method, "path", r.URL.Path,
		"request_id", r.Header.Get("X-Request-Id"), "stack", string(debug.Stack()))
	if rec.status == 0 {
		s.fail(rec, r, s.visit(r), errors.New("handler panicked"))
	}
}

func (s *Server) logRequest(r *http.Request, rec *recorder, took time.Duration) {
	level := slog.LevelDebug
	if rec.code() >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	s.log.Log(context.WithoutCancel(r.Context()), level, "request", "method", r.Method, "path", r.URL.Path,
		"status", rec.code(), "bytes", rec.bytes, "ms", float64(took.Microseconds())/1000,
		"client", s.proxies.clientIP(r), "request_id", r.Header.Get("X-Request-Id"))
}

// recorder remembers the status and size of a response.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 && status >= 200 {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	n, err := rec.ResponseWriter.Write(p)
	rec.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) code() int {
	if rec.status == 0 {
		return http.StatusOK
	}
	return rec.status
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, s.visit(r), &failure{status: http.StatusNotFound, key: "no_page"})
}

// wrongMethod answers 405 with the methods that the path does have.
func (s *Server) wrongMethod(m *mux.Router) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allow []string
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
			probe := r.WithContext(r.Context())
			probe.Method = method
			var match mux.RouteMatch
			if m.Match(probe, &match) && match.MatchErr == nil && match.Route != nil {
				allow = append(allow, method)
			}
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		s.fail(w, r, s.visit(r), &failure{status: http.StatusMethodNotAllowed, key: "wrong_method"})
	}
}

// refuse answers a request that another site sent in the user's name.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, s.visit(r), &failure{status: http.StatusForbidden, key: "cross_origin"})
}
