package report

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"time"

	"inventariolab/lab"
)

// resultFile is result.json. Its schema is lab.SchemaVersion; fields are only
// ever added to it.
type resultFile struct {
	Schema    int              `json:"schema"`
	Verdict   lab.Verdict      `json:"verdict"`
	Title     string           `json:"title,omitempty"`
	Author    string           `json:"author,omitempty"`
	Complete  bool             `json:"complete"` // false when the record was cut off
	Started   time.Time        `json:"started"`
	DurationS float64          `json:"duration_s"`
	Stack     resultStack      `json:"stack"`
	Scenarios []resultScenario `json:"scenarios"`
	Rejudged  *resultRejudged  `json:"rejudged,omitempty"` // what came of judging again from the record
}

// resultRejudged names scenarios.
type resultRejudged struct {
	Judged []string `json:"judged"` // judged again
	Differ []string `json:"differ"` // of them those that came out differently
	Kept   []string `json:"kept"`   // kept as recorded
}

type resultStack struct {
	ReadyS   float64           `json:"ready_s"`
	Base     string            `json:"base,omitempty"`
	Versions map[string]string `json:"versions,omitempty"`
}

type resultScenario struct {
	Name      string             `json:"name"`
	Verdict   lab.Verdict        `json:"verdict"`
	Reason    string             `json:"reason,omitempty"`
	DurationS float64            `json:"duration_s"`
	Checks    []lab.Check        `json:"checks"`
	Metrics   map[string]float64 `json:"metrics"`
	Tables    []lab.Table        `json:"tables"`
}

func renderResult(w io.Writer, d *document) error {
	run := d.Run
	out := resultFile{
		Schema: lab.SchemaVersion, Verdict: run.Verdict, Title: run.Info.Title, Author: run.Info.Author,
		Complete: run.Complete, Started: run.Info.Started.UTC(), DurationS: roundSeconds(run.Length),
		Stack:     resultStack{ReadyS: run.Stack.ReadyS, Base: run.Stack.Base, Versions: run.Stack.Versions},
		Scenarios: []resultScenario{},
	}
	for _, s := range run.Scenarios {
		r := resultScenario{
			Name: s.Name, Verdict: s.Verdict, Reason: s.Reason, DurationS: roundSeconds(s.Length),
			Checks: append([]lab.Check{}, s.Checks...), Metrics: make(map[string]float64, len(s.Metrics)),
			Tables: append([]lab.Table{}, s.Tables...),
		}
		for _, m := range s.Metrics {
			r.Metrics[m.Name] = m.Value
		}
		out.Scenarios = append(out.Scenarios, r)
	}
	if r := d.rejudged; r != nil {
		out.Rejudged = &resultRejudged{append([]string{}, r.Judged...), append([]string{}, r.Differ...), append([]string{}, r.Kept...)}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // "p99 < 50 ms" stays readable
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := b.WriteTo(w)
	return err
}

func roundSeconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
