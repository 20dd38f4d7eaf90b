package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/lab/bench"
	"inventariolab/lab/report"
	"inventariolab/scenarios"
)

// benchScenarios are those whose metrics have goals.
var benchScenarios = []string{
	"replication", "app-failover", "replica-failover", "load",
	"app-pause", "app-rolling-restart", "replica-pause", "replica-partition", "source-failover",
}

func newBench() *cobra.Command {
	var o bench.Options
	var out string
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what the reference stack promises, as ratios and with the spread",
		Long: `bench measures how soon the stack is ready, its memory, the share of a bare Go
handler's requests a second that its pages reach behind the same NGINX, and what
a client notices of failures. It takes about half an hour, most of
it the repeated deaths of the source; close other programs.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			root, err := os.Getwd()
			if err != nil {
				return err
			}
			if _, err := os.Stat(filepath.Join(root, "lab", "bench", "bare")); err != nil {
				return lab.Hint(fmt.Errorf("bench: %w", err), "Run it in the repository's folder: make bench.")
			}
			o.Root = root
			if o.Topology, err = scenarios.Topology(); err != nil {
				return err
			}
			o.Faults = slices.DeleteFunc(scenarios.All(), func(s lab.Scenario) bool { return !slices.Contains(benchScenarios, s.Name) })
			live := newProgress(c.ErrOrStderr(), report.English, nil)
			defer live.stop()
			o.Progress = live.line
			figures, err := bench.Run(c.Context(), o)
			if err != nil {
				return err
			}
			live.stop()
			if out != "" {
				if err := writeResults(out, figures, lab.ThisMachine(c.Context())); err != nil {
					return err
				}
			}
			return bench.Table(c.OutOrStdout(), figures)
		},
	}
	fl := c.Flags()
	fl.IntVar(&o.Starts, "starts", bench.DefaultStarts, "stack starts that are timed")
	fl.IntVar(&o.Rounds, "rounds", bench.DefaultRounds, "interleaved rounds of load")
	fl.IntVar(&o.Repeats, "repeats", bench.DefaultRepeats, "runs of each fault scenario")
	fl.IntVar(&o.Failovers, "failovers", bench.DefaultFailovers, "runs of the scenario in which the source dies")
	fl.IntVarP(&o.Requests, "requests", "n", bench.DefaultRequests, "requests a round and page")
	fl.IntVarP(&o.Clients, "concurrency", "c", bench.DefaultClients, "concurrent clients")
	fl.StringVarP(&out, "out", "o", "", "also write the table to this Markdown file")
	return c
}

// writeResults writes docs/results.md: the figures and the machine that they
// were measured on.
func writeResults(path string, figures []bench.Figure, m lab.Machine) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\nMade by `make bench` on %s: %s, %d cores, %d GiB, %s.\n", time.Now().UTC().Format("2006-01-02"),
		m.CPU, m.Cores, (m.MemoryMB+512)/1024, m.OS)
	b.WriteString("The load generator runs on the same cores as the stack. Rates depend on the machine and its neighbours:\n" +
		"the ratios, taken within one round each, are what can be compared. A goal on failures holds when every\nrepeat keeps to it, any other when the median does. The inventory page is served mostly from the app's cache of\nrendered lists, which lives as long as nothing changes and two seconds at most (PAGE_CACHE=false turns it off).\n\n")
	if err := bench.Markdown(&b, figures); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
