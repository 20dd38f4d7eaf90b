// Package web is the HTTP face of the inventory: the pages, the JSON API, the
// live event stream and the operator's endpoints. It knows the domain
// (package app) through its interfaces only, and keeps no state that another
// instance would need: sessions are signed and encrypted cookies.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"inventariolab/app"
)

// MinSessionKey is the shortest Config.SessionKey that New accepts, in bytes.
const MinSessionKey = 16

// Config is what a Server needs. Instance, SessionKey, Products and Users are
// required.
type Config struct {
	Instance      string               // name shown in X-Served-By and on the pages
	SessionKey    string               // secret that all instances share; at least MinSessionKey bytes
	TrustedProxy  string               // comma list of host names, addresses or CIDR blocks whose X-Real-IP and X-Forwarded-Proto are believed; "" for none
	Products      app.Products         // the inventory
	Users         app.Users            // the accounts
	Health        app.Health           // state of the database servers; nil when there is nothing to show
	Registry      *prometheus.Registry // metrics are registered here and served at /metrics; nil makes a new one
	Logger        *slog.Logger         // nil means slog.Default
	SecureCookies bool                 // set Secure on every cookie, not only on those of https requests
	PageCache     bool                 // keep rendered lists in memory while the inventory stands still
}

// Server answers every route of the application. Run must be running for the
// live stream, the page cache and /readyz to work.
type Server struct {
	cfg      Config
	log      *slog.Logger
	handler  http.Handler
	foreign  http.HandlerFunc // answers what another site sent
	locales  locales
	assets   *assets
	pages    *pages
	sessions *sessions
	proxies  *proxies
	login    *loginGuard
	feed     *feed
	lists    *listCache
	metrics  *metrics
	cross    *http.CrossOriginProtection
	home     map[string]homePage // language → the whole public page

	draining  atomic.Bool
	drain     chan struct{} // closed by Drain
	drainOnce sync.Once
}

var _ http.Handler = (*Server)(nil)

// New checks cfg and prepares a Server; it does no input or output.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Instance == "":
		return nil, errors.New("configure web: Instance is empty; give every instance a name of its own")
	case len(cfg.SessionKey) < MinSessionKey:
		return nil, fmt.Errorf("configure web: SessionKey has %d bytes; give at least %d, the same to every instance", len(cfg.SessionKey), MinSessionKey)
	case cfg.Products == nil:
		return nil, errors.New("configure web: Products is nil")
	case cfg.Users == nil:
		return nil, errors.New("configure web: Users is nil")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	s := &Server{
		cfg:   cfg,
		log:   cfg.Logger.With("instance", cfg.Instance),
		cross: http.NewCrossOriginProtection(),
		drain: make(chan struct{}),
	}
	var err error
	if s.locales, err = loadLocales(); err != nil {
		return nil, fmt.Errorf("load texts: %w", err)
	}
	if s.assets, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("load static files: %w", err)
	}
	if s.pages, err = loadPages(s.locales, s.assets); err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	if s.sessions, err = newSessions(cfg.SessionKey, cfg.SecureCookies); err != nil {
		return nil, fmt.Errorf("derive session keys: %w", err)
	}
	if s.proxies, err = newProxies(cfg.TrustedProxy, nil); err != nil {
		return nil, fmt.Errorf("parse TrustedProxy: %w", err)
	}
	if s.login, err = newLoginGuard(cfg.Users); err != nil {
		return nil, fmt.Errorf("prepare login: %w", err)
	}
	if s.lists, err = newListCache(cfg.PageCache); err != nil {
		return nil, fmt.Errorf("prepare page cache: %w", err)
	}
	s.feed = newFeed(cfg.Products, cfg.Health, s.log)
	if s.metrics, err = newMetrics(cfg.Registry, s); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if err = s.renderHome(); err != nil {
		return nil, fmt.Errorf("render home page: %w", err)
	}
	s.handler = s.router()
	s.foreign = s.instrument("cross origin", s.refuse)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.commonHeaders(w.Header())
	if s.cross.Check(r) != nil {
		s.foreign(w, r)
		return
	}
	s.handler.ServeHTTP(w, r)
}

// Run watches the inventory for changes until ctx ends; it returns nil then.
// Call it once.
func (s *Server) Run(ctx context.Context) error {
	s.feed.run(ctx)
	return nil
}

// Drain makes /readyz answer 503 and ends the event streams, whose browsers
// then connect again, to another instance. Requests are still answered: call
// it, give the proxy a moment, then shut the http.Server down. It may be
// called more than once.
func (s *Server) Drain() {
	s.drainOnce.Do(func() {
		s.draining.Store(true)
		close(s.drain)
	})
}

// ready says why the instance cannot serve the inventory now; "" when it can.
func (s *Server) ready() string {
	if s.draining.Load() {
		return "draining: this instance is stopping"
	}
	return s.feed.trouble(time.Now())
}

// isAPI says whether a client of path expects JSON instead of a page.
func isAPI(path string) bool { return strings.HasPrefix(path, "/api/") }
