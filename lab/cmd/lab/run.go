package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
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
	all         bool
	rate        float64
	length      time.Duration
	profile     string
	goalP99     time.Duration
	goalErrors  float64
}

func newRun(args []string) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [NAME…]",
		Short: "Bring the stack up, run scenarios (the core ones if none is named), write a report, remove the stack",
		Example: `  lab run
  lab run weights headers
  lab run --all
  lab run load --rate 2000 --for 10m
  lab run --author "Ada" --title "Práctica 3" --lang es
  lab run --file my/docker-compose.yml --topology my/topology.yaml weights`,
		RunE: func(c *cobra.Command, names []string) error {
			if err := f.checkLong(c.Flags().Changed); err != nil {
				return err
			}
			return doRun(c.Context(), f, names, args, c.OutOrStdout(), c.ErrOrStderr())
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return scenarioNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	fl := c.Flags()
	fl.StringArrayVarP(&f.files, "file", "f", nil, "Compose file (default: docker-compose.yml here or above; repeat to merge)")
	fl.BoolVar(&f.all, "all", false, "run every scenario, also those that take long")
	fl.StringVar(&f.topology, "topology", "", "what is expected of the stack (default: the reference stack's)")
	fl.StringVarP(&f.out, "out", "o", "reports", "folder for the reports")
	fl.StringVar(&f.title, "title", "", "title of the report, for an assignment")
	fl.StringVar(&f.author, "author", "", "author of the report, for an assignment")
	fl.StringVar(&f.lang, "lang", "en", "language of the report and of the progress: en or es")
	fl.IntVarP(&f.requests, "requests", "n", lab.DefaultRequests, "requests of the load scenario, per page and kind")
	fl.IntVarP(&f.concurrency, "concurrency", "c", lab.DefaultConcurrency, "concurrent clients of the load scenario")
	fl.Float64Var(&f.rate, "rate", 0, "instead of its usual loads, the load scenario sends one open loop of so many requests a second")
	fl.DurationVar(&f.length, "for", defaultLong, "how long --rate is kept")
	fl.StringVar(&f.profile, "profile", lab.DefaultProfile, "who visits in the capacity scenario, and with --rate: home, inventory or mixed")
	fl.DurationVar(&f.goalP99, "goal-p99", lab.DefaultGoalP99MS*time.Millisecond, "goal of the capacity scenario: 99 of 100 answers within this time")
	fl.Float64Var(&f.goalErrors, "goal-errors", lab.DefaultGoalErrors, "goal of the capacity scenario: the share of failed requests at most, 0.01 is 1 %")
	_ = c.RegisterFlagCompletionFunc("profile", cobra.FixedCompletions(scenarios.Profiles, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (f runFlags) check() error {
	switch {
	case !slices.Contains(scenarios.Profiles, f.profile):
		return lab.Hint(fmt.Errorf("--profile is %q", f.profile), "The profiles are: "+strings.Join(scenarios.Profiles, ", ")+".")
	case f.goalP99 <= 0:
		return lab.Hint(fmt.Errorf("--goal-p99 is %v", f.goalP99), "Give a time such as 250ms.")
	case f.goalErrors < 0 || f.goalErrors > 1:
		return lab.Hint(fmt.Errorf("--goal-errors is %g", f.goalErrors), "It is a share, from 0 to 1: 0.01 is 1 %.")
	case f.requests < 1:
		return lab.Hint(fmt.Errorf("--requests is %d", f.requests), "It must be 1 or more.")
	case f.concurrency < 1 || f.concurrency > f.requests:
		return lab.Hint(fmt.Errorf("--concurrency is %d with --requests %d", f.concurrency, f.requests),
			"It must be between 1 and the number of requests.")
	}
	_, err := report.ParseLang(f.lang)
	return err
}

// defaultLong is how long --rate is kept if nothing is said.
const defaultLong = time.Minute

// checkLong checks --rate and what goes with it; changed says which flags were
// given.
func (f runFlags) checkLong(changed func(flag string) bool) error {
	if !changed("rate") {
		if changed("for") {
			return lab.Hint(fmt.Errorf("--for is %v without --rate", f.length), "It is how long a rate is kept: `lab run load --rate 200 --for 2m`.")
		}
		return nil
	}
	for _, other := range []string{"requests", "concurrency"} {
		if changed(other) {
			return lab.Hint(fmt.Errorf("--%s goes without --rate", other), "An open loop sends --rate times --for requests, whether or not they are answered.")
		}
	}
	return lab.Hint(scenarios.CheckLong(f.rate, f.length), "For example `lab run load --rate 2000 --for 10m`.")
}

// long puts the long load into the place of the usual one.
func (f runFlags) long(chosen []lab.Scenario) error {
	if f.rate == 0 {
		return nil
	}
	long := scenarios.LongLoad(f.profile, f.rate, f.length)
	i := slices.IndexFunc(chosen, func(s lab.Scenario) bool { return s.Name == long.Name })
	if i < 0 {
		return lab.Hint(fmt.Errorf("--rate goes with the scenario %s, which is not among those named", long.Name), "For example `lab run load --rate 2000 --for 10m`.")
	}
	chosen[i] = long
	return nil
}

func (f runFlags) options() lab.Options {
	return lab.Options{
		Requests: f.requests, Concurrency: f.concurrency,
		Profile: f.profile, GoalP99MS: float64(f.goalP99.Microseconds()) / 1000, GoalErrors: f.goalErrors,
	}
}

// readTopology reads what is expected of the stack; "" means the reference stack.
func readTopology(path string) (*lab.Topology, error) {
	if path == "" {
		return scenarios.Topology()
	}
	t, err := lab.ReadTopology(path)
	return t, lab.Hint(err, "scenarios/topology.yaml is an example of a topology file.")
}

// pick finds the named scenarios, in the order of the catalogue. Without a
// name it takes the core ones, or every one.
func pick(names []string, every bool) ([]lab.Scenario, error) {
	all := scenarios.All()
	switch {
	case every && len(names) > 0:
		return nil, lab.Hint(fmt.Errorf("--all goes without names, got %s", strings.Join(names, ", ")), "Leave out one or the other.")
	case every:
		return all, nil
	case len(names) == 0:
		return slices.DeleteFunc(all, func(s lab.Scenario) bool { return s.ByName }), nil
	}
	known := scenarioNames()
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, lab.Hint(fmt.Errorf("no scenario is named %q", n), "The scenarios are: "+strings.Join(known, ", ")+".")
		}
	}
	return slices.DeleteFunc(all, func(s lab.Scenario) bool { return !slices.Contains(names, s.Name) }), nil
}

// breaksByName says whether a scenario may need the tools of the network faults:
// the core ones do without.
func breaksByName(s lab.Scenario) bool { return s.ByName && s.Fault != "" }

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
	chosen, err := pick(names, f.all)
	if err != nil {
		return err
	}
	if err := f.long(chosen); err != nil {
		return err
	}
	topology, err := readTopology(f.topology)
	if err != nil {
		return err
	}
	lang, book, err := words(f.lang)
	if err != nil {
		return err
	}
	live := newProgress(stderr, lang, book)
	defer live.stop()
	st, err := stack.Up(ctx, stack.Options{Files: f.files, Expect: topology.Services(), Tools: slices.ContainsFunc(chosen, breaksByName), Progress: live.line})
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
	env := &lab.Env{Stack: st, Topology: topology, Options: f.options()}
	// Nearly all of the heap is what was recorded, and stays: the usual 100 would
	// double the memory of a long run.
	gc := debug.SetGCPercent(recordingGC)
	lab.RunAll(ctx, env, rec, chosen)
	debug.SetGCPercent(gc)
	if err := rec.Close(); err != nil {
		return lab.Hint(err, "Is the disk full?")
	}
	live.line("removing the stack")
	if err := down(); err != nil {
		return err
	}
	live.stop()
	debug.FreeOSMemory() // what was judged is read again from the file, and would lie beside itself
	return finish(dir, f.out, f.lang, stdout)
}

// recordingGC is how many per cent the heap may grow between two collections
// while scenarios run.
const recordingGC = 50

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
	l, book, err := words(lang)
	if err != nil {
		return err
	}
	// A run that has just ended is judged again as well: what its report says is
	// what everybody gets who renders the record later.
	run, bad := report.ReadDir(dir, report.In(l), report.Phrases(book), report.Judge(rejudge))
	if run == nil {
		return bad
	}
	// Of a damaged record what is whole was rendered; tell that, then the damage.
	if out != "" {
		if err := report.Latest(out, dir); err != nil {
			return err
		}
		if page := os.Getenv(report.JobSummaryVar); page != "" {
			if err := report.JobSummary(page, run, report.In(l), report.Phrases(book)); err != nil {
				return err
			}
		}
	}
	if err := report.Summary(stdout, run, isTerminal(stdout), report.In(l), report.Phrases(book), report.At(dir)); err != nil {
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

// rejudge judges a recorded run again with the catalogue's rules of today.
func rejudge(run *lab.Run) lab.Rejudgement { return lab.Rejudge(run, scenarios.All()) }

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
