package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/scenarios"
)

func newList() *cobra.Command {
	var lang string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, book, err := words(lang)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, s := range scenarios.All() {
				title := s.Title
				if s.ByName {
					title += " (by name, or with --all)"
				}
				title = book.Text(title)
				fmt.Fprintf(w, "%s\t%s\n", s.Name, title)
			}
			return w.Flush()
		},
	}
	c.Flags().StringVar(&lang, "lang", "en", "language of the titles: en or es")
	return c
}

func newReport() *cobra.Command {
	var lang string
	c := &cobra.Command{
		Use:   "report DIR",
		Short: "Render the report of a recorded run again (needs no Docker)",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return lab.Hint(fmt.Errorf("report takes one folder, got %d", len(args)), "`lab report reports/latest` renders the last run again.")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return finish(args[0], "", lang, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&lang, "lang", "en", "language of the report: en or es")
	return c
}
