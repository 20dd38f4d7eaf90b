// Command inventory is one instance of the inventory application.
//
//	inventory              serve until SIGTERM or SIGINT
//	inventory healthcheck  exit 0 when the instance on this host is ready, else 1
//	inventory watch        the same for Docker's health check: many looks at the cost of one
//	inventory help         list the environment variables
//
// Everything is set by environment variables; see the type config.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1 // it did not work
	exitUsage   = 2 // the command line or the environment is wrong
)

// usageError is a mistake of the caller; hint says what to try.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is main without the process around it.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, environ, stdout)
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "inventory: %v\n", usage.err)
		if usage.hint != "" {
			fmt.Fprintf(stderr, "try: %s\n", usage.hint)
		}
		return exitUsage
	default:
		fmt.Fprintf(stderr, "inventory: %v\n", err)
		return exitFailure
	}
}

func dispatch(ctx context.Context, args, environ []string, stdout io.Writer) error {
	command := "serve"
	if len(args) > 0 {
		command = args[0]
	}
	if len(args) > 1 {
		return &usageError{fmt.Errorf("%s takes no arguments, got %q", command, args[1:]), "inventory help"}
	}
	switch command {
	case "serve":
		cfg, err := parseConfig(environ)
		if err != nil {
			return err
		}
		return serve(ctx, cfg, stdout)
	case "healthcheck", "watch":
		url, err := healthURL(environ)
		if err != nil {
			return err
		}
		if command == "watch" {
			return watch(ctx, url, healthMark)
		}
		return look(ctx, url)
	case "help", "-h", "--help":
		_, err := io.WriteString(stdout, help)
		return err
	}
	return &usageError{fmt.Errorf("unknown command %q", command), "inventory help"}
}
