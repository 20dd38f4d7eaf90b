package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"inventariolab/app"
	"inventariolab/app/store"
	"inventariolab/app/web"
)

// Limits of the HTTP server. The idle time is longer than the proxy keeps its
// connections, so that it is always the proxy who ends them: a request can then
// not meet a connection that is just closing.
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 15 * time.Second
	replyTimeout  = 20 * time.Second // the event stream sets its own
	idleTimeout   = 90 * time.Second
	maxHeader     = 32 << 10

	lingerTimeout = 500 * time.Millisecond // for connections to end by themselves
	drainTimeout  = 8 * time.Second        // for the requests that are running

	retryFirst = 250 * time.Millisecond // between two tries to migrate, growing
	retryMost  = 5 * time.Second
)

// serve runs an instance until ctx ends, and then drains it.
func serve(ctx context.Context, cfg config, logs io.Writer) error {
	log := slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: cfg.LogLevel}))
	own := log.With(slog.String("instance", cfg.Instance))
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	cluster, err := store.NewCluster(store.Config{
		Servers: cfg.Servers, User: cfg.DBUser, Password: cfg.DBPassword, Database: cfg.DBName,
		Log: own, Metrics: registry,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err := cluster.Close(); err != nil {
			own.Warn("database connections did not close well", slog.Any("error", err))
		}
	}()
	site, err := web.New(web.Config{
		Instance: cfg.Instance, SessionKey: cfg.SessionKey, TrustedProxy: cfg.TrustedProxy,
		Products: store.NewProducts(cluster), Users: store.NewUsers(cluster), Health: cluster,
		Registry: registry, Logger: log, SecureCookies: cfg.SecureCookies, PageCache: cfg.PageCache,
	})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", string(cfg.Listen))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := newHTTPServer(site, log)
	own.Info("listening", slog.String("address", listener.Addr().String()))

	// The page answers /healthz from now on, and /readyz with 503 until the
	// tables are there and site.Run has read them.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	usable := make(chan struct{})
	group.Go(func() error {
		return migrate(ctx, cluster, store.Admin{Name: cfg.AdminUser, Password: cfg.AdminPassword}, own, usable)
	})
	group.Go(func() error {
		select {
		case <-usable:
			own.Info("serving")
			return site.Run(ctx)
		case <-ctx.Done():
			return nil
		}
	})
	group.Go(func() error {
		<-ctx.Done()
		own.Info("draining")
		site.Drain()
		return server.drain(own)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	own.Info("stopped")
	return nil
}

// migrate brings the tables up to date, however long it takes for the source
// to come. usable is closed as soon as reading makes sense: afterwards, or
// before it when there is no source but a replica has everything already.
func migrate(ctx context.Context, cluster *store.Cluster, admin store.Admin, log *slog.Logger, usable chan<- struct{}) error {
	open := func() {
		if usable != nil {
			close(usable)
			usable = nil
		}
	}
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		err := cluster.Migrate(ctx, admin)
		switch {
		case err == nil:
			if err := cluster.WaitReady(ctx); err == nil {
				open()
			}
			return nil
		case ctx.Err() != nil:
			return nil
		case app.CodeOf(err) != app.ECodeUnavailable:
			return err
		}
		if done, e := cluster.Migrated(ctx); e == nil && done && usable != nil {
			log.Warn("no database source: reading from replicas until it is back")
			open()
		}
		log.Info("waiting for the database source", slog.Any("error", err), slog.Duration("retry_in", wait))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}
