package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/report/figure"
)

// look is the environment variable that names a directory to write the charts
// of TestChartShapes to, for looking at them in a browser.
const look = "REPORT_LOOK"

var allCharts = []lab.Chart{lab.ChartShares, lab.ChartTimeline, lab.ChartLag, lab.ChartLatency, lab.ChartCapacity, lab.ChartOmission}

// shapes are records whose charts must come out whole, whatever was measured.
var shapes = map[string]func(w *recordWriter, at time.Duration){
	"nothing measured": func(*recordWriter, time.Duration) {},
	"one request and one lag": func(w *recordWriter, at time.Duration) {
		w.load("home", at, time.Second, 1, 8*time.Millisecond, nil)
		w.sample(at, lagSeries, "slave1", 3)
	},
	"all failed": func(w *recordWriter, at time.Duration) {
		for i := range 50 {
			w.request(at+time.Duration(i)*time.Millisecond, lab.Request{Load: "home", US: 1_000_000, Err: "connection refused"})
		}
	},
	"answers without identity": func(w *recordWriter, at time.Duration) {
		for i := range 50 {
			w.request(at+time.Duration(i)*time.Millisecond, lab.Request{Load: "home", US: 900, Status: 200})
		}
	},
	"a stranger, and wrong weights": func(w *recordWriter, at time.Duration) {
		for i := range 200 {
			name := []string{"app", "app1", "app2", "app3", "an-instance-that-nobody-expected"}[i%5]
			w.request(at+time.Duration(i)*time.Millisecond, lab.Request{Load: "a load with a rather long name", US: 900 + int64(i), Status: 200, Instance: name})
			w.sample(at, logSeries, name, 1)
		}
	},
	"zero and negative lag": func(w *recordWriter, at time.Duration) {
		for i := range 100 {
			w.sample(at+time.Duration(i)*time.Millisecond, lagSeries, "slave1", float64(i%5))
			w.sample(at+time.Duration(i)*time.Millisecond, lagSeries, "slave2", float64(i%3)-0.4)
		}
	},
	"everything at one moment": func(w *recordWriter, at time.Duration) {
		for range 20 {
			w.request(at, lab.Request{Load: "home", US: 0, Status: 200, Instance: "app"})
			w.sample(at, lagSeries, "slave1", 0)
		}
	},
	"faults that overlap, one not healed, one not in effect": func(w *recordWriter, at time.Duration) {
		w.load("home", at, 20*time.Second, 4000, 8*time.Millisecond, nil)
		for i, p := range []lab.Phase{lab.FaultAsked, lab.FaultInEffect, lab.FaultHealing, lab.FaultHealed} {
			w.fault(at+time.Duration(2+2*i)*time.Second, "pause", "app1", p)
		}
		w.fault(at+5*time.Second, "kill", "slave1", lab.FaultAsked)
		w.fault(at+6*time.Second, "kill", "slave1", lab.FaultInEffect)
		w.fault(at+19500*time.Millisecond, "partition", "app2", lab.FaultAsked)
		w.now = at + 22*time.Second
	},
	"an hour, slow and fast": func(w *recordWriter, at time.Duration) {
		for i := range 7200 {
			us := int64(800)
			if i%1000 == 0 {
				us = 29_000_000
			}
			w.request(at+time.Duration(i)*500*time.Millisecond, lab.Request{Load: "home", US: us + int64(i%37), Status: 200, Instance: rotation[i%7]})
		}
	},
	"markup in names": func(w *recordWriter, at time.Duration) {
		for i := range 30 {
			w.request(at+time.Duration(i)*time.Millisecond, lab.Request{Load: "</text><script>", US: 900, Status: 200, Instance: "a\x00\x1b]<b>&\"'"})
			w.sample(at, lagSeries, "font-family:x;font-variant:y;", 2)
		}
	},
	"loops, steps and three ways": func(w *recordWriter, at time.Duration) {
		w.loops(at)
		w.lagWays(at)
		w.event(at, lab.Event{Kind: lab.KindTable, Table: capacitySteps()})
	},
	"one step, one open loop, only the appliers": func(w *recordWriter, at time.Duration) {
		w.request(at, lab.Request{Load: "open", US: 900, LateUS: 100, Status: 200})
		w.sample(at, applierSeries, "slave1", 1.5)
		w.sample(at, sbsSeries, "slave1", 0)
		w.event(at, lab.Event{Kind: lab.KindTable, Table: &lab.Table{Name: "capacity", Rows: "step", Columns: []string{"rate_asked"}, Lines: []lab.Line{lab.NewLine("1", 100)}}})
	},
	"steps that were not measured": func(w *recordWriter, at time.Duration) {
		nan := math.NaN()
		w.event(at, lab.Event{Kind: lab.KindTable, Table: &lab.Table{
			Name: "capacity", Rows: "step", Columns: []string{"p99_ms", "failed_share", "rate_asked"},
			Lines: []lab.Line{lab.NewLine("1", nan, nan, 200), lab.NewLine("2", nan, nan, nan), {Label: "3"}, lab.NewLine("4", 12, 1, 100)},
		}})
		w.metric("knee_rps", 5000)
	},
	"marks on top of each other": func(w *recordWriter, at time.Duration) {
		w.load("home", at, 20*time.Second, 4000, 8*time.Millisecond, nil)
		for i := range 20 {
			w.mark(at+time.Duration(i*i)*40*time.Millisecond, fmt.Sprintf("a mark with the number %d", i))
		}
		w.mark(at+20*time.Second, "the last of all the marks, whose name is rather long <b>")
	},
	"twelve instances": func(w *recordWriter, at time.Duration) {
		for i := range 1200 {
			w.request(at+time.Duration(i)*time.Millisecond, lab.Request{Load: "home", US: 900 + int64(i*i%700), Status: 200, Instance: fmt.Sprintf("backend-%02d", i%12)})
			w.sample(at+time.Duration(i)*time.Millisecond, lagSeries, fmt.Sprintf("replica-%02d", i%12), 3+float64(i%9))
		}
	},
}

