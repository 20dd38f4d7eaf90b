package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"inventariolab/app"
)

// retryAfter is what a 503 advises: a source that was restarted is back
// within a few seconds.
const retryAfter = 5 * time.Second

// failure is how a request goes wrong, as the user is told: status and the
// key of its texts in the catalogue ("problem.<key>.title", ".detail").
type failure struct {
	status     int
	key        string
	detail     string            // for the API: more exact than the catalogue's text
	fields     map[string]string // field → message key
	existing   *app.Product      // the product that has the code
	retryAfter time.Duration
	err        error // the cause, for the log
}

// Error implements error.
func (f *failure) Error() string {
	if f.err != nil {
		return fmt.Sprintf("%s: %v", f.key, f.err)
	}
	return f.key
}

// Unwrap gives the cause.
func (f *failure) Unwrap() error { return f.err }

// explain is the only place that maps errors to status codes. What it hides
// (messages of the database) goes to the log only.
func explain(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &failure{status: http.StatusRequestEntityTooLarge, key: "too_large", err: err}
	}
	var e *app.Error
	if errors.As(err, &e) {
		switch e.Code {
		case app.ECodeInvalid:
			return &failure{status: http.StatusUnprocessableEntity, key: "invalid", fields: e.Fields, err: err}
		case app.ECodeDuplicate:
			return &failure{status: http.StatusConflict, key: "duplicate", existing: e.Existing, err: err}
		case app.ECodeNotFound:
			return &failure{status: http.StatusNotFound, key: "no_product", err: err}
		case app.ECodeKeyReused:
			return &failure{status: http.StatusUnprocessableEntity, key: "key_reused", err: err}
		case app.ECodeUnavailable:
			if e.Uncertain {
				return &failure{status: http.StatusServiceUnavailable, key: "unsure", retryAfter: retryAfter, err: err}
			}
			return &failure{status: http.StatusServiceUnavailable, key: "unavailable", retryAfter: retryAfter, err: err}
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &failure{status: http.StatusServiceUnavailable, key: "unavailable", retryAfter: retryAfter, err: err}
	}
	return &failure{status: http.StatusInternalServerError, key: "internal", err: err}
}

// fail answers err as a page, or as a problem document below /api/.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	if isAPI(r.URL.Path) {
		s.failJSON(w, r, v, err)
		return
	}
	f := explain(err)
	s.logFailure(r, f)
	f.headers(w.Header())
	page := errorPage{Status: f.status, Title: v.loc.T("problem." + f.key + ".title"), Detail: v.loc.T("problem." + f.key + ".detail")}
	if err := s.show(w, r, v, f.status, "error", page.Title, page); err != nil {
		s.log.Error("render error page", "err", err)
		http.Error(w, page.Title, f.status)
	}
}

// errorPage is the data of error.html.
type errorPage struct {
	Status        int
	Title, Detail string
}

func (f *failure) headers(h http.Header) {
	if f.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((f.retryAfter+time.Second-1)/time.Second)))
	}
	h.Set("Cache-Control", "no-store")
}

// logFailure writes what the user is not told. A client that went away is no
// news.
func (s *Server) logFailure(r *http.Request, f *failure) {
	if f.err == nil || f.status < http.StatusInternalServerError || errors.Is(f.err, context.Canceled) {
		return
	}
	s.log.Error("request failed", "err", f.err, "method", r.Method, "path", r.URL.Path,
		"request_id", r.Header.Get("X-Request-Id"))
}
