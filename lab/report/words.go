package report

import (
	"slices"

	"inventariolab/lab"
	"inventariolab/lab/phrasebook"
)

// Phrases has a report in another language than English say what the scenarios
// recorded in that language too: titles, what was wanted and got, steps, notes.
// A text that the book does not know stays as it was recorded. Files for
// machines keep the recorded names.
func Phrases(b *phrasebook.Book) Option { return func(c *config) { c.phrases = b } }

// wording says recorded texts in the report's language.
type wording struct {
	lang    Lang
	phrases *phrasebook.Book // nil knows none
}

// word is a recorded text in the report's language.
func (w wording) word(s string) string {
	if w.lang == English {
		return s
	}
	return w.phrases.Text(s)
}

// check is a check in the report's language.
func (w wording) check(c lab.Check) lab.Check {
	c.Name, c.Want, c.Got, c.Hint = w.word(c.Name), w.word(c.Want), w.word(c.Got), w.word(c.Hint)
	return c
}

// scenario is what a scenario says to people in the report's language. What it
// observed is not copied.
func (w wording) scenario(s *lab.ScenarioRun) *lab.ScenarioRun {
	if w.lang == English || w.phrases == nil {
		return s
	}
	out := *s
	out.Title, out.Hypothesis = w.word(s.Title), w.word(s.Hypothesis)
	out.Begin.Fault, out.NotClaimed, out.Reason = w.word(s.Begin.Fault), w.word(s.NotClaimed), w.word(s.Reason)
	out.Checks = make([]lab.Check, len(s.Checks))
	for i, c := range s.Checks {
		out.Checks[i] = w.check(c)
	}
	out.Steps = slices.Clone(s.Steps)
	for i := range out.Steps {
		out.Steps[i].Value = w.word(out.Steps[i].Value)
	}
	out.Tables = slices.Clone(s.Tables)
	for i := range out.Tables {
		out.Tables[i].Note = w.word(out.Tables[i].Note)
	}
	return &out
}

// label is the words for a recorded word of few: a row of a table, a moment, a
// load. Those of the report itself come first.
func (w wording) label(s string) string {
	if p, ok := tablePhrases["label."+s]; ok {
		return p.in(w.lang)
	}
	return w.word(s)
}

// Untranslated lists the texts of a scenario's result that a report would show
// in English although it is in another language, because the book does not know
// all of them. For tests of catalogues.
func Untranslated(s *lab.ScenarioRun, b *phrasebook.Book) []string {
	var out []string
	text := func(texts ...string) {
		for _, t := range texts {
			if _, ok := b.Translate(t); !ok {
				out = append(out, t)
			}
		}
	}
	text(s.Title, s.Hypothesis, s.Begin.Fault, s.NotClaimed, s.Reason)
	for _, c := range s.Checks {
		text(c.Name, c.Want, c.Got, c.Hint)
	}
	for _, step := range s.Steps {
		text(step.Value)
	}
	for _, t := range s.Tables {
		text(t.Note)
		for _, line := range t.Lines {
			if _, ok := tablePhrases["label."+line.Label]; !ok {
				text(line.Label)
			}
		}
	}
	for _, m := range s.Marks {
		if _, ok := tablePhrases["label."+m.Value.Name]; !ok && !slices.Contains(untold, m.Value.Name) {
			text(m.Value.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Verdict is the word for a verdict.
func (l Lang) Verdict(v lab.Verdict) string { return lookOf(v).word.in(l) }
