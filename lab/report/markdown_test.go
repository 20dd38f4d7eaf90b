package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"inventariolab/lab"
)

// page is a parsed report.
type page struct {
	src      []byte
	headings map[string]int // texts, with their levels
	ids      map[string]bool
	tables   [][][]string
	images   map[string]string // alternative texts by file
	links    []string
	html     []string // raw HTML that a browser would obey
	text     string
}

// parsePage reads Markdown as GitHub does.
func parsePage(src []byte) *page {
	p := &page{src: src, headings: map[string]int{}, ids: map[string]bool{}, images: map[string]string{}}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	doc := md.Parser().Parse(text.NewReader(src))
	_ = ast.Walk(doc, func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if !enter {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			p.headings[p.plain(n)] = n.Level
			if id, ok := n.AttributeString("id"); ok {
				p.ids[string(id.([]byte))] = true
			}
		case *extast.Table:
			var rows [][]string
			for row := n.FirstChild(); row != nil; row = row.NextSibling() {
				var cells []string
				for c := row.FirstChild(); c != nil; c = c.NextSibling() {
					cells = append(cells, p.plain(c))
				}
				rows = append(rows, cells)
			}
			p.tables = append(p.tables, rows)
		case *ast.Image:
			p.images[string(n.Destination)] = p.plain(n)
		case *ast.Link:
			p.links = append(p.links, string(n.Destination))
		case *ast.AutoLink:
			p.links = append(p.links, string(n.URL(src)))
		case *ast.RawHTML, *ast.HTMLBlock:
			p.html = append(p.html, p.plain(n))
		}
		return ast.WalkContinue, nil
	})
	p.text = p.plain(doc)
	return p
}

// plain is the text that a reader sees of a node.
func (p *page) plain(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if !enter {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			b.Write(resolve(n, p.src))
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte('\n')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.FencedCodeBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				b.Write(line.Value(p.src))
			}
		case *ast.AutoLink:
			b.Write(n.Label(p.src))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// resolve turns escapes and entities of a text into what they stand for.
func resolve(n *ast.Text, src []byte) []byte {
	value := n.Segment.Value(src)
	if n.IsRaw() || n.Parent() != nil && n.Parent().Kind() == ast.KindCodeSpan {
		return value
	}
	return unescape(value)
}

// renderedPage writes a run and parses its report.
func renderedPage(t testing.TB, run *lab.Run, opts ...Option) (*page, string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, Write(dir, run, opts...))
	src, err := os.ReadFile(filepath.Join(dir, ReportFile))
	require.NoError(t, err)
	// The report points to the record it was made from.
	require.NoError(t, os.WriteFile(filepath.Join(dir, EventsFile), nil, 0o644))
	return parsePage(src), dir
}

func assertSound(t *testing.T, p *page, dir string) {
	t.Helper()
	assert.Empty(t, p.html, "raw HTML in the report")
	for _, rows := range p.tables {
		for _, r := range rows {
			assert.Len(t, r, len(rows[0]), "row %q has other columns than the head %q", r, rows[0])
		}
	}
	for file, alt := range p.images {
		assert.FileExists(t, filepath.Join(dir, file))
		assert.NotEmpty(t, alt, "image %s has no alternative text", file)
	}
	for _, l := range p.links {
		if !strings.HasPrefix(l, "#") {
			assert.FileExists(t, filepath.Join(dir, l))
		}
	}
}

func TestReportStructure(t *testing.T) {
	for _, l := range []Lang{English, Spanish} {
		for name, make := range map[string]func() *recordWriter{"good": goodRun, "bad": badRun} {
			t.Run(name+"/"+string(l), func(t *testing.T) {
				run := make().run(t)
				p, dir := renderedPage(t, run, In(l))
				assertSound(t, p, dir)
				for _, l := range p.links {
					if id, ok := strings.CutPrefix(l, "#"); ok {
						assert.True(t, p.ids[id], "link to #%s, which is no heading", id)
					}
				}
				require.NotEmpty(t, p.tables)
				assert.Len(t, p.tables[0], 1+len(run.Scenarios), "one line per scenario")
				checks := 0
				for _, s := range run.Scenarios {
					assert.Equal(t, 2, p.headings[s.Name], "scenario %s has its section", s.Name)
					checks += len(s.Checks)
					assert.Contains(t, p.text, s.Hypothesis)
					for _, c := range s.Checks {
						if c.Verdict != lab.Pass {
							assert.Contains(t, p.text, c.Hint)
						}
					}
				}
				rows := 0
				for _, table := range p.tables {
					if table[0][0] == l.t("check") {
						rows += len(table) - 1
					}
				}
				assert.Equal(t, checks, rows, "one line per check")
			})
		}
	}
}

