package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// build makes one image with the classic builder, which every engine has.
func (e *Engine) build(ctx context.Context, name string, b *types.BuildConfig, in inputs, labels map[string]string, progress func(string)) error {
	progress(fmt.Sprintf("making image %s", name))
	began := time.Now()
	before, err := e.imageID(ctx, name)
	if err != nil {
		return err
	}
	pr, pw := io.Pipe()
	go func() { _ = pw.CloseWithError(in.tar(pw)) }()
	defer pr.Close()
	res, err := e.cli.ImageBuild(ctx, pr, client.ImageBuildOptions{
		Tags: []string{name}, Dockerfile: in.dockerfile, BuildArgs: b.Args, Target: b.Target,
		Labels: labels, Remove: true, ForceRemove: true, Version: build.BuilderV1,
	})
	if err != nil {
		return fmt.Errorf("make image %s: %w", name, err)
	}
	defer res.Body.Close()
	if err := follow(res.Body, func(step string) { progress("  " + name + ": " + step) }); err != nil {
		return lab.Hint(fmt.Errorf("make image %s: %w", name, err),
			"The last lines of the build are above. If a download failed, run again: what was made is kept.")
	}
	// The image that this one replaces would stay as a nameless leftover.
	if after, err := e.imageID(ctx, name); err == nil && before != "" && before != after {
		_, _ = e.cli.ImageRemove(ctx, before, client.ImageRemoveOptions{PruneChildren: true}) // still used by a stack: stays
	}
	progress(fmt.Sprintf("made image %s in %.0f s", name, time.Since(began).Seconds()))
	return nil
}

// buildTail is how many output lines of a failed build stand in its error.
const buildTail = 15

// follow reads the builder's messages, tells the steps, and turns the
// builder's error into one that carries the last lines.
func follow(r io.Reader, step func(string)) error {
	var tail []string
	dec := json.NewDecoder(r)
	for {
		var m struct {
			Stream string `json:"stream"`
			Error  string `json:"error"`
		}
		if err := dec.Decode(&m); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read the builder's answer: %w", err)
		}
		if m.Error != "" {
			return fmt.Errorf("%s\n    %s", m.Error, strings.Join(tail, "\n    "))
		}
		for line := range strings.Lines(m.Stream) {
			line = strings.TrimSpace(line)
			switch {
			case line == "" || strings.HasPrefix(line, "--->"):
				continue
			case strings.HasPrefix(line, "Step "):
				step(shorten(line, 100))
			}
			if tail = append(tail, line); len(tail) > buildTail {
				tail = tail[1:]
			}
		}
	}
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// compileApp compiles the inventory app for the engine's platform into
// dist/inventory: Go is here anyway, and a static binary needs no base image.
func (e *Engine) compileApp(ctx context.Context, dir string, progress func(string)) error {
	goCmd, err := exec.LookPath("go")
	if err != nil {
		return lab.Hint(fmt.Errorf("compile the app: %w", errNoGo),
			"Install Go, or set APP_TARGET=source to compile in a container (this needs a container registry).")
	}
	out := filepath.Join(dir, "dist", "inventory")
	if !exists(out) {
		progress("compiling the app (the first time takes a minute)")
	}
	cmd := exec.CommandContext(ctx, goCmd, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "./app/cmd/inventory")
	cmd.Dir = dir
	// Test flags that a parent `go test` put into GOFLAGS (-race, -cover) are
	// not for a static binary.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+e.Arch, "GOFLAGS=")
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the app: %w\n%s", err, strings.TrimSpace(string(b)))
	}
	return nil
}
