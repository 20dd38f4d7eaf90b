package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Times of a health check.
const (
	healthTimeout = 2 * time.Second        // one look
	watchReady    = 50 * time.Second       // how long `watch` waits for the first success
	watchFor      = 30 * time.Second       // how long it stays afterwards
	watchSoon     = 250 * time.Millisecond // between two looks before the first success
	watchAgain    = time.Second            // after a look that failed
	watchCalm     = 5 * time.Second        // after one that succeeded
)

// healthMark says that the last watch ended well. It lies on a tmpfs, which is
// empty after a restart, and a watch takes it away for as long as it stays: so
// it is gone as well when the engine broke the watch off, as it does when the
// container is paused. It then calls the container unhealthy until the next
// report, which must come at once.
const healthMark = "/run/inventory/healthy"

// healthURL is where the instance on this host answers whether it is ready.
func healthURL(environ []string) (string, error) {
	cfg := struct {
		Listen listenAddr `env:"LISTEN" envDefault:":8080"`
	}{}
	if err := env.ParseWithOptions(&cfg, env.Options{Environment: env.ToMap(environ)}); err != nil {
		return "", &usageError{fmt.Errorf("bad configuration: %w", err), "LISTEN=:8080"}
	}
	host, port, _ := net.SplitHostPort(string(cfg.Listen))
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/readyz", nil
}

// watch is what Docker's health check runs. Starting a check inside a
// container costs the engine more than the check itself, so one start does for
// many: before the first success it asks a few times a second and returns at
// once when ready; afterwards it stays for half a minute, and ends early when
// two looks in a row fail.
func watch(ctx context.Context, url, mark string) error {
	if _, err := os.Stat(mark); err != nil {
		ctx, cancel := context.WithTimeout(ctx, watchReady)
		defer cancel()
		var why error
		for {
			err := look(ctx, url)
			if err == nil {
				return os.WriteFile(mark, nil, 0o600)
			}
			if why == nil || ctx.Err() == nil {
				why = err // the last answer says more than that the time is up
			}
			if !pause(ctx, watchSoon) {
				return why
			}
		}
	}
	if err := os.Remove(mark); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if err := stay(ctx, url); err != nil {
		return err
	}
	return os.WriteFile(mark, nil, 0o600)
}

// stay looks for half a minute, and fails when two looks in a row do.
func stay(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, watchFor)
	defer cancel()
	failed := 0
	for wait := watchCalm; ; {
		err := look(ctx, url)
		switch {
		case ctx.Err() != nil:
			return nil // the time is up, not the instance down
		case err == nil:
			failed, wait = 0, watchCalm
		case failed == 1:
			return err
		default:
			failed, wait = 1, watchAgain
		}
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// pause waits; false when ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// look asks once. The image has no shell and no curl, so the program does it
// itself.
func look(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
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
