package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"inventariolab/lab"
)

// renderJUnit writes the checks the way CI systems show tests: a suite a
// scenario, a case a check. What failed is a failure, what could not be judged
// an error, so that "wrong" and "could not tell" stay apart there too.
func renderJUnit(w io.Writer, d *document) error {
	run := d.Run
	all := junit.Testsuites{Name: plainText(run.Info.Title), Time: junitSeconds(run.Length)}
	if all.Name == "" {
		all.Name = d.T("title.default")
	}
	for i, s := range run.Scenarios {
		suite := junit.Testsuite{Name: plainText(s.Name), ID: i, Time: junitSeconds(s.Length)}
		suite.SetTimestamp(run.Info.Started.UTC().Add(s.Start))
		for _, c := range s.Checks {
			suite.AddTestcase(d.junitCheck(s, c))
		}
		// A scenario may end badly beside its checks, or without any: the suite
		// must never look better than the scenario's verdict.
		if s.Reason != "" || len(s.Checks) == 0 {
			suite.AddTestcase(d.junitEnd(s))
		}
		all.AddSuite(suite)
	}
	if len(d.Notices) > 0 {
		// A cut or damaged record is a run that nobody can call whole.
		suite := junit.Testsuite{Name: d.T("about"), ID: len(all.Suites), Time: junitSeconds(0)}
		suite.SetTimestamp(run.Info.Started.UTC())
		for _, n := range d.Notices {
			text := plainText(n)
			suite.AddTestcase(junit.Testcase{
				Name: EventsFile, Classname: "lab", Status: string(lab.Unknown),
				Error: &junit.Result{Message: text, Type: string(lab.Unknown), Data: text},
			})
		}
		all.AddSuite(suite)
	}
	b := bytes.NewBufferString(xml.Header)
	if err := all.WriteXML(b); err != nil {
		return err
	}
	_, err := b.WriteTo(w)
	return err
}

func (d *document) junitCheck(s *lab.ScenarioRun, c lab.Check) junit.Testcase {
	out := junit.Testcase{Name: plainText(c.Name), Classname: "lab." + plainText(s.Name), Status: string(c.Verdict)}
	if c.Verdict == lab.Pass {
		return out
	}
	// The name is the case's identity and stays; the rest is for who reads it.
	c = d.words.check(c)
	parts := []fact{{d.T("want"), c.Want}, {d.T("got"), c.Got}}
	if c.Hint != "" {
		parts = append(parts, fact{d.T("hint"), c.Hint})
	}
	var text []string
	for _, p := range parts {
		text = append(text, p.Label+": "+strings.TrimSpace(xmlText(p.Text)))
	}
	junitResult(&out, c.Verdict, d.T("want.s")+" "+plainText(c.Want)+"; "+d.T("got.s")+" "+plainText(c.Got), strings.Join(text, "\n"))
	return out
}

// junitEnd is how the scenario itself ended.
func (d *document) junitEnd(s *lab.ScenarioRun) junit.Testcase {
	out := junit.Testcase{Name: plainText(s.Title), Classname: "lab." + plainText(s.Name), Status: string(s.Verdict)}
	if s.Verdict == lab.Pass {
		return out
	}
	why := d.words.word(s.Reason)
	if why == "" {
		why = d.T("checks.none")
	}
	v := s.Verdict
	if v == lab.Fail {
		v = lab.Unknown // the failed checks are failures already; the reason is what could not be done
	}
	junitResult(&out, v, plainText(why), strings.TrimSpace(xmlText(why)))
	return out
}

func junitResult(c *junit.Testcase, v lab.Verdict, message, data string) {
	r := &junit.Result{Message: message, Type: string(v), Data: data}
	switch v {
	case lab.Fail:
		c.Failure = r
	case lab.Skipped:
		c.Skipped = r
	default: // what this lab does not know is no pass
		r.Type = string(lab.Unknown)
		c.Error = r
	}
}

func junitSeconds(t time.Duration) string { return strconv.FormatFloat(t.Seconds(), 'f', 3, 64) }

// plainText is one line for an attribute of XML, xmlText what XML can hold.
func plainText(s string) string { return xmlText(oneLine(s)) }

func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, clean(s))
}
