package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

func TestTables(t *testing.T) {
	s := &lab.ScenarioRun{Tables: []lab.Table{{
		Name: "windows", Rows: "window", Columns: []string{"requests", "idle_p99_ms", "failed_share", "strange"},
		Lines: []lab.Line{
			lab.NewLine("before", 1200, math.NaN(), 0.25, 1),
			{Label: "somebody's own"},
			lab.NewLine("after", 1, 2, 0, 4, 5),
		},
		Note: "As it is.",
	}}}
	for l, want := range map[Lang]table{
		English: {
			Number: 4, Title: "Before, during and after", Rows: "window", Note: "As it is.",
			Columns: []string{"requests", "p99 (idle)", "failed", "strange"},
			Lines: []tableLine{
				{"before", []string{"1,200", "–", "25.0 %", "1"}},
				{"somebody's own", []string{"–", "–", "–", "–"}},
				{"after", []string{"1", "2 ms", "0.0 %", "4"}},
			},
		},
		Spanish: {
			Number: 4, Title: "Antes, durante y después", Rows: "ventana", Note: "As it is.",
			Columns: []string{"peticiones", "p99 (en reposo)", "fallidas", "strange"},
			Lines: []tableLine{
				{"antes", []string{"1\u00a0200", "–", "25.0 %", "1"}},
				{"somebody's own", []string{"–", "–", "–", "–"}},
				{"después", []string{"1", "2 ms", "0.0 %", "4"}},
			},
		},
	} {
		got := tableRows(s, 3, wording{lang: l})
		require.Len(t, got, 1)
		assert.Equal(t, want, got[0])
	}
}
