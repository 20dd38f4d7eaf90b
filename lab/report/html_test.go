package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"inventariolab/lab"
	"inventariolab/lab/report/figure"
)

// markup is a parsed HTML page.
type markup struct {
	elements map[string]int
	ids      map[string]int
	attrs    []html.Attribute
	text     string
	root     *html.Node
}

func parseMarkup(t testing.TB, src string) *markup {
	t.Helper()
	root, err := html.Parse(strings.NewReader(src))
	require.NoError(t, err)
	m := &markup{elements: map[string]int{}, ids: map[string]int{}, root: root}
	var text strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			m.elements[n.Data]++
			for _, a := range n.Attr {
				m.attrs = append(m.attrs, a)
				if a.Key == "id" {
					m.ids[a.Val]++
				}
			}
		case html.TextNode:
			if p := n.Parent.Data; p != "style" && p != "title" {
				text.WriteString(n.Data)
			}
		}
	}
	m.text = strings.Join(strings.Fields(text.String()), " ")
	return m
}

func (m *markup) attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// pageAllows are the elements that the report is made of; nothing else may get
// in, whatever the record says.
var pageAllows = strings.Fields(`html head meta title style body main div h1 h2 h3 p a strong em code pre blockquote ul li
	table thead tbody tr th td svg g path rect text title desc`)

// besides are the files that the page may link to.
var besides = []string{EventsFile, ResultFile, JUnitFile, RequestsFile}

// assertHarmless: no script, nothing fetched, nothing that a click could run.
func assertHarmless(t *testing.T, m *markup) {
	t.Helper()
	for e := range m.elements {
		assert.Contains(t, pageAllows, e, "element")
	}
	for _, a := range m.attrs {
		key := strings.ToLower(a.Key)
		assert.False(t, strings.HasPrefix(key, "on"), "%s=%q", a.Key, a.Val)
		assert.NotEqual(t, "src", key, "%q", a.Val)
		if key == "href" {
			assert.True(t, strings.HasPrefix(a.Val, "#") || slices.Contains(besides, a.Val), "link to %q", a.Val)
		}
		if key == "style" {
			assert.NotContains(t, a.Val, "url(")
		}
	}
	for id, n := range m.ids {
		assert.Equal(t, 1, n, "id %q", id)
	}
}

func renderedMarkup(t *testing.T, run *lab.Run, opts ...Option) *markup {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, Write(dir, run, opts...))
	src := readFile(t, dir, PageFile)
	assert.NotContains(t, figure.DarkStyle+pageStyle, "url(", "nothing is fetched")
	assert.NotContains(t, figure.DarkStyle+pageStyle, "@import", "nothing is fetched")
	return parseMarkup(t, src)
}

func TestPageSaysWhatTheMarkdownSays(t *testing.T) {
	for _, l := range []Lang{English, Spanish} {
		for name, make := range map[string]func() *recordWriter{"good": goodRun, "bad": badRun} {
			t.Run(name+"/"+string(l), func(t *testing.T) {
				run := make().run(t)
				md, _ := renderedPage(t, run, In(l))
				m := renderedMarkup(t, run, In(l))
				assertHarmless(t, m)
				assert.Equal(t, len(md.images), m.elements["svg"], "every picture stands inside")
				assert.Equal(t, len(md.tables), m.elements["table"])
				for heading := range md.headings {
					assert.Contains(t, m.text, heading)
				}
				links := 0
				for _, a := range m.attrs {
					if id, ok := strings.CutPrefix(a.Val, "#"); ok && a.Key == "href" {
						links++
						assert.Equal(t, 1, m.ids[id], "link to #%s", id)
					}
				}
				assert.Equal(t, len(run.Scenarios), links)
				titles, verdicts := 0, 0
				for n := range m.root.Descendants() {
					if n.Type != html.ElementNode {
						continue
					}
					switch n.Data {
					case "html":
						assert.Equal(t, string(l), m.attr(n, "lang"))
					case "th":
						assert.Equal(t, "col", m.attr(n, "scope"))
					case "table":
						assert.NotEmpty(t, m.attr(n.Parent, "aria-label"), "a table that scrolls has a name")
					case "svg":
						assert.Equal(t, "img", m.attr(n, "role"))
						assert.NotEmpty(t, m.attr(n, "aria-label"))
					case "title":
						if n.Parent.Data == "rect" {
							titles++
							assert.NotEmpty(t, n.FirstChild.Data)
							assert.NotRegexp(t, `NaN|Inf\b|%!|\{[a-z.]+\}`, n.FirstChild.Data)
						}
					case "td":
						if strings.HasPrefix(m.attr(n, "class"), "verdict ") {
							verdicts++
						}
					}
				}
				checks := 0
				for _, s := range run.Scenarios {
					checks += len(s.Checks)
				}
				assert.Equal(t, len(run.Scenarios)+checks, verdicts, "verdicts have their colour")
				assert.Greater(t, titles, 50, "the charts tell their values")
			})
		}
	}
}

