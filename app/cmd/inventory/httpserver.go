package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// httpServer is an http.Server that ends without cutting anybody off.
type httpServer struct {
	*http.Server
	draining atomic.Bool

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	none  chan struct{} // closed while draining, when the last connection has ended
}

func newHTTPServer(handler http.Handler, log *slog.Logger) *httpServer {
	s := &httpServer{conns: map[net.Conn]struct{}{}, none: make(chan struct{})}
	s.Server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.draining.Load() {
				w.Header().Set("Connection", "close")
			}
			handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      replyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnState:         s.track,
	}
	return s
}

func (s *httpServer) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[conn] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, conn)
		s.checkNone()
	}
}

// checkNone is called with s.mu held.
func (s *httpServer) checkNone() {
	if !s.draining.Load() || len(s.conns) > 0 {
		return
	}
	select {
	case <-s.none:
	default:
		close(s.none)
	}
}

// drain first answers with "Connection: close" for a moment, so that a proxy
// gives up its kept connections between two requests and not in the middle of
// one. Then it takes no new connections and waits for the running requests.
func (s *httpServer) drain(log *slog.Logger) error {
	s.mu.Lock()
	s.draining.Store(true)
	s.checkNone()
	s.mu.Unlock()
	linger := time.NewTimer(lingerTimeout)
	defer linger.Stop()
	select {
	case <-s.none:
	case <-linger.C:
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were still running at the end of the drain", slog.Duration("waited", drainTimeout))
		return s.Close()
	}
	if err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}
