package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/stack"
	"inventariolab/lab/stack/stacktest"
)

// TestBreakAndHeal runs the commands on a small stack that is left running.
func TestBreakAndHeal(t *testing.T) {
	e, err := stack.Connect(t.Context())
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("nothing may skip in CI: %v", err)
		}
		t.Skipf("it needs a Docker engine: %v", err)
	}
	defer e.Close()
	stacktest.Turn(t)
	t.Setenv("INVENTARIO_STATE", t.TempDir())
	const project = "inventario-lab-byhand"
	dir := filepath.Join("..", "..", "stack", "testdata", "tiny")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", "tiny", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() {
		_, err := e.RemoveProject(context.Background(), project)
		assert.NoError(t, err)
	})
	s, err := stack.Up(t.Context(), stack.Options{Files: []string{filepath.Join(dir, "docker-compose.yml")}, Keep: true, Project: project})
	require.NoError(t, err)
	require.NoError(t, s.Release(t.Context()))

	lab := func(ctx context.Context, args ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := execute(ctx, args, &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
	for _, c := range []struct {
		why            string
		args           string
		code           int
		stdout, stderr string // regular expressions
	}{
		{"nothing is broken yet", "heal -p byhand", 0, `^nothing to heal\n$`, ``},
		{"broken until healed", "break kill one -p byhand", 0, "^in effect: kill one \\(exit_code 137\\)\nIt stays broken until `lab heal`.\n$", `breaking: kill one`},
		{"a second fault does not heal the first", "break loss two --loss 30 -p byhand", 0, `in effect: loss two \(30 %\)`, ``},
		{"the same once more", "break loss two --loss 30 -p byhand", 2, `^$`, `lab: error: .*in effect already\nlab: try: Heal it first`},
		{"what is down cannot be broken", "break pause one -p byhand", 2, `^$`, `one does not run \(exited\)\nlab: try: `},
		{"a fault by name", "heal loss -p byhand", 0, `^healed: loss two \(30 %\)\n$`, ``},
		{"what is on a service", "heal one -p byhand", 0, `^healed: kill one\n$`, ``},
		{"for a time", "break pause one --for 1s -p byhand", 0, `^healed: pause one\n$`, `in effect: pause one; heals in 1s`},
		{"not possible here", "break bad-config one -p byhand", 2, `^skipped: bad-config one: not possible here: one runs no NGINX\n$`, ``},
		{"no such service", "break kill three -p byhand", 2, `^$`, `"three".*\nlab: try: The services are: one, two.`},
		{"no such service", "heal kill three -p byhand", 2, `^$`, `"three".*\nlab: try: `},
		{"services are completed", "__complete break kill -p byhand ", 0, `^one\ntwo\n:4\n`, ``},
		{"and peers", "__complete break partition one -p byhand --from ", 0, `^one\ntwo\n:4\n`, ``},
		{"and what is broken", "__complete heal -p byhand ", 0, `^:4\n`, ``},
		{"no such stack", "break kill one -p nowhere", 2, `^$`, "find stack nowhere: it has no containers\nlab: try: `lab up`"},
	} {
		t.Run(c.why, func(t *testing.T) {
			args := strings.Split(strings.ReplaceAll(c.args, "-p byhand", "-p "+project), " ")
			code, stdout, stderr := lab(t.Context(), args...)
			assert.Equal(t, c.code, code, "%s%s", stdout, stderr)
			assert.Regexp(t, regexp.MustCompile(c.stdout), stdout)
			assert.Regexp(t, regexp.MustCompile(c.stderr), stderr)
		})
	}

	t.Run("Ctrl-C heals at once, and what another command broke is left to it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		type result struct {
			code   int
			stdout string
		}
		done := make(chan result)
		go func() {
			code, stdout, _ := lab(ctx, "break", "pause", "one", "--for", "10m", "-p", project)
			done <- result{code, stdout}
		}()
		require.Eventually(t, func() bool {
			out, err := exec.Command("docker", "inspect", "-f", "{{.State.Status}}", project+"-one-1").Output()
			return err == nil && strings.TrimSpace(string(out)) == "paused"
		}, time.Minute, 100*time.Millisecond)
		code, stdout, _ := lab(t.Context(), "heal", "-p", project)
		assert.Equal(t, 0, code)
		assert.Equal(t, "left alone: pause one; the command that broke it still runs and will heal it\n", stdout)
		code, stdout, _ = lab(t.Context(), "break", "kill", "two", "--for", "1ms", "-p", project)
		assert.Equal(t, 0, code, "another fault beside it")
		assert.Equal(t, "healed: kill two\n", stdout)
		cancel()
		r := <-done
		assert.Equal(t, 0, r.code)
		assert.Equal(t, "healed: pause one\n", r.stdout)
	})
	left, err := os.ReadDir(os.Getenv("INVENTARIO_STATE"))
	require.NoError(t, err)
	for _, f := range left {
		assert.NotContains(t, f.Name(), ".faults", "the journal is empty")
	}
}