// hostileHTML is hostile, and tries what only HTML obeys.
const hostileHTML = hostile + ` "><img src=x onerror=alert(1)> <svg onload=alert(1)> [x](javascript:alert(1)) <javascript:alert(1)> ` +
	`</style></title></svg></text><script>alert(2)</script> <!-- --> ]]> ' onmouseover='x <a href="http://x.y">z</a> &#60;script&#62;`

func TestHostileTextIsNoHTML(t *testing.T) {
	s := hostileHTML
	w := newRecord(lab.RunInfo{Started: started, Command: s, Title: s, Author: s, Machine: lab.Machine{OS: s, Kernel: s, CPU: s, Go: s, Docker: s}})
	topo := topology()
	topo.Balancer.Service = s
	topo.Instances = append(topo.Instances, lab.Instance{Service: s, Weight: 1})
	topo.Database = &lab.Database{Source: s, Replicas: []string{s, "slave1"}}
	w.event(0, lab.Event{Kind: lab.KindStack, Stack: &lab.StackInfo{Project: s, Base: s, Versions: map[string]string{s: s}, Expected: topo}})
	at := w.begin(lab.Begin{Name: s, Title: s, Hypothesis: s, Fault: s, NotClaimed: s, Charts: allCharts})
	w.step(at, "%s", s)
	w.fault(at, s, s, lab.FaultAsked)
	w.request(at, lab.Request{Load: s, US: 1000, Status: 200, Instance: s, ID: s})
	w.request(at+time.Second, lab.Request{Load: s, US: 1000, Err: s})
	for i := range 3 {
		w.sample(at+time.Duration(i)*time.Second, lagSeries, s, 3)
	}
	w.metric(s, 3)
	for _, v := range []lab.Verdict{lab.Pass, lab.Fail, lab.Unknown, lab.Verdict(s)} {
		w.check(lab.Check{Name: s, Verdict: v, Want: s, Got: s, Hint: s})
	}
	w.end(lab.Fail, s)
	w.done(lab.Fail)
	m := renderedMarkup(t, w.run(t))
	assertHarmless(t, m)
	assert.Contains(t, m.text, oneLine(s), "the text itself arrives unharmed")
	assert.Positive(t, m.elements["rect"], "hover values were there to attack")
}

func FuzzPage(f *testing.F) {
	for _, s := range []string{hostileHTML, "", "<", "&lt;script&gt;", "![a](topology.svg)", "[a](#b)", "<!--", "`<b>`", "\\<b>", "<?php", "<![CDATA[", "http://x.y", "data:text/html,x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		run := &lab.Run{Info: lab.RunInfo{Title: s, Author: s, Command: s}, Stack: lab.StackInfo{Project: s, Versions: map[string]string{s: s}}, Scenarios: []*lab.ScenarioRun{{
			Begin: lab.Begin{Name: s, Title: s, Hypothesis: s, Fault: s, NotClaimed: s}, Reason: s,
			Metrics: []lab.Metric{{Name: s, Value: 1}},
			Checks:  []lab.Check{{Name: s, Verdict: lab.Fail, Want: s, Got: s, Hint: s}},
			Steps:   []lab.Timed[string]{{Value: s}},
		}}}
		doc, err := newDocument(run, newConfig(nil))
		require.NoError(t, err)
		var b strings.Builder
		require.NoError(t, renderPage(&b, doc))
		assertHarmless(t, parseMarkup(t, b.String()))
	})
}
