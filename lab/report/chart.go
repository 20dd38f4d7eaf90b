package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"gonum.org/v1/plot"

	"inventariolab/lab"
	"inventariolab/lab/phrasebook"
	"inventariolab/lab/report/figure"
)

// picture is one chart of a section.
type picture struct {
	Number  int
	File    string
	Alt     string // the picture in words
	Caption string // what to see in it
	svg     []byte
}

// drawing is what a chart says and shows.
type drawing struct {
	figure       figure.Figure
	alt, caption string
}

// chartFuncs draw each kind of chart. A new kind is a file of its own and a
// line here. They return a drawing without panels when there is nothing to
// show: an empty chart that says so is honest, a missing one is not.
var chartFuncs = map[lab.Chart]func(chartInput) drawing{
	lab.ChartShares:   drawShares,
	lab.ChartTimeline: drawTimeline,
	lab.ChartLag:      drawLag,
	lab.ChartLatency:  drawLatency,
	lab.ChartCapacity: drawCapacity,
	lab.ChartOmission: drawOmission,
}

// chartInput is what a chart is drawn from.
type chartInput struct {
	*lab.ScenarioRun
	Topology *lab.Topology // nil when the record has none
	Lang     Lang
	phrases  *phrasebook.Book
}

// name is the words for a load or a moment.
func (in chartInput) name(s string) string {
	return oneLine(wording{in.Lang, in.phrases}.label(s))
}

// drawChart draws one chart, or returns nil for a kind that this version does
// not know: a record may come from a newer one.
func drawChart(kind lab.Chart, s *lab.ScenarioRun, topo *lab.Topology, w wording) (*picture, error) {
	draw, ok := chartFuncs[kind]
	if !ok {
		return nil, nil
	}
	d := draw(chartInput{s, topo, w.lang, w.phrases})
	d.figure.Desc = oneLine(d.alt)
	svg, err := d.figure.SVG()
	if err != nil {
		return nil, err
	}
	return &picture{Alt: d.alt, Caption: d.caption, svg: svg}, nil
}

// noData is the chart of nothing.
func (in chartInput) noData(name, why string) drawing {
	title := in.Lang.t("nodata.title", in.Lang.t(name))
	return drawing{
		figure:  figure.Figure{Title: title, Empty: in.Lang.t(why)},
		alt:     title + ". " + in.Lang.t(why),
		caption: title + ". " + in.Lang.t(why),
	}
}

// since is a time as seconds since the scenario's start, the x axis of the
// charts over time.
func (in chartInput) since(at time.Duration) float64 { return (at - in.Start).Seconds() }

// failed is what the charts count as a failed request: the same as the checks
// do.
func failed(q *lab.Request) bool { return q.Err != "" || q.Status < 200 || q.Status > 299 }

// reach widens lo..hi, in seconds since the start, to the scenario's faults,
// and to its end if a fault is open then.
func (in chartInput) reach(lo, hi float64) (float64, float64) {
	open := make(map[lab.FaultSpec]bool)
	for _, f := range in.Faults {
		at := in.since(f.At)
		lo, hi = min(lo, at), max(hi, at)
		open[f.Value.FaultSpec] = f.Value.Phase != lab.FaultHealed
	}
	for _, o := range open {
		if o {
			hi = max(hi, in.Length.Seconds())
		}
	}
	return lo, hi
}

// bands turns the phases of the scenario's faults into bands. A fault whose
// end was not recorded reaches to the end of the picture.
func (in chartInput) bands(end float64) []figure.Band {
	var out []figure.Band
	open := make(map[lab.FaultSpec]int) // its band
	type times struct{ asked, in, healing, healed float64 }
	var all []times
	var specs []lab.FaultSpec
	for _, f := range in.Faults {
		at := in.since(f.At)
		i, ok := open[f.Value.FaultSpec]
		if !ok || f.Value.Phase == lab.FaultAsked {
			i = len(all)
			open[f.Value.FaultSpec] = i
			all = append(all, times{at, -1, -1, -1})
			specs = append(specs, f.Value.FaultSpec)
		}
		switch f.Value.Phase {
		case lab.FaultInEffect:
			all[i].in = at
		case lab.FaultHealing:
			all[i].healing = at
		case lab.FaultHealed:
			all[i].healed = at
		}
	}
	for i, t := range all {
		b := figure.Band{}
		last := t.asked
		span := func(to float64, faint bool) {
			b.Spans = append(b.Spans, figure.Span{From: last, To: to, Faint: faint})
			last = to
		}
		name := oneLine(specs[i].String())
		switch {
		case t.in < 0:
			b.Label = in.Lang.t("band.never", name)
		case t.healed < 0:
			b.Label = in.Lang.t("band.unhealed", name, t.in)
		default:
			b.Label = in.Lang.t("band.full", name, t.in, t.healing, t.healed)
		}
		if t.in >= 0 {
			span(t.in, true)
		}
		if t.healing >= 0 {
			span(t.healing, t.in < 0)
		}
		switch {
		case t.healed >= 0:
			span(t.healed, true)
		default:
			span(max(end, last), t.healing >= 0 || t.in < 0)
		}
		out = append(out, b)
	}
	return out
}

// untold are the marks that only say to the judge where a window begins; the
// bands and the data show that already.
var untold = []string{"before", "settled", "end"}

// notes are the scenario's other marks that lie in lo..hi.
func (in chartInput) notes(lo, hi float64) []figure.Note {
	var out []figure.Note
	for _, m := range in.Marks {
		name := m.Value.Name
		if at := in.since(m.At); at >= lo && at <= hi && name != "" && !slices.Contains(untold, name) {
			out = append(out, figure.Note{At: at, Label: in.name(name)})
		}
	}
	slices.SortStableFunc(out, func(a, b figure.Note) int { return cmp.Compare(a.At, b.At) })
	return out[:min(len(out), mostNotes)]
}

// mostNotes is how many marks a picture bears.
const mostNotes = 12

// timeAxis is the x axis of the charts over time.
func (in chartInput) timeAxis(lo, hi float64) figure.Axis {
	pad := 0.012 * (hi - lo) // so that nothing sits on the frame
	if hi-lo < 1e-3 {
		pad = 0.5 // everything happened at one moment
	}
	lo, hi = lo-pad, hi+pad
	return figure.Axis{Label: in.Lang.t("axis.time"), Min: lo, Max: hi}
}

// valueAxis is a y axis in milliseconds: logarithmic when the values differ
// much and none is zero or below, else from zero.
func (in chartInput) valueAxis(label string, lo, hi float64) figure.Axis {
	a := figure.Axis{Label: in.Lang.t(label)}
	if lo > 0 && hi/lo >= 20 {
		a.Label = in.Lang.t(label + ".log")
		a.Min, a.Max = figure.LogRange(lo, hi)
		a.Log = true
		return a
	}
	a.Min, a.Max = min(0, lo), hi*1.08
	if a.Max <= a.Min {
		a.Max = a.Min + 1
	}
	return a
}

// joined writes texts as a list of sentences' parts.
func joined(parts []string) string {
	out := ""
	for i, p := range parts {
		if i > 0 {
			out += "; "
		}
		out += p
	}
	return out
}

func onePlace(v float64) string { return fmt.Sprintf("%.1f", v) }

// clipLabel shortens a name to what fits under an axis.
func clipLabel(s string) string {
	r := []rune(oneLine(s))
	if len(r) > 16 {
		return string(r[:15]) + "…"
	}
	return string(r)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func marks(m ...plot.Plotter) []plot.Plotter { return m }
