package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"inventariolab/lab"
)

// document is the content of a report, computed once and rendered by every
// format. Its texts are plain: each format escapes them for itself.
type document struct {
	Run      *lab.Run
	Lang     Lang
	Notices  []string
	Stack    *picture // the stack and what was broken; nil when the record does not say what it is
	Sections []section
	Bare     bool // without pictures, for readers that cannot follow links to them

	rejudged *lab.Rejudgement
	words    wording
}

// pictures lists all pictures in the order of their numbers.
func (d *document) pictures() []*picture {
	var out []*picture
	if d.Stack != nil {
		out = append(out, d.Stack)
	}
	for i := range d.Sections {
		for j := range d.Sections[i].Figures {
			out = append(out, &d.Sections[i].Figures[j])
		}
	}
	return out
}

// section is what the report tells of one scenario.
type section struct {
	*lab.ScenarioRun
	Anchor  string // of its heading
	Fault   string // what was broken on purpose
	Key     string // its key numbers
	Story   []event
	Open    []lab.Check // the checks that did not pass
	Metrics []metricRow
	Tables  []table
	Figures []picture
}

// event is one line of the story: a step, or a phase of a fault.
type event struct {
	At    string
	Text  string
	Fault lab.Phase // "" for a step
}

type metricRow struct {
	Key, Value, Better, Meaning string
}

func newDocument(run *lab.Run, c config) (*document, error) {
	doc := &document{Run: run, Lang: c.lang, rejudged: c.rejudged, words: c.wording}
	switch {
	case c.damage != "":
		doc.Notices = append(doc.Notices, c.lang.t("notice.damaged", c.damage))
	case !run.Complete:
		doc.Notices = append(doc.Notices, c.lang.t("notice.cut"))
	}
	if text := c.rejudgedNotice(); text != "" {
		doc.Notices = append(doc.Notices, text)
	}
	anchors, files := newNames(slug), newNames(fileName)
	anchors.unique(c.lang.t("scenarios")) // the heading before the scenarios' own
	figures, tables := 0, 0
	if pic, err := drawStack(run, c.lang); err != nil {
		return nil, fmt.Errorf("picture of the stack: %w", err)
	} else if pic != nil {
		figures++
		pic.Number, pic.File = figures, stackFile
		doc.Stack = pic
		anchors.unique(c.lang.t("stack"))
	}
	for _, recorded := range run.Scenarios {
		s := c.scenario(recorded)
		sec := section{
			ScenarioRun: s, Anchor: anchors.unique(s.Name), Fault: s.Begin.Fault, Key: keyNumbers(s, c.lang),
			Story: story(s), Metrics: metricRows(s, c.lang), Tables: tableRows(s, tables, c.wording),
		}
		tables += len(sec.Tables)
		for _, check := range s.Checks {
			if check.Verdict != lab.Pass {
				sec.Open = append(sec.Open, check)
			}
		}
		base := files.unique(s.Name)
		for _, kind := range s.Charts {
			if s.Verdict == lab.Skipped {
				break // nothing was tried: there is nothing to draw
			}
			pic, err := drawChart(kind, s, run.Stack.Expected, c.wording)
			if err != nil {
				return nil, fmt.Errorf("chart %s of scenario %s: %w", kind, s.Name, err)
			}
			if pic == nil {
				continue
			}
			figures++
			pic.Number = figures
			pic.File = base + "-" + fileName(string(kind)) + ".svg"
			sec.Figures = append(sec.Figures, *pic)
		}
		doc.Sections = append(doc.Sections, sec)
	}
	return doc, nil
}

// names makes names unique the way GitHub does with anchors: -1, -2 …
type names struct {
	of   func(string) string
	seen map[string]bool
}

func newNames(of func(string) string) *names { return &names{of: of, seen: make(map[string]bool)} }

func (n *names) unique(s string) string {
	base := n.of(s)
	name := base
	for i := 1; n.seen[name]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	n.seen[name] = true
	return name
}

// Headline is the verdict as a sentence.
func (d *document) Headline() string { return headline(d.Run, d.Lang) }

func headline(run *lab.Run, l Lang) string {
	by := make(map[lab.Verdict][]string)
	for _, s := range run.Scenarios {
		by[s.Verdict] = append(by[s.Verdict], s.Name)
	}
	text := l.t("nothing")
	if n := len(run.Scenarios); n > 0 {
		text = l.t("passed", l.count(int64(len(by[lab.Pass]))), l.count(int64(n)))
	}
	for _, part := range []struct {
		v   lab.Verdict
		key string
	}{{lab.Fail, "failed.list"}, {lab.Unknown, "unknown.list"}, {lab.Skipped, "skipped.list"}} {
		if names := by[part.v]; len(names) > 0 {
			text += "; " + l.t(part.key, strings.Join(names, ", "))
		}
	}
	return lookOf(run.Verdict).word.in(l) + " – " + text
}

// Symbol, Word are how a verdict is shown on a page.
func (d *document) Symbol(v lab.Verdict) string { return lookOf(v).symbol }

