package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

const healthTimeout = 2 * time.Second

// healthcheck asks the instance on this host whether it is ready. The image
// has no shell and no curl, so the program does it itself.
func healthcheck(ctx context.Context, environ []string) error {
	cfg := struct {
		Listen listenAddr `env:"LISTEN" envDefault:":8080"`
	}{}
	if err := env.ParseWithOptions(&cfg, env.Options{Environment: env.ToMap(environ)}); err != nil {
		return &usageError{fmt.Errorf("bad configuration: %w", err), "LISTEN=:8080"}
	}
	host, port, _ := net.SplitHostPort(string(cfg.Listen))
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, port) + "/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("check %s: %w", url, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("check readiness: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if resp.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("not ready: %s: %s", resp.Status, strings.TrimSpace(string(body))), err)
	}
	return nil
}
