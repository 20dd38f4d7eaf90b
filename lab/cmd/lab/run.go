package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/lab/report"
	"inventariolab/lab/stack"
	"inventariolab/scenarios"
)

type runFlags struct {
	files       []string
	topology    string
	out         string
	title       string
	author      string
	lang        string
	requests    int
	concurrency int
}

func newRun(args []string) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [NAME…]",
		Short: "Bring the stack up, run scenarios (all of them if none is named), write a report, remove the stack",
		Example: `  lab run
  lab run weights headers
  lab run --author "Ada" --title "Práctica 3" --lang es
  lab run --file my/docker-compose.yml --topology my/topology.yaml weights`,
		RunE: func(c *cobra.Command, names []string) error {
			return doRun(c.Context(), f, names, args, c.OutOrStdout(), c.ErrOrStderr())
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return scenarioNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	fl := c.Flags()
	fl.StringArrayVarP(&f.files, "file", "f", nil, "Compose file (default: docker-compose.yml here or above; repeat to merge)")
	fl.StringVar(&f.topology, "topology", "", "what is expected of the stack (default: the reference stack's)")
	fl.StringVarP(&f.out, "out", "o", "reports", "folder for the reports")
	fl.StringVar(&f.title, "title", "", "title of the report, for an assignment")
	fl.StringVar(&f.author, "author", "", "author of the report, for an assignment")
	fl.StringVar(&f.lang, "lang", "en", "language of the report: en or es (what scenarios say of themselves stays English)")
	fl.IntVarP(&f.requests, "requests", "n", lab.DefaultRequests, "requests of the load scenario, per page and kind")
	fl.IntVarP(&f.concurrency, "concurrency", "c", lab.DefaultConcurrency, "concurrent clients of the load scenario")
	return c
}

func (f runFlags) check() error {
	switch {
	case f.requests < 1:
		return lab.Hint(fmt.Errorf("--requests is %d", f.requests), "It must be 1 or more.")
	case f.concurrency < 1 || f.concurrency > f.requests:
		return lab.Hint(fmt.Errorf("--concurrency is %d with --requests %d", f.concurrency, f.requests),
			"It must be between 1 and the number of requests.")
	}
	_, err := report.ParseLang(f.lang)
	return err
}

// readTopology reads what is expected of the stack; "" means the reference stack.
func readTopology(path string) (*lab.Topology, error) {
	if path == "" {
		return scenarios.Topology()
	}
	t, err := lab.ReadTopology(path)
	return t, lab.Hint(err, "scenarios/topology.yaml is an example of a topology file.")
}

// pick finds the named scenarios, in the order of the catalogue.
func pick(names []string) ([]lab.Scenario, error) {
	all := scenarios.All()
	if len(names) == 0 {
		return all, nil
	}
	known := scenarioNames()
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, lab.Hint(fmt.Errorf("no scenario is named %q", n), "The scenarios are: "+strings.Join(known, ", ")+".")
		}
	}
	return slices.DeleteFunc(all, func(s lab.Scenario) bool { return !slices.Contains(names, s.Name) }), nil
}

func scenarioNames() []string {
	var names []string
	for _, s := range scenarios.All() {
		names = append(names, s.Name)
	}
	return names
}

func doRun(ctx context.Context, f runFlags, names, args []string, stdout, stderr io.Writer) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	chosen, err := pick(names)
	if err != nil {
		return err
	}
	topology, err := readTopology(f.topology)
	if err != nil {
		return err
	}
	live := newProgress(stderr)
	defer live.stop()
	st, err := stack.Up(ctx, stack.Options{Files: f.files, Expect: topology.Services(), Progress: live.line})
	if err != nil {
		return err
	}
	topology.Resolve(st.Getenv)
	down := func() error {
		dctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return st.Down(dctx)
	}
	defer func() { err = errors.Join(err, down()) }() // also when something panics

	dir, record, err := newRecord(f.out)
	if err != nil {
		return err
	}
	start := time.Now()
	rec := lab.NewRecorder(record, start, live.event)
	machine := lab.ThisMachine(ctx)
	machine.Docker = fmt.Sprintf("%s (API %s)", st.Engine().Version, st.Engine().API)
	rec.Run(lab.RunInfo{Started: start.UTC(), Command: commandLine(args), Title: f.title, Author: f.author, Machine: machine})
	rec.Stack(lab.StackInfo{
		Project: st.Project(), ReadyS: st.Ready().Seconds(), Base: st.Base(),
		Versions: st.Versions(ctx, topology), Expected: topology,
	})
	env := &lab.Env{Stack: st, Topology: topology, Options: lab.Options{Requests: f.requests, Concurrency: f.concurrency}}
	lab.RunAll(ctx, env, rec, chosen)
	if err := rec.Close(); err != nil {
		return lab.Hint(err, "Is the disk full?")
	}
	live.line("removing the stack")
	if err := down(); err != nil {
		return err
	}
	live.stop()
	return finish(dir, f.out, f.lang, stdout)
}

// newRecord makes reports/<UTC time>/events.jsonl.
func newRecord(out string) (string, *os.File, error) {
	stamp := time.Now().UTC().Format("2006-01-02T15-04-05Z")
	dir := filepath.Join(out, stamp)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", nil, lab.Hint(fmt.Errorf("make the report folder: %w", err), "Choose another one with --out.")
	}
	// Two runs may start in the same second.
	for n := 2; ; n++ {
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrExist) {
			return "", nil, fmt.Errorf("make the report folder: %w", err)
		}
		dir = filepath.Join(out, fmt.Sprintf("%s-%d", stamp, n))
	}
	f, err := os.Create(filepath.Join(dir, report.EventsFile))
	if err != nil {
		return "", nil, fmt.Errorf("make the record: %w", err)
	}
	return dir, f, nil
}

// finish renders the record and tells the result.
func finish(dir, out, lang string, stdout io.Writer) error {
	l, err := report.ParseLang(lang)
	if err != nil {
		return err
	}
	run, bad := report.ReadDir(dir, report.In(l))
	if run == nil {
		return bad
	}
	// Of a damaged record what is whole was rendered; tell that, then the damage.
	if out != "" {
		if err := report.Latest(out, dir); err != nil {
			return err
		}
		if page := os.Getenv(report.JobSummaryVar); page != "" {
			if err := report.JobSummary(page, run, report.In(l)); err != nil {
				return err
			}
		}
	}
	if err := report.Summary(stdout, run, isTerminal(stdout), report.In(l), report.At(dir)); err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	if run.Verdict != lab.Pass {
		return verdictError{run.Verdict}
	}
	return nil
}

// commandLine is what a reader types to get the same run.
func commandLine(args []string) string {
	words := []string{"go", "run", "./lab/cmd/lab"}
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n\"'`$\\*?[](){}<>|&;#~!") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}
