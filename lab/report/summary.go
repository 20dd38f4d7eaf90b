package report

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/mattn/go-runewidth"

	"inventariolab/lab"
)

// At says where a run's directory is, so that the summary can end with the
// path of the report.
func At(dir string) Option { return func(c *config) { c.dir = dir } }

// Summary writes a run's result for a terminal: the verdict, one line per
// scenario, what did not pass with what to try, and where the report is (see
// At). color adds ANSI colours; symbols and words say the same without them.
func Summary(w io.Writer, run *lab.Run, color bool, opts ...Option) error {
	s := summary{Writer: bufio.NewWriter(w), config: newConfig(opts), color: color}
	s.verdict(run)
	s.scenarios(run)
	for _, sc := range run.Scenarios {
		s.open(sc)
	}
	if s.dir != "" {
		fmt.Fprintf(s, "\n%s: %s\n", s.lang.t("report.at"), filepath.Join(s.dir, ReportFile))
	}
	if err := s.Flush(); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// width measures as an ordinary terminal does, whatever the locale says, so
// that the same run gives the same bytes.
var width = &runewidth.Condition{}

type summary struct {
	*bufio.Writer
	config
	color bool
}

// paint wraps text in the colour of a verdict.
func (s summary) paint(v lab.Verdict, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + lookOf(v).color + "m" + text + "\x1b[0m"
}

func (s summary) verdict(run *lab.Run) {
	if title := oneLine(run.Info.Title); title != "" {
		fmt.Fprintf(s, "%s\n", title)
	}
	fmt.Fprintf(s, "%s\n", s.paint(run.Verdict, lookOf(run.Verdict).symbol+" "+oneLine(headline(run, s.lang))))
	if !run.Complete {
		fmt.Fprintf(s, "%s\n", s.paint(lab.Unknown, s.lang.t("notice.cut")))
	}
	if text := s.rejudgedNotice(); text != "" {
		fmt.Fprintf(s, "%s\n", s.paint(lab.Unknown, oneLine(text)))
	}
	fmt.Fprintln(s)
}

// scenarios writes the table; columns are as wide as what a terminal shows.
func (s summary) scenarios(run *lab.Run) {
	rows := [][]string{{"", s.lang.t("scenario"), s.lang.t("verdict"), s.lang.t("duration"), s.lang.t("key")}}
	verdicts := []lab.Verdict{""}
	for _, sc := range run.Scenarios {
		look := lookOf(sc.Verdict)
		rows = append(rows, []string{
			look.symbol, oneLine(sc.Name), look.word.in(s.lang), s.lang.seconds(sc.Length), oneLine(keyNumbers(sc, s.lang)),
		})
		verdicts = append(verdicts, sc.Verdict)
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], width.StringWidth(text))
		}
	}
	for n, row := range rows {
		var line strings.Builder
		for i, text := range row {
			padded := width.FillRight(text, widths[i])
			if i == 3 {
				padded = width.FillLeft(text, widths[i])
			}
			if n > 0 && (i == 0 || i == 2) {
				padded = s.paint(verdicts[n], padded)
			}
			line.WriteString(padded)
			line.WriteString("  ")
		}
		fmt.Fprintf(s, "%s\n", strings.TrimRight(line.String(), " "))
	}
}

// open writes what of a scenario did not pass.
func (s summary) open(sc *lab.ScenarioRun) {
	if sc.Verdict == lab.Pass {
		return
	}
	fmt.Fprintf(s, "\n%s\n", s.paint(sc.Verdict, lookOf(sc.Verdict).symbol+" "+oneLine(sc.Name)))
	if sc.Reason != "" {
		s.labelled(s.lang.t("reason"), s.word(sc.Reason))
	}
	for _, c := range sc.Checks {
		if c.Verdict == lab.Pass {
			continue
		}
		c = s.check(c)
		fmt.Fprintf(s, "  %s %s\n", s.paint(c.Verdict, lookOf(c.Verdict).word.in(s.lang)), oneLine(c.Name))
		s.labelled(s.lang.t("want.s"), c.Want)
		s.labelled(s.lang.t("got.s"), c.Got)
		if c.Hint != "" {
			s.labelled(s.lang.t("try"), c.Hint)
		}
	}
}

// labelled writes a text of one or more lines, all of them behind the label.
func (s summary) labelled(label, text string) {
	lines := strings.Split(strings.TrimSpace(clean(text)), "\n")
	for i, line := range lines {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(s, "    %s %s\n", width.FillRight(label, 9), strings.TrimRight(line, " \t"))
	}
}
