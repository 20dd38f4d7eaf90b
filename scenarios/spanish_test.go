package scenarios_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/phrasebook"
	"inventariolab/lab/phrasebook/phrasetest"
	"inventariolab/lab/report"
	"inventariolab/lab/stack"
	"inventariolab/scenarios"
)

// spanish is the book that the reports of the catalogue are read with. It
// cannot be made of phrases that stand there twice or have other verbs.
func spanish(t testing.TB) *phrasebook.Book {
	t.Helper()
	b, err := readSpanish()
	require.NoError(t, err)
	return b
}

var readSpanish = sync.OnceValues(func() (*phrasebook.Book, error) {
	return phrasebook.Read(append(scenarios.Spanish(), stack.Spanish)...)
})

// A scenario says of itself in Spanish what it says in English.
func TestEveryScenarioIntroducesItselfInSpanish(t *testing.T) {
	b := spanish(t)
	for _, sc := range scenarios.All() {
		for _, text := range []string{sc.Title, sc.Hypothesis, sc.Fault, sc.NotClaimed} {
			es, ok := b.Translate(text)
			assert.True(t, ok, "%s: no Spanish for %q (scenarios/es)", sc.Name, text)
			assert.True(t, text == "" || es != text, "%s: %q stays English", sc.Name, text)
		}
	}
}

// noWords are strings of the sources that look like texts and are in the books
// by a pattern: names of marks.
var noWords = []string{"serial begins", "serial ends"}

// Every format string from which the judges, the scenarios and the promotion
// make texts has its phrase, so that a new one cannot be forgotten even when no
// test's record has it.
func TestEveryTextOfTheSourcesHasSpanish(t *testing.T) {
	b := spanish(t)
	for _, dir := range []string{".", "../lab/check", "../lab/promote"} {
		texts, err := phrasetest.Texts(dir)
		require.NoError(t, err)
		require.NotEmpty(t, texts)
		for _, text := range texts {
			if hinted(text) || slices.Contains(noWords, text.Format) || b.Has(text.Format) {
				continue
			}
			t.Errorf("%s: no phrase for\n%s\n\t…", text.Where, text.Format)
		}
	}
}

// hinted says that a text of a promotion is for the command line alone: what to try
// after an error, and errors about what was typed.
func hinted(t phrasetest.Text) bool {
	return strings.Contains(t.Where, "lab/promote/gtid.go") || // of the servers' own answers
		strings.Contains(t.Format, "`docker ") || strings.HasPrefix(t.Format, "The servers are: ") ||
		strings.HasPrefix(t.Format, "Promote ") || strings.HasPrefix(t.Format, "Give it ") ||
		strings.HasPrefix(t.Format, "Wait for its end") || strings.HasPrefix(t.Format, "Run `lab") ||
		strings.HasPrefix(t.Format, "`lab promote` without a name")
}

// inSpanish checks that a report says in Spanish all that a record holds. What
// went wrong while measuring is quoted, and not looked at.
func inSpanish(t *testing.T, s *lab.ScenarioRun) {
	t.Helper()
	if !slices.ContainsFunc(scenarios.All(), func(sc lab.Scenario) bool { return sc.Name == s.Name }) {
		return // a stranger's, without a book
	}
	seen := *s
	seen.Reason = ""
	assert.Empty(t, report.Untranslated(&seen, spanish(t)))
}
