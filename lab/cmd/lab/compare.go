package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/lab/compare"
	"inventariolab/lab/report"
)

// readingGC is how many per cent the heap may grow between two collections while
// records are read; see report.ReadDir.
const readingGC = 15

func newCompare() *cobra.Command {
	var markdown bool
	var only string
	c := &cobra.Command{
		Use:   "compare A B [C…] | A1 A2… -- B1 B2… [-- C1…]",
		Short: "Say which metrics of recorded runs differ beyond noise (needs no Docker)",
		Long: `compare reads the folders of two or more runs and compares each with the first, by a
statistical test over the samples within each run. With -- between them, folders
are repetitions: the sides are compared by a test over their runs, which knows how
much two sittings differ by themselves and takes four runs a side or more. It
exits with 0 when it could compare, whether the runs differ or not, and with 2
when it could not.`,
		Example: `  lab compare reports/2026-05-04T10-00-00Z reports/latest
  lab compare --markdown before after > comparison.md
  lab compare --only 'load .*p99' a1 a2 a3 a4 -- b1 b2 b3 b4`,
		RunE: func(c *cobra.Command, args []string) error {
			dirs := splitGroups(args, c.ArgsLenAtDash())
			if len(dirs) < 2 {
				return lab.Hint(fmt.Errorf("compare takes two folders or more, got %d", len(args)), "`lab compare BEFORE AFTER` compares two runs.")
			}
			var wanted *regexp.Regexp
			if only != "" {
				var err error
				if wanted, err = regexp.Compile(only); err != nil {
					return lab.Hint(fmt.Errorf("read --only: %w", err), "It is a regular expression over \"scenario metric\", such as 'load .*p99'.")
				}
			}
			// A run is read whole, and of it little is kept.
			defer debug.SetGCPercent(debug.SetGCPercent(readingGC))
			groups := make([][]*compare.Side, len(dirs))
			for i, group := range dirs {
				for _, dir := range group {
					side, err := readSide(dir)
					if err != nil {
						return err
					}
					groups[i] = append(groups[i], side)
				}
			}
			result, err := compare.Groups(groups, wanted)
			if err != nil {
				return lab.Hint(err, "Compare runs of the same scenarios, each named once; without --only all metrics are compared.")
			}
			if markdown {
				return result.Markdown(c.OutOrStdout())
			}
			return result.Text(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "write Markdown")
	c.Flags().StringVar(&only, "only", "", "compare only the metrics whose \"scenario metric\" matches this regular expression")
	return c
}

// splitGroups cuts the arguments at each --, of which the first was taken out at
// dash. Without any, each folder stands alone.
func splitGroups(args []string, dash int) [][]string {
	var groups [][]string
	if dash < 0 {
		for _, a := range args {
			groups = append(groups, []string{a})
		}
		return groups
	}
	groups = append(groups, args[:dash])
	var next []string
	for _, a := range args[dash:] {
		if a == "--" {
			groups, next = append(groups, next), nil
			continue
		}
		next = append(next, a)
	}
	return append(groups, next)
}

func readSide(dir string) (*compare.Side, error) {
	run, err := lab.ReadRun(filepath.Join(dir, report.EventsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, lab.Hint(fmt.Errorf("%s has no record (%s)", dir, report.EventsFile), "Name the folder of a run, such as reports/latest.")
	}
	if err != nil {
		return nil, lab.Hint(err, fmt.Sprintf("`lab report %s` renders what is whole of it.", dir))
	}
	side := compare.Take(dir, run)
	run = nil
	runtime.GC() // or the next run would be read beside this one
	return side, nil
}
