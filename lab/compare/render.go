package compare

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// Text writes the comparison as an aligned table for the terminal.
func (r *Result) Text(w io.Writer) error {
	var b strings.Builder
	for i, g := range r.Groups {
		for k, s := range g {
			fmt.Fprintf(&b, "%s  %s\n", runName(r.Groups, i, k), s.Name)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "!  %s\n", n)
	}
	b.WriteString("\n")
	table := append([][]string{r.head()}, r.cells()...)
	widths := make([]int, len(table[0]))
	for _, line := range table {
		for i, c := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, line := range table {
		for i, c := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if i >= 2 { // numbers to the right
				c, pad = pad+c, ""
			}
			if i == len(line)-1 {
				pad = ""
			}
			b.WriteString(c + pad)
			if i < len(line)-1 {
				b.WriteString("  ")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n" + wrap(r.method(), 100) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks a text between words into lines of at most width characters.
func wrap(text string, width int) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i > 0 && at+1+n > width:
			b.WriteString("\n")
			at = 0
		case i > 0:
			b.WriteString(" ")
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// Markdown writes the comparison as a Markdown table.
func (r *Result) Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Comparison\n\n")
	for i, g := range r.Groups {
		for k, s := range g {
			fmt.Fprintf(&b, "- **%s**: %s\n", runName(r.Groups, i, k), escape(s.Name))
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "- ⚠ %s\n", escape(n))
	}
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + escape(c) + " ")
		}
		b.WriteString("|\n")
	}
	b.WriteString("\n")
	line(r.head())
	b.WriteString("|---|---|" + strings.Repeat("--:|", len(r.head())-2) + "\n")
	for _, cells := range r.cells() {
		line(cells)
	}
	b.WriteString("\n" + escape(r.method()) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// escape keeps a text from being taken for Markdown or HTML.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "&", "&amp;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "~", `\~`, "\n", " ").Replace(s)
}

func (r *Result) head() []string {
	head := []string{"scenario", "metric", "A"}
	for i := range r.Groups[1:] {
		head = append(head, letter(i+1), letter(i+1)+" against A")
	}
	if r.Repeated {
		return append(head, "runs")
	}
	return append(head, "samples (blocks)")
}

func (r *Result) cells() [][]string {
	var out [][]string
	for _, row := range r.Rows {
		line := []string{row.Scenario, row.Metric}
		var ns []string
		for i, v := range row.Values {
			line = append(line, v.String())
			if i > 0 {
				line = append(line, row.Against[i].String())
			}
			switch {
			case r.Repeated:
				ns = append(ns, fmt.Sprint(v.Runs))
			case v.Blocks > 0:
				ns = append(ns, fmt.Sprintf("%d (%d)", v.Samples, v.Blocks))
			case v.Samples > 0:
				ns = append(ns, fmt.Sprint(v.Samples))
			default:
				ns = append(ns, "–")
			}
		}
		out = append(out, append(line, strings.Join(ns, ", ")))
	}
	return out
}

// String is the value with its confidence interval or its range: "12.3 [11.9,
// 12.8]".
func (v Value) String() string {
	switch {
	case math.IsNaN(v.Value):
		return "–"
	case v.Runs == 1 || math.IsNaN(v.Lo) || math.IsInf(v.Lo, 0) || math.IsInf(v.Hi, 0):
		return number(v.Value)
	}
	return fmt.Sprintf("%s [%s, %s]", number(v.Value), number(v.Lo), number(v.Hi))
}

func number(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// String is the claim: "differs, +12.3 % (p = 0.002)".
func (d Difference) String() string {
	switch {
	case !d.Tested:
		return "no claim: " + d.Why
	case !d.Differs:
		return fmt.Sprintf("no difference shown (%s)", probability(d.P))
	case math.IsInf(d.Change, 0) || math.IsNaN(d.Change):
		return fmt.Sprintf("differs (%s)", probability(d.P))
	}
	return fmt.Sprintf("differs, %+.3g %% (%s)", 100*d.Change, probability(d.P))
}

func probability(p float64) string {
	if p < 0.001 {
		return "p < 0.001"
	}
	return fmt.Sprintf("p = %.2g", p)
}

func (r *Result) method() string {
	tests := fmt.Sprintf("%d tests", r.Tests)
	if r.Tests == 1 {
		tests = "1 test"
	}
	alpha := fmt.Sprintf("alpha = %g for the whole table: p is adjusted for %s (Holm). "+
		"Latencies are those of good answers. \"No difference shown\" is no proof of equality. ", Alpha, tests)
	if r.Repeated {
		return "Test: two-sided Mann-Whitney U over the runs, each with one value; a value is the median of a side's runs, with the least and the greatest. " +
			alpha + r.needed()
	}
	return fmt.Sprintf("Test: two-sided Mann-Whitney U over up to %d blocks of each stream in the order of time; a value is the median of its blocks "+
		"with its 95 %% confidence interval. ", MostBlocks) + alpha +
		"Each run is one sitting: what the machine did otherwise meanwhile counts as a difference too, so repeat the runs in turn. " + r.needed()
}

// needed says how many runs the questions of this table take.
func (r *Result) needed() string {
	rows := len(r.Rows) * (len(r.Groups) - 1)
	if rows <= 1 {
		return fmt.Sprintf("Over runs (lab compare A1 A2 … -- B1 B2 …) it takes %d runs a side.", LeastRuns(1))
	}
	return fmt.Sprintf("Over runs (lab compare A1 A2 … -- B1 B2 …) it takes %d a side for all rows of this table, %d for a single one (--only).",
		LeastRuns(rows), LeastRuns(1))
}
