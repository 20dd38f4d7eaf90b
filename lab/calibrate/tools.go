package calibrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"inventariolab/lab/probe"
)

// Missing is a tool that was not found.
type Missing struct {
	Name    string
	Install string // how to get it
	Lost    string // what cannot be told without it
}

// runLimit is how long one run of one tool may take.
const runLimit = 2 * time.Minute

// Find lists the generators of this machine: the tools on the PATH, and hey's
// library and the lab's own, which are always there. Those that are held against
// each other are neighbours: what the machine does to one run, it does to the next
// rather than to one ten seconds later.
func Find() (found []Generator, missing []Missing) {
	tools := []struct {
		make func(path string) Generator
		Missing
	}{
		{func(p string) Generator { return wrk{p} }, Missing{Wrk, "apt-get install wrk, or brew install wrk", "how far a generator in C with many threads gets; no verdict depends on it"}},
		{func(p string) Generator { return heyTool{p} }, Missing{Hey, "go install github.com/rakyll/hey@latest", "nothing much: its library is here and is measured"}},
		{func(p string) Generator { return ab{p} }, Missing{AB, "apt-get install apache2-utils (macOS has it)", "whether ours agrees with it and is as fast: it is the yardstick"}},
	}
	for _, t := range tools {
		if t.Name == AB {
			found = append(found, heyLibrary{})
		}
		path, err := exec.LookPath(t.Name)
		if err != nil {
			missing = append(missing, t.Missing)
			continue
		}
		found = append(found, t.make(path))
	}
	return append(found, ours{}), missing
}

// sameID is the request id of the tools that can only send one: the lab's
// generator sends one too, and a request with a header more takes the stack longer.
const sameID = probe.RequestIDHeader + ": lab-000000000000"

// Names of the generators.
const (
	AB         = "ab"
	Wrk        = "wrk"
	Hey        = "hey"
	HeyLibrary = "hey (library)"
	Ours       = "ours"
)

type ab struct{ path string }

// Name implements Generator.
func (ab) Name() string { return AB }

// Fresh implements Generator.
func (ab) Fresh() bool { return true }

// Run implements Generator.
func (a ab) Run(ctx context.Context, j Job) (Measured, error) {
	dir, err := os.MkdirTemp("", "calibrate-ab-")
	if err != nil {
		return Measured{}, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "percentiles.csv")
	// -l: answers may differ in length, the instances print their names.
	args := []string{"-q", "-l", "-n", strconv.Itoa(j.Requests), "-c", strconv.Itoa(j.Clients), "-e", file, "-H", sameID}
	if j.KeepAlive {
		args = append(args, "-k")
	}
	out, cpu, err := tool(ctx, a.path, append(args, j.URL)...)
	if err != nil {
		return Measured{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return Measured{}, fmt.Errorf("read its percentiles: %w", err)
	}
	defer f.Close()
	m, err := parseAB(out, f)
	return m.with(cpu), err
}

type wrk struct{ path string }

// Name implements Generator.
func (wrk) Name() string { return Wrk }

// Fresh implements Generator.
func (wrk) Fresh() bool { return false }

// Run implements Generator. wrk counts seconds, not requests: it gets as many
// whole seconds as the run before took.
func (w wrk) Run(ctx context.Context, j Job) (Measured, error) {
	secs := max(1, int(math.Round(j.About.Seconds())))
	out, cpu, err := tool(ctx, w.path, "--latency", "-t", strconv.Itoa(min(runtime.NumCPU(), j.Clients)),
		"-c", strconv.Itoa(j.Clients), "-d", strconv.Itoa(secs)+"s", "-H", sameID, j.URL)
	if err != nil {
		return Measured{}, err
	}
	m, err := parseWrk(out)
	return m.with(cpu), err
}

type heyTool struct{ path string }

// Name implements Generator.
func (heyTool) Name() string { return Hey }

// Fresh implements Generator.
func (heyTool) Fresh() bool { return true }

// Run implements Generator.
func (h heyTool) Run(ctx context.Context, j Job) (Measured, error) {
	args := []string{"-n", strconv.Itoa(j.Requests), "-c", strconv.Itoa(j.Clients), "-disable-compression", "-disable-redirects", "-H", sameID}
	if !j.KeepAlive {
		args = append(args, "-disable-keepalive")
	}
	out, cpu, err := tool(ctx, h.path, append(args, j.URL)...)
	if err != nil {
		return Measured{}, err
	}
	m, err := parseHey(out)
	return m.with(cpu), err
}

// with adds the processor time of the run.
func (m Measured) with(cpu time.Duration) Measured {
	if n := m.Answered + m.Failed; n > 0 {
		m.CPU = cpu / time.Duration(n)
	}
	return m
}

// tool runs a program and returns what it printed and its processor time.
func tool(ctx context.Context, path string, args ...string) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", 0, fmt.Errorf("it took longer than %v", runLimit)
		}
		text := strings.Join(strings.Fields(errs.String()+" "+out.String()), " ")
		if len(text) > 300 {
			text = "…" + text[len(text)-300:]
		}
		return "", 0, errors.New(err.Error() + ": " + text)
	}
	return out.String(), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
