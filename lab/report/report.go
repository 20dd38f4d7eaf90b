// Package report renders a recorded run: a Markdown report with charts for
// people, result.json for machines, a summary for the terminal. It needs no
// Docker, and everything it says comes from the record, so that a run can be
// rendered again at any time; the same record gives the same bytes.
package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/sys/atomicwriter"

	"inventariolab/lab"
)

// Names of the files of a run's directory. Charts stand beside them, one SVG
// file each, named after the scenario and the chart.
const (
	EventsFile = "events.jsonl"
	ReportFile = "report.md"
	ResultFile = "result.json"
)

// Option changes how a run is rendered.
type Option func(*config)

type config struct {
	lang   Lang
	damage string // what is wrong with the record, "" when it is whole
	dir    string // where the report is, for the summary
}

func newConfig(opts []Option) config {
	c := config{lang: English}
	for _, o := range opts {
		o(&c)
	}
	return c
}

// In chooses the language of the fixed texts. What the scenarios recorded
// (titles, wants, gots, hints) stays as it was recorded.
func In(lang Lang) Option { return func(c *config) { c.lang = lang } }

func damaged(err error) Option { return func(c *config) { c.damage = err.Error() } }

// A format is one output file. A new output is a new file of this package and
// a line in formats.
type format struct {
	name   string
	render func(*document) ([]byte, error)
}

// formats are written in this order, after the charts that they link to.
var formats = []format{
	{ResultFile, renderResult},
	{ReportFile, renderMarkdown},
}

// Write renders run into dir: report.md, result.json and the charts. Each file
// is replaced as a whole, and the report last, so that a reader never meets
// half a file or a report that links to charts that are not there yet.
func Write(dir string, run *lab.Run, opts ...Option) error {
	doc, err := newDocument(run, newConfig(opts))
	if err != nil {
		return fmt.Errorf("render report: %w", err)
	}
	for _, s := range doc.Sections {
		for _, f := range s.Figures {
			if err := write(dir, f.File, f.svg); err != nil {
				return err
			}
		}
	}
	for _, f := range formats {
		b, err := f.render(doc)
		if err != nil {
			return fmt.Errorf("render %s: %w", f.name, err)
		}
		if err := write(dir, f.name, b); err != nil {
			return err
		}
	}
	return nil
}

func write(dir, name string, b []byte) error {
	if err := atomicwriter.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
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
	run, bad := lab.ParseRun(f)
	if bad == nil {
		return run, Write(dir, run, opts...)
	}
	bad = fmt.Errorf("read record %s: %w", path, bad)
	if run == nil || run.Info.Schema == 0 {
		return nil, fmt.Errorf("%w; nothing was rendered", bad)
	}
	// The path is this machine's business and stays out of the report.
	if err := Write(dir, run, append(opts, damaged(errors.Unwrap(bad)))...); err != nil {
		return run, errors.Join(bad, err)
	}
	return run, fmt.Errorf("%w; what is whole before it was rendered", bad)
}
