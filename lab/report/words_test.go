package report

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/phrasebook"
)

// wordyRun says something in every place that a report shows.
func wordyRun() *lab.Run {
	one := 1.0
	return &lab.Run{Complete: true, Verdict: lab.Fail, Scenarios: []*lab.ScenarioRun{{
		Begin:   lab.Begin{Name: "s", Title: "a title", Hypothesis: "a claim", Fault: "a fault", NotClaimed: "a limit"},
		Verdict: lab.Fail, Reason: "a reason",
		Steps:  []lab.Timed[string]{{Value: "a step"}},
		Tables: []lab.Table{{Name: "t", Rows: "r", Columns: []string{"requests"}, Lines: []lab.Line{{Label: "a label", Values: []*float64{&one}}}, Note: "a note"}},
		Checks: []lab.Check{{Name: "a name", Verdict: lab.Fail, Want: "a want", Got: "got 2500", Hint: "a hint"}},
	}}}
}

func wordyBook(t *testing.T) *phrasebook.Book {
	t.Helper()
	var text strings.Builder
	for _, w := range []string{"title", "claim", "fault", "limit", "reason", "step", "label", "note", "name", "want", "hint"} {
		text.WriteString("a " + w + "\n\tES-" + w + "\n")
	}
	text.WriteString("got %d\n\tES-got %d\n")
	b, err := phrasebook.Read(fstest.MapFS{"a.txt": {Data: []byte(text.String())}})
	require.NoError(t, err)
	return b
}

// Everything that a scenario says to people is in the report's language, and
// what machines know it by is not.
func TestPhrasesOfARecord(t *testing.T) {
	run, b := wordyRun(), wordyBook(t)
	doc, err := newDocument(run, newConfig([]Option{In(Spanish), Phrases(b)}))
	require.NoError(t, err)
	page, err := markdown(doc)
	require.NoError(t, err)
	for _, w := range []string{"title", "claim", "fault", "limit", "reason", "step", "label", "note", "name", "want", "got 2", "hint"} {
		assert.Contains(t, string(page), "ES-"+w)
	}
	assert.NotContains(t, string(page), "a title")

	var junit, result, summary bytes.Buffer
	require.NoError(t, renderJUnit(&junit, doc))
	require.NoError(t, renderResult(&result, doc))
	require.NoError(t, Summary(&summary, run, false, In(Spanish), Phrases(b)))
	assert.Contains(t, junit.String(), `name="a name"`)
	assert.Contains(t, junit.String(), "ES-want")
	assert.NotContains(t, result.String(), "ES-")
	assert.Contains(t, summary.String(), "ES-name")
	assert.Equal(t, wordyRun(), run, "the record stays as it was")
	assert.Empty(t, Untranslated(run.Scenarios[0], b))
}

// In English, and without a book, a report says what was recorded.
func TestNoPhrases(t *testing.T) {
	for _, opts := range [][]Option{{In(English), Phrases(wordyBook(t))}, {In(Spanish)}} {
		doc, err := newDocument(wordyRun(), newConfig(opts))
		require.NoError(t, err)
		page, err := markdown(doc)
		require.NoError(t, err)
		assert.Contains(t, string(page), "a title")
		assert.NotContains(t, string(page), "ES-")
	}
	assert.Contains(t, Untranslated(wordyRun().Scenarios[0], nil), "a title")
}

// The numbers in translated texts look like the report's own.
func TestGroupsLikeTheReport(t *testing.T) {
	for _, n := range []int64{0, 12, 1234, -1234567} {
		assert.Equal(t, Spanish.count(n), phrasebook.Group(strings.ReplaceAll(English.count(n), ",", "")))
	}
}
