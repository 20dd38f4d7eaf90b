package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

// TestSchema1: a record of the first schema, cut from a real run, is still
// rendered. It does not hold what was judged, so its judgement is kept, and the
// report says so.
func TestSchema1(t *testing.T) {
	record, err := os.ReadFile(filepath.Join("testdata", "schema1", EventsFile))
	require.NoError(t, err)
	require.Contains(t, string(record[:60]), `"schema":1,`)
	dir := recordIn(t, record)
	never := func(*lab.ScenarioRun, *lab.Topology) (lab.Judgement, error) {
		t.Error("what was not recorded whole must not be judged")
		return lab.Judgement{}, nil
	}
	run, err := ReadDir(dir, Judge(func(run *lab.Run) lab.Rejudgement {
		var catalogue []lab.Scenario
		for _, s := range run.Scenarios {
			catalogue = append(catalogue, lab.Scenario{Name: s.Name, Judge: never})
		}
		return lab.Rejudge(run, catalogue)
	}))
	require.NoError(t, err)
	assert.Equal(t, lab.Pass, run.Verdict)
	for _, name := range []string{ReportFile, ResultFile, JUnitFile} {
		golden(t, "schema1/"+name, []byte(readFile(t, dir, name)))
	}
	assert.Contains(t, readFile(t, dir, ReportFile), "Kept as recorded: weights, headers,")
	assertSound(t, parsePage([]byte(readFile(t, dir, ReportFile))), dir)
}
