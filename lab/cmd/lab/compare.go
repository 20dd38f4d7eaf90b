package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/lab/compare"
	"inventariolab/lab/report"
)

func newCompare() *cobra.Command {
	var markdown bool
	c := &cobra.Command{
		Use:   "compare A B [C…]",
		Short: "Say which metrics of recorded runs differ beyond noise (needs no Docker)",
		Long: `compare reads the folders of two or more runs and compares each with the first, by a
statistical test over the samples. It exits with 0 when it could compare,
whether the runs differ or not, and with 2 when it could not.`,
		Example: `  lab compare reports/2026-05-04T10-00-00Z reports/latest
  lab compare --markdown before after > comparison.md`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return lab.Hint(fmt.Errorf("compare takes two folders or more, got %d", len(args)), "`lab compare BEFORE AFTER` compares two runs.")
			}
			return nil
		},
		RunE: func(c *cobra.Command, dirs []string) error {
			var sides []*compare.Side
			for _, dir := range dirs {
				run, err := lab.ReadRun(filepath.Join(dir, report.EventsFile))
				if errors.Is(err, fs.ErrNotExist) {
					return lab.Hint(fmt.Errorf("%s has no record (%s)", dir, report.EventsFile), "Name the folder of a run, such as reports/latest.")
				}
				if err != nil {
					return lab.Hint(err, fmt.Sprintf("`lab report %s` renders what is whole of it.", dir))
				}
				sides = append(sides, compare.Take(dir, run))
			}
			result, err := compare.Runs(sides)
			if err != nil {
				return lab.Hint(err, "Compare runs of the same scenarios.")
			}
			if markdown {
				return result.Markdown(c.OutOrStdout())
			}
			return result.Text(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "write Markdown")
	return c
}
