package report

import (
	"inventariolab/lab"
)

// table is a table of a scenario's result as it is shown: every cell a text.
type table struct {
	Number  int
	Title   string
	Rows    string // what a row is
	Columns []string
	Lines   []tableLine
	Note    string
}

type tableLine struct {
	Label string
	Cells []string // one for each column
}

// tableRows are the tables of a scenario; their numbers count on from n.
func tableRows(s *lab.ScenarioRun, n int, w wording) []table {
	l := w.lang
	var out []table
	for _, t := range s.Tables {
		n++
		view := table{
			Number: n, Title: l.known("table.", t.Name), Rows: l.known("row.", t.Rows), Note: t.Note,
			Columns: make([]string, len(t.Columns)), Lines: make([]tableLine, len(t.Lines)),
		}
		units := make([]unit, len(t.Columns))
		for i, key := range t.Columns {
			view.Columns[i], units[i] = l.heading(key)
		}
		for i, line := range t.Lines {
			cells := make([]string, len(t.Columns))
			for j := range cells {
				cells[j] = notMeasured
				if j < len(line.Values) && line.Values[j] != nil {
					cells[j] = l.value(*line.Values[j], units[j])
				}
			}
			view.Lines[i] = tableLine{w.label(line.Label), cells}
		}
		out = append(out, view)
	}
	return out
}

// notMeasured stands where a value would.
const notMeasured = "–"

// heading is the short name of a key, for the head of a column, and the unit of
// its values.
func (l Lang) heading(key string) (string, unit) {
	info, prefix := explain(key)
	text := info.short.in(l)
	if prefix != "" {
		text += " (" + l.known("prefix.", prefix) + ")"
	}
	return text, info.unit
}

// known is the phrase of a recorded word, or the word itself: what a newer lab
// or a scenario from elsewhere calls something is shown as it is.
func (l Lang) known(group, word string) string {
	if p, ok := tablePhrases[group+word]; ok {
		return p.in(l)
	}
	return word
}
