package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

func TestJobSummary(t *testing.T) {
	for _, l := range []Lang{English, Spanish} {
		path := filepath.Join(t.TempDir(), "summary.md")
		require.NoError(t, os.WriteFile(path, []byte("what an earlier step wrote\n"), 0o644))
		run := badRun().run(t)
		require.NoError(t, JobSummary(path, run, In(l)))
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		text, ok := strings.CutPrefix(string(b), "what an earlier step wrote\n")
		require.True(t, ok, "appended")
		golden(t, filepath.Join("bad", string(l), "job-summary.md"), []byte(text))
		p := parsePage([]byte(text))
		assert.Empty(t, p.images, "a summary cannot show files")
		assert.Empty(t, p.html)
		full, _ := renderedPage(t, run, In(l))
		assert.Equal(t, full.headings, p.headings)
		assert.Equal(t, full.tables, p.tables)
		for _, link := range p.links {
			assert.True(t, strings.HasPrefix(link, "#"), "a summary has no %s beside it", link)
		}
	}
	require.ErrorContains(t, JobSummary(t.TempDir(), goodRun().run(t)), "write the job summary")
}

// TestJobSummaryFits: what is too long is told shorter, never cut in the
// middle or not at all.
func TestJobSummaryFits(t *testing.T) {
	w := newRecord(lab.RunInfo{Started: started})
	w.begin(lab.Begin{Name: "long", Title: "L", Hypothesis: "h"})
	for range 200 {
		w.check(lab.Check{Name: "passes", Verdict: lab.Pass, Want: strings.Repeat("w", 300), Got: "g"})
	}
	w.end(lab.Pass, "")
	w.done(lab.Pass)
	run := w.run(t)
	for _, c := range []struct {
		limit int64
		has   string
	}{{1 << 20, "## long"}, {1000, "```text"}, {60, "PASS"}} {
		b, err := jobSummary(run, c.limit, nil)
		require.NoError(t, err)
		assert.LessOrEqual(t, int64(len(b)), c.limit)
		assert.Contains(t, string(b), c.has)
	}
}
