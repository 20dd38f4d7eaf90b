package calibrate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"inventariolab/lab"
)

// Write prints what was measured, what was left out, and the verdicts.
func Write(w io.Writer, modes []Mode, missing []Missing, checks []lab.Check) error {
	var b strings.Builder
	for _, m := range modes {
		fmt.Fprintf(&b, "%s: median (least – most)\n", m)
		tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tw, "  generator\trequests/s\tp50 ms\tp99 ms\tCPU µs\trate ÷ ab\tp50 ÷ ab\tp99 ÷ ab\tCPU ÷ ab")
		for _, r := range m.Rows {
			to := m.Compare(r.Name, AB)
			fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name,
				spread("%.0f", r.Rounds, func(x Measured) float64 { return x.Rate }),
				spread("%.2f", r.Rounds, func(x Measured) float64 { return ms(x.P50) }),
				spread("%.1f", r.Rounds, func(x Measured) float64 { return ms(x.P99) }),
				spread("%.0f", r.Rounds, func(x Measured) float64 { return 1000 * ms(x.CPU) }),
				ratio(to.Rate), ratio(to.P50), ratio(to.P99), ratio(to.CPU))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		for _, name := range sortedKeys(m.Out) {
			fmt.Fprintf(&b, "  left out: %s: %s\n", name, m.Out[name])
		}
		b.WriteString("\n")
	}
	b.WriteString("CPU is the generator's own processor time for a request. Ratios are taken round by round.\n")
	for _, x := range missing {
		fmt.Fprintf(&b, "not found: %s (%s). Not told without it: %s.\n", x.Name, x.Install, x.Lost)
	}
	b.WriteString("\n")
	for _, c := range checks {
		fmt.Fprintf(&b, "%-7s  %s: %s\n", strings.ToUpper(string(c.Verdict)), c.Name, c.Got)
		if c.Verdict != lab.Pass {
			fmt.Fprintf(&b, "         want %s\n         try  %s\n", c.Want, c.Hint)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func spread(format string, rounds []Measured, value func(Measured) float64) string {
	v := make([]float64, len(rounds))
	for i, r := range rounds {
		v[i] = value(r)
	}
	return spreadOf(format, v)
}

func ratio(v []float64) string { return spreadOf("%.2f", v) }

func spreadOf(format string, v []float64) string {
	if len(v) == 0 {
		return "–"
	}
	return fmt.Sprintf(format+" ("+format+" – "+format+")", median(v), slices.Min(v), slices.Max(v))
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
