package report

import (
	"slices"

	"inventariolab/lab"
)

// Unexplained lists the names in a scenario's result that a report would show
// as they are, because it has no words for them: metrics, and the titles, kinds
// of row and columns of tables. For tests of catalogues.
func Unexplained(s *lab.ScenarioRun) []string {
	var out []string
	number := func(key string) {
		if info, _ := explain(key); info.meaning == (phrase{}) {
			out = append(out, key)
		}
	}
	word := func(group, word string) {
		if _, ok := tablePhrases[group+word]; !ok {
			out = append(out, group+word)
		}
	}
	for _, m := range s.Metrics {
		number(m.Name)
	}
	for _, t := range s.Tables {
		word("table.", t.Name)
		word("row.", t.Rows)
		for _, key := range t.Columns {
			number(key)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
