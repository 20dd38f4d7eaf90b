// Package report renders a recorded run: a report with charts for people, as
// Markdown and as one HTML file, result.json, junit.xml and requests.csv for
// machines, a summary for the terminal. It needs no Docker, and everything it says comes from the record, so that a run can be
// rendered again at any time; the same record gives the same bytes.
package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/moby/sys/atomicwriter"

	"inventariolab/lab"
)

// Names of the files of a run's directory. Charts stand beside them, one SVG
// file each, named after the scenario and the chart.
const (
	EventsFile   = "events.jsonl"
	ReportFile   = "report.md"
	PageFile     = "report.html"
	ResultFile   = "result.json"
	JUnitFile    = "junit.xml"
	RequestsFile = "requests.csv"
)

// Option changes how a run is rendered.
type Option func(*config)

type config struct {
	wording
	damage string // what is wrong with the record, "" when it is whole
	dir    string // where the report is, for the summary

	judge    func(*lab.Run) lab.Rejudgement // nil: the recorded judgement is shown
	rejudged *lab.Rejudgement               // nil: nobody judged again
}

func newConfig(opts []Option) config {
	c := config{wording: wording{lang: English}}
	for _, o := range opts {
		o(&c)
	}
	return c
}

// In chooses the language of the fixed texts. What the scenarios recorded
// (titles, wants, gots, hints) stays as it was recorded, unless Phrases knows
// it.
func In(lang Lang) Option { return func(c *config) { c.lang = lang } }

func damaged(err error) Option { return func(c *config) { c.damage = err.Error() } }

// A format is one output file. A new output is a new file of this package and
// a line in formats. A render that fails for another reason than its writer
// has written nothing yet, so that no half file takes the place of a whole one.
type format struct {
	name   string
	render func(io.Writer, *document) error
}

// formats are written in this order, after the charts that they link to.
var formats = []format{
	{ResultFile, renderResult},
	{JUnitFile, renderJUnit},
	{RequestsFile, renderRequests},
	{PageFile, renderPage},
	{ReportFile, renderMarkdown},
}

// Write renders run into dir: every format and the charts. Each file is
// replaced as a whole, and report.md last, so that a reader never meets
// half a file or a report that links to charts that are not there yet.
func Write(dir string, run *lab.Run, opts ...Option) error {
	doc, err := newDocument(run, newConfig(opts))
	if err != nil {
		return fmt.Errorf("render report: %w", err)
	}
	for _, p := range doc.pictures() {
		if err := write(dir, format{p.File, func(w io.Writer, _ *document) error {
			_, err := w.Write(p.svg)
			return err
		}}, doc); err != nil {
			return err
		}
	}
	for _, f := range formats {
		if err := write(dir, f, doc); err != nil {
			return err
		}
	}
	return nil
}

// write streams a format into its file, which appears only when it is whole.
func write(dir string, f format, doc *document) error {
	out, err := atomicwriter.New(filepath.Join(dir, f.name), 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.name, err)
	}
	if err := errors.Join(f.render(out, doc), out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.name, err)
	}
	return nil
}

// Dir reads the record in dir and renders it there. Of a record that is cut
// off or damaged it renders what is whole before the damage, says so at the
// top of the report, and returns an error that names the bad line. When not
// even the record's first line can be read it writes nothing, so that a
// report made earlier stays.
func Dir(dir string, opts ...Option) error {
	_, err := ReadDir(dir, opts...)
	return err
}

// gcPercent is how much the heap may grow between two collections while a
// record is rendered: nearly all of it is the record and stays, so that the
// usual 100 would double the memory of a long run to save half a second.
const gcPercent = 15

// ReadDir is Dir, and returns the run as well; it is nil when nothing could be
// read.
func ReadDir(dir string, opts ...Option) (*lab.Run, error) {
	path := filepath.Join(dir, EventsFile)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read record: %s is not there: name the directory of a run, such as reports/latest", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	defer f.Close()
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	run, bad := lab.ParseRun(f)
	if run != nil && run.Info.Schema > 0 {
		if judge := newConfig(opts).judge; judge != nil {
			opts = append(slices.Clone(opts), Rejudged(judge(run)))
		}
	}
	if bad == nil {
		return run, Write(dir, run, opts...)
	}
	bad = fmt.Errorf("read record %s: %w", path, bad)
	if run == nil || run.Info.Schema == 0 {
		return nil, fmt.Errorf("%w; nothing was rendered", bad)
	}
	// The path is this machine's business and stays out of the report.
	if err := Write(dir, run, append(slices.Clone(opts), damaged(errors.Unwrap(bad)))...); err != nil {
		return run, errors.Join(bad, err)
	}
	return run, fmt.Errorf("%w; what is whole before it was rendered", bad)
}