// hostile is text that tries to break out of every place it may stand in.
const hostile = "a|b\n| c | d |\n\n# head\n- item\n1. one\n<script>alert(1)</script> &lt; `code` ``` *x* __y__ [l](http://x.y) ![i](z) " +
	"~~s~~ $m$ www.example.com me@example.com http://h.i/j*k* \\| \\` \x1b[31m \u202e end\\"

func TestHostileTextChangesNothingButText(t *testing.T) {
	build := func(s string) *lab.Run {
		w := newRecord(lab.RunInfo{Started: started, Command: "make lab " + s, Title: s, Author: s, Machine: lab.Machine{CPU: s, Cores: 2, Docker: s}})
		w.event(0, lab.Event{Kind: lab.KindStack, Stack: &lab.StackInfo{Project: s, Base: s, Versions: map[string]string{s: s}, Expected: topology()}})
		at := w.begin(lab.Begin{Name: s, Title: s, Hypothesis: s, Fault: s, NotClaimed: s, Charts: allCharts})
		w.step(at, "%s", s)
		w.fault(at, "kill "+s, s, lab.FaultAsked)
		w.request(at, lab.Request{Load: s, US: 1000, Status: 200, Instance: s})
		w.sample(at, lagSeries, s, 3)
		w.metric(s, 3)
		for _, v := range []lab.Verdict{lab.Pass, lab.Fail, lab.Unknown} {
			w.check(lab.Check{Name: s, Verdict: v, Want: s, Got: s, Hint: s})
		}
		w.end(lab.Fail, s)
		w.done(lab.Fail)
		return w.run(t)
	}
	tame, _ := renderedPage(t, build("two\nlines"))
	wild, dir := renderedPage(t, build(hostile))
	assertSound(t, wild, dir)
	assert.Equal(t, len(tame.headings), len(wild.headings))
	assert.Equal(t, len(tame.links), len(wild.links), "%q", wild.links)
	require.Equal(t, len(tame.tables), len(wild.tables))
	for i := range tame.tables {
		assert.Len(t, wild.tables[i], len(tame.tables[i]))
	}
	assert.Contains(t, wild.text, oneLine(hostile), "the text itself arrives unharmed")
	assert.NotContains(t, string(wild.src), "\x1b")
	assert.NotContains(t, string(wild.src), "\u202e")
	var terminal strings.Builder
	require.NoError(t, Summary(&terminal, build(hostile), false))
	assert.NotContains(t, terminal.String(), "\x1b", "a record must not command the terminal")
}

func FuzzInline(f *testing.F) {
	for _, s := range []string{hostile, "", " ", "1.", "1. a", "- a", "-5 ms", "+", "=", "---", "#", "a #", "a_b_c", "_a_", "\\", "|", "`", "&amp;", "<!-- x", "*", "!", "![", "a:b://c", "WWW.x.y", "3) x", "\u2028", "\x00", "\xff", "x@y.z", "~", "***", "[ ]", "[x] a", "^", "\t", "a\\", ":", ": a", "a\u00a0b", "12345678901. a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := oneLine(s)
		line := inline(s)
		for name, src := range map[string]string{
			"a paragraph": line + "\n",
			"an item":     "- **x:** " + line + "\n- y\n",
			"a heading":   "## " + line + "\n\nz\n",
			"an image":    "![" + line + "](a.svg)\n",
			"a cell":      "| a | b |\n| --- | --- |\n| " + line + " | q |\n",
		} {
			p := parsePage([]byte(src))
			var got string
			switch name {
			case "a paragraph":
				got = p.text
			case "an item":
				got = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(p.text, "x:"), " "), "y")
			case "a heading":
				got = strings.TrimSuffix(p.text, "z")
				if want == "" {
					continue
				}
				if len(p.headings) != 1 {
					t.Fatalf("%q breaks out of a heading", s)
				}
			case "an image":
				got = p.images["a.svg"]
			case "a cell":
				if len(p.tables) != 1 || len(p.tables[0]) != 2 || len(p.tables[0][1]) != 2 || p.tables[0][1][1] != "q" {
					t.Fatalf("%q breaks out of a table's cell: %q", s, p.tables)
				}
				got = p.tables[0][1][0]
			}
			if got != want {
				t.Errorf("%q in %s reads\n%q, want\n%q\nsource %q", s, name, got, want, src)
			}
			if len(p.html) > 0 {
				t.Errorf("%q in %s is HTML: %q", s, name, p.html)
			}
		}
		if p := parsePage([]byte("x\n\n" + fence(s) + "\n\n# y\n")); p.headings["y"] != 1 {
			t.Errorf("%q breaks out of a fence", s)
		}
	})
}
