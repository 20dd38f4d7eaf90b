package report

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
)

// endings is a run that ends in every way a scenario can.
func endings() *recordWriter {
	w := newRecord(lab.RunInfo{Started: started, Title: "Every ending"})
	w.stack()
	check := func(v lab.Verdict, text string) {
		w.check(lab.Check{Name: "check " + text, Verdict: v, Want: "0 < 1 & \"quiet\"", Got: "]]> two\nlines", Hint: "look\nthere"})
	}
	scenario := func(name string, v lab.Verdict, reason string, checks ...lab.Verdict) {
		at := w.begin(lab.Begin{Name: name, Title: "Title of " + name, Hypothesis: "h"})
		w.now = at + 1500*time.Millisecond
		for _, c := range checks {
			check(c, string(c))
		}
		w.end(v, reason)
	}
	scenario("passed", lab.Pass, "", lab.Pass)
	scenario("failed", lab.Fail, "", lab.Pass, lab.Fail, lab.Skipped, lab.Unknown)
	scenario("failed-and-stopped", lab.Fail, "and then the disk was full", lab.Fail)
	scenario("stopped", lab.Unknown, "interrupted", lab.Pass)
	scenario("no-check", lab.Unknown, "")
	scenario("skipped", lab.Skipped, "the topology names no database")
	w.done(lab.Fail)
	return w
}

func TestJUnit(t *testing.T) {
	dir := t.TempDir()
	run := endings().run(t)
	require.NoError(t, Write(dir, run))
	src := readFile(t, dir, JUnitFile)
	golden(t, "endings/junit.xml", []byte(src))
	var got junit.Testsuites
	require.NoError(t, xml.Unmarshal([]byte(src), &got))
	require.Len(t, got.Suites, len(run.Scenarios), "a suite a scenario")
	for i, want := range []struct{ tests, failures, errors, skipped int }{
		{1, 0, 0, 0}, {4, 1, 1, 1}, {2, 1, 1, 0}, {2, 0, 1, 0}, {1, 0, 1, 0}, {1, 0, 0, 1},
	} {
		s := got.Suites[i]
		assert.Equal(t, want, struct{ tests, failures, errors, skipped int }{s.Tests, s.Failures, s.Errors, s.Skipped}, s.Name)
		assert.Len(t, s.Testcases, want.tests, s.Name)
		// No suite may look better or worse than its scenario.
		switch run.Scenarios[i].Verdict {
		case lab.Fail:
			assert.Positive(t, s.Failures)
		case lab.Unknown:
			assert.Positive(t, s.Errors)
			assert.Zero(t, s.Failures)
		default:
			assert.Zero(t, s.Failures+s.Errors)
		}
	}
	assert.Equal(t, got.Tests, 11)
	failure := got.Suites[1].Testcases[1].Failure
	for _, part := range []string{`0 < 1 & "quiet"`, "]]> two\nlines", "look\nthere"} {
		assert.Contains(t, failure.Data, part)
	}
	assert.Equal(t, "2026-11-23T14:12:11Z", got.Suites[0].Timestamp, "when the scenario began")
}

// TestJUnitOfACutRun: a run that was cut off is not green.
func TestJUnitOfACutRun(t *testing.T) {
	w := newRecord(lab.RunInfo{Started: started})
	w.begin(lab.Begin{Name: "a", Title: "A", Hypothesis: "h"})
	w.check(lab.Check{Name: "c", Verdict: lab.Pass})
	w.end(lab.Pass, "")
	var b bytes.Buffer
	doc, err := newDocument(w.run(t), newConfig(nil))
	require.NoError(t, err)
	require.NoError(t, renderJUnit(&b, doc))
	var got junit.Testsuites
	require.NoError(t, xml.Unmarshal(b.Bytes(), &got))
	assert.Equal(t, 1, got.Errors)
}

func TestRequests(t *testing.T) {
	w := newRecord(lab.RunInfo{Started: started})
	at := w.begin(lab.Begin{Name: "load", Title: "L", Hypothesis: "h"})
	for _, q := range []lab.Request{
		{Load: "home", US: 1742, Status: 200, Instance: "app", ID: "lab-1"},
		{Load: "home, keep-alive", US: 20_000_000, Err: "read: \"reset\"\nby peer", ID: "lab-2"},
		{Load: "=cmd|'/c calc'!A1", US: 3, Status: 502, Instance: "@SUM(1)", Err: "-1+2", ID: "lab-3", LateUS: 1200},
		{Load: "home", US: 3, Status: 502},
	} {
		w.request(at, q)
		at += 1500 * time.Microsecond
	}
	for _, v := range []lab.Served{
		{ID: "lab-3", Status: 502},
		{ID: "lab-1", Status: 200, US: 1000, Tries: []lab.Try{{Service: "app1", Status: 0, US: -1}, {Service: "app", Status: 200, US: 900}}},
		{ID: "lab-1", Status: 404},
		{ID: "lab-9", Status: 200},
		{ID: "", Status: 400},
	} {
		w.event(at, lab.Event{Kind: lab.KindServed, Served: &v})
	}
	w.end(lab.Unknown, "")
	w.done(lab.Unknown)
	dir := t.TempDir()
	require.NoError(t, Write(dir, w.run(t)))
	src := readFile(t, dir, RequestsFile)
	golden(t, "requests.csv", []byte(src))
	rows, err := csv.NewReader(strings.NewReader(src)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5, "the head and one row a request")
	assert.Equal(t, requestColumns, rows[0])
	assert.Equal(t, []string{"load", "home", "300000", "1742", "200", "app", "", "lab-1", "0", "2", "app"}, rows[1])
	assert.Equal(t, []string{"", ""}, rows[2][9:], "the log has no line of it")
	assert.Equal(t, []string{"1200", "0", ""}, rows[3][8:], "the balancer answered by itself")
	for _, row := range rows {
		for _, field := range row {
			assert.False(t, field != "" && strings.ContainsRune("=+-@", rune(field[0])), "%q is a formula", field)
		}
	}
}

// TestServedIndex: whatever the ids, the first line of each is found and no other.
func TestServedIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.StringMatching(`[ab]{0,4}`)).Draw(t, "ids")
		served := make([]lab.Timed[lab.Served], len(ids))
		first := make(map[string]int)
		for i, id := range ids {
			served[i].Value.ID = id
			if _, ok := first[id]; !ok {
				first[id] = i
			}
		}
		x := indexServed(served)
		for _, id := range append(ids, "c", "", "aaaaa") {
			i, ok := first[id]
			if got := x.of(id); !ok || id == "" {
				assert.Nil(t, got, id)
			} else {
				assert.Same(t, &served[i].Value, got, id)
			}
		}
	})
}

// TestRequestsAreStreamed: what is written at once does not grow with the run.
func TestRequestsAreStreamed(t *testing.T) {
	doc := &document{Run: bigRun(t, 100_000)}
	var w widest
	require.NoError(t, renderRequests(&w, doc))
	assert.Less(t, w.most, 1<<16)
	assert.Greater(t, w.all, 3_000_000)
	require.ErrorIs(t, renderRequests(full{}, doc), errFull)
}

type widest struct{ most, all int }

func (w *widest) Write(b []byte) (int, error) {
	w.most, w.all = max(w.most, len(b)), w.all+len(b)
	return len(b), nil
}

var errFull = errors.New("no space left")

type full struct{}

var _ io.Writer = full{}

func (full) Write([]byte) (int, error) { return 0, errFull }
