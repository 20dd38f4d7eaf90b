package store_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// DEV ONLY: replaced by stacktest.
func TestMain(m *testing.M) { os.Exit(m.Run()) }

type devStack struct{ project string }

func theStack(t testing.TB) devStack {
	t.Helper()
	p := os.Getenv("STORE_TEST_PROJECT")
	if p == "" {
		t.Skip("STORE_TEST_PROJECT")
	}
	return devStack{p}
}

func (s devStack) c(service string) string { return s.project + "_" + service + "_1" }

func (s devStack) Addr(ctx context.Context, service string, port int) (string, error) {
	out, err := exec.CommandContext(ctx, "docker", "port", s.c(service), fmt.Sprint(port)).Output()
	return strings.TrimSpace(string(out)), err
}

func (s devStack) Exec(ctx context.Context, service string, cmd ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "docker", append([]string{"exec", s.c(service)}, cmd...)...).CombinedOutput()
	return string(out), err
}

func (s devStack) kill(ctx context.Context, service string) error {
	return exec.CommandContext(ctx, "docker", "kill", s.c(service)).Run()
}

func (s devStack) heal(ctx context.Context, service string) error {
	return exec.CommandContext(ctx, "docker", "start", s.c(service)).Run()
}

// kill ends a service's container for the time of during.
func kill(t *testing.T, service string, during func()) {
	t.Helper()
	s := theStack(t)
	if err := s.kill(context.Background(), service); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.heal(context.Background(), service); err != nil {
			t.Fatal(err)
		}
	}()
	during()
}