func shapeRun(t testing.TB, fill func(*recordWriter, time.Duration)) *lab.Run {
	w := newRecord(lab.RunInfo{Started: started, Machine: machine})
	w.stack()
	at := w.begin(lab.Begin{Name: "shape", Title: "A shape", Hypothesis: "It is drawn.", Charts: allCharts})
	fill(w, at)
	w.check(pass("it is drawn", "whole", "whole"))
	w.end(lab.Pass, "")
	w.done(lab.Pass)
	return w.run(t)
}

// TestChartShapes draws every chart of every shape, in both languages, and
// checks that each is well-formed and has no number that is none.
func TestChartShapes(t *testing.T) {
	for name, fill := range shapes {
		t.Run(name, func(t *testing.T) {
			run := shapeRun(t, fill)
			for _, l := range []Lang{English, Spanish} {
				doc, err := newDocument(run, config{wording: wording{lang: l}})
				require.NoError(t, err)
				require.Len(t, doc.Sections[0].Figures, len(allCharts))
				for _, f := range doc.Sections[0].Figures {
					assertDrawing(t, f)
					if dir := os.Getenv(look); dir != "" {
						file := strings.ReplaceAll(name, " ", "-") + "-" + string(l) + "-" + f.File
						require.NoError(t, os.WriteFile(filepath.Join(dir, file), f.svg, 0o644))
					}
				}
			}
		})
	}
}

var painted = regexp.MustCompile(`(?:fill|stroke):#[0-9A-Fa-f]+`)

var unpainted = regexp.MustCompile(`<path d="[^"]*" ?/>`)

var notANumber = regexp.MustCompile(`NaN|[+-]?Inf\b|%!`)

func assertDrawing(t *testing.T, f picture) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(f.svg))
	elements := make(map[string]int)
	depth, titles := 0, 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "%s is not well-formed", f.File)
		if e, ok := tok.(xml.StartElement); ok {
			elements[e.Name.Local]++
			if depth++; depth == 2 && e.Name.Local == "title" {
				titles++
			}
		}
		if _, ok := tok.(xml.EndElement); ok {
			depth--
		}
	}
	assert.Positive(t, elements["path"], "%s draws nothing", f.File)
	assert.Positive(t, elements["text"], "%s says nothing", f.File)
	assert.Equal(t, 1, titles, "of the whole; others are for the pointer")
	assert.Equal(t, 1, elements["desc"])
	assert.Zero(t, elements["script"])
	_, body, _ := strings.Cut(string(f.svg), "</style>")
	assert.NotRegexp(t, unpainted, body, "%s: a path without a colour stays black on a dark ground", f.File)
	for _, m := range painted.FindAllString(body, -1) {
		assert.Contains(t, figure.DarkStyle, `"`+m+`"`, "%s: a colour without one for a dark ground", f.File)
	}
	assert.False(t, notANumber.Match(f.svg), "%s: %s", f.File, notANumber.Find(f.svg))
	for _, text := range []string{f.Alt, f.Caption} {
		assert.NotEmpty(t, text)
		assert.NotRegexp(t, `NaN|Inf\b|%!|\{[a-z.]+\}`, text)
	}
}