// Word is the verdict's word in the report's language.
func (d *document) Word(v lab.Verdict) string { return lookOf(v).word.in(d.Lang) }

// T is a fixed text.
func (d *document) T(key string, args ...any) string { return d.Lang.t(key, args...) }

// Has says whether some scenario ended with the verdict.
func (d *document) Has(v lab.Verdict) bool {
	return slices.ContainsFunc(d.Run.Scenarios, func(s *lab.ScenarioRun) bool { return s.Verdict == v })
}

// Started is the moment of the run's start.
func (d *document) Started() string {
	return d.Run.Info.Started.UTC().Format("2006-01-02 15:04:05 UTC")
}

// Took writes a duration.
func (d *document) Took(t time.Duration) string { return d.Lang.seconds(t) }

// Ready is how long the stack took to be usable.
func (d *document) Ready() string {
	if d.Run.Stack.ReadyS <= 0 {
		return d.T("ready.already")
	}
	return d.Lang.number(d.Run.Stack.ReadyS) + " s"
}

// Phase says what a phase of a fault is.
func (d *document) Phase(p lab.Phase) string { return d.T("phase." + string(p)) }

// Command repeats the whole run.
func (d *document) Command() string { return cmp.Or(d.Run.Info.Command, "make lab") }

// Again repeats one scenario.
func (d *document) Again(name string) string { return "go run ./lab/cmd/lab run " + name }

// fact is one line of the tail: a label and its text.
type fact struct{ Label, Text string }

// Machine lists what is known of the machine.
func (d *document) Machine() []fact {
	m := d.Run.Info.Machine
	cpu := m.CPU
	if m.Cores > 0 {
		cpu = strings.TrimPrefix(cpu+", "+d.Lang.n("cores", int64(m.Cores)), ", ")
	}
	memory := ""
	if m.MemoryMB > 0 {
		memory = d.Lang.number(float64(m.MemoryMB)/1024) + " GiB"
	}
	facts := []fact{
		{d.T("os"), m.OS},
		{d.T("kernel"), m.Kernel},
		{d.T("cpu"), cpu},
		{d.T("memory"), memory},
		{"Docker", m.Docker},
		{"Go", m.Go},
	}
	for i := range facts {
		facts[i].Text = cmp.Or(facts[i].Text, d.T("not.said"))
	}
	return facts
}

// Versions lists the versions of the stack's parts, sorted by name.
func (d *document) Versions() []fact {
	var out []fact
	for name, v := range d.Run.Stack.Versions {
		out = append(out, fact{name, v})
	}
	slices.SortFunc(out, func(a, b fact) int { return cmp.Compare(a.Label, b.Label) })
	return out
}

// Images says where the images came from.
func (d *document) Images() string {
	switch d.Run.Stack.Base {
	case "official":
		return d.T("images.off")
	case "debian":
		return d.T("images.deb")
	case "":
		return d.T("images.none")
	}
	return d.Run.Stack.Base
}

func story(s *lab.ScenarioRun) []event {
	type timed struct {
		at time.Duration
		e  event
	}
	var all []timed
	for _, step := range s.Steps {
		all = append(all, timed{step.At, event{Text: step.Value}})
	}
	for _, f := range s.Faults {
		all = append(all, timed{f.At, event{Text: f.Value.FaultSpec.String(), Fault: f.Value.Phase}})
	}
	slices.SortStableFunc(all, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	out := make([]event, len(all))
	for i, a := range all {
		out[i] = a.e
		out[i].At = moment(a.at - s.Start)
	}
	return out
}

func metricRows(s *lab.ScenarioRun, l Lang) []metricRow {
	rows := make([]metricRow, len(s.Metrics))
	for i, m := range s.Metrics {
		info, prefix := explain(m.Name)
		meaning := info.meaning.in(l)
		if prefix != "" {
			meaning += " (" + l.known("prefix.", prefix) + ")"
		}
		row := metricRow{Key: m.Name, Value: l.value(m.Value, info.unit), Meaning: meaning}
		if info.better != betterNone {
			row.Better = l.t(string(info.better))
		}
		rows[i] = row
	}
	return rows
}

// keyNumbers is the scenario's line of key numbers.
func keyNumbers(s *lab.ScenarioRun, l Lang) string {
	keys, known := keyMetrics[s.Name]
	if !known {
		for _, m := range s.Metrics[:min(2, len(s.Metrics))] {
			keys = append(keys, m.Name)
		}
	}
	var parts []string
	for _, k := range keys {
		if v, ok := s.Metric(k); ok {
			info, _ := explain(k)
			part := info.short.in(l) + " " + l.value(v, info.unit)
			if info.unit == unitNone {
				part = l.value(v, info.unit) + " " + info.short.in(l)
			}
			parts = append(parts, part)
		}
	}
	var shares []string
	for _, m := range s.Metrics {
		if known && strings.HasPrefix(m.Name, sharePrefix) {
			shares = append(shares, strings.TrimSuffix(percent(m.Value), " %"))
		}
	}
	if len(shares) > 0 {
		parts = append(parts, strings.Join(shares, " / ")+" %")
	}
	return strings.Join(parts, " · ")
}
