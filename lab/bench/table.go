package bench

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"
)

// Table writes the figures as aligned columns: median, spread, number of
// repeats, goal and whether it was reached.
func Table(w io.Writer, figures []Figure) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "figure\tmedian\tleast – most\trepeats\tgoal\t")
	for _, f := range figures {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%s\t%s\n", f.Name, f.middle(), f.between(), len(f.Values), f.Goal, f.mark())
	}
	return tw.Flush()
}

// Markdown writes the figures as a table for docs/results.md.
func Markdown(w io.Writer, figures []Figure) error {
	if _, err := fmt.Fprintln(w, "| Figure | Median | Least – most | Repeats | Goal | |\n| :-- | --: | --: | --: | :-- | :-- |"); err != nil {
		return err
	}
	for _, f := range figures {
		if _, err := fmt.Fprintf(w, "| %s | %s | %s | %d | %s | %s |\n", f.Name, f.middle(), f.between(), len(f.Values), f.Goal, f.mark()); err != nil {
			return err
		}
	}
	return nil
}

func (f Figure) middle() string {
	if f.Unit == "" {
		return number(f.Median())
	}
	return number(f.Median()) + " " + f.Unit
}

func (f Figure) between() string {
	least, most := f.Spread()
	return number(least) + " – " + number(most)
}

func (f Figure) mark() string {
	switch {
	case f.Goal == "":
		return ""
	case f.Met:
		return "reached"
	}
	return "NOT REACHED"
}

// number shows three significant digits, and whole numbers whole.
func number(v float64) string {
	switch {
	case v == math.Trunc(v), math.Abs(v) >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case math.Abs(v) >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
