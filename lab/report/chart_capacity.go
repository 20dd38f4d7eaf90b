package report

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot"

	"inventariolab/lab"
	"inventariolab/lab/report/figure"
)

// capacityTable is the table that drawCapacity draws.
const capacityTable = "capacity"

// drawCapacity draws what an open loop got at each rate: how long answers
// took, how many came, and how many failed.
func drawCapacity(in chartInput) drawing {
	steps := in.capacitySteps()
	if len(steps) == 0 {
		return in.noData("chart.capacity", "nodata.capacity")
	}
	l := in.Lang
	first, last := steps[0].asked, steps[len(steps)-1].asked
	pad := max((last-first)*0.04, last*0.02, 0.5)
	fig := figure.Figure{X: figure.Axis{Label: l.t("axis.asked"), Min: max(0, first-pad), Max: last + pad}}
	knee, kneeKnown := in.Metric("knee_rps")
	fig.Title = l.t("capacity.title.none", l.number(first), l.number(last))
	if kneeKnown {
		fig.Title = l.t("capacity.title", l.number(knee))
		fig.Notes = []figure.Note{{At: knee, Label: l.t("capacity.knee", l.number(knee))}}
	}
	fig.Panels = in.capacityPanels(&fig, steps)
	var words []string
	for i, s := range steps {
		text := l.t("capacity.entry", l.number(s.asked), l.number(s.answered), l.ms(s.p99), percentOr(s.failed))
		words = append(words, text)
		if s.behind > 0 {
			text = hoverLines(text, l.t("capacity.late", l.ms(s.behind)))
		}
		hover := figure.Hover{From: fig.X.Min, To: fig.X.Max, Text: text}
		if i > 0 {
			hover.From = (steps[i-1].asked + s.asked) / 2
		}
		if i < len(steps)-1 {
			hover.To = (s.asked + steps[i+1].asked) / 2
		}
		for j := range fig.Panels {
			fig.Panels[j].Hover = append(fig.Panels[j].Hover, hover)
		}
	}
	return drawing{
		figure: fig, alt: l.t("capacity.alt", fig.Title+": "+joined(words)),
		caption: fig.Title + ". " + l.t("capacity.caption"),
	}
}

func (in chartInput) capacityPanels(fig *figure.Figure, steps []capacityStep) []figure.Panel {
	l := in.Lang
	line := func(to *figure.Panel, look figure.Look, label string, of func(capacityStep) float64) {
		points := make([]figure.Point, len(steps))
		for i, s := range steps {
			points[i] = figure.Point{X: s.asked, Y: of(s)}
		}
		to.Marks = append(to.Marks, figure.Line{Points: points, Look: look, Every: 1})
		fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: label})
	}
	level := func(y float64) plot.Plotter {
		return figure.Line{Points: []figure.Point{{X: fig.X.Min, Y: y}, {X: fig.X.Max, Y: y}}, Look: goalLook}
	}

	lo, hi := math.Inf(1), 0.0
	for _, s := range steps {
		for _, v := range []float64{s.p50, s.p99} {
			if !math.IsNaN(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	times := figure.Panel{Height: 190}
	line(&times, figure.Series(0), l.t("capacity.p99"), func(s capacityStep) float64 { return s.p99 })
	line(&times, figure.Series(1), l.t("capacity.p50"), func(s capacityStep) float64 { return s.p50 })
	if goal, ok := in.Metric("goal_p99_ms"); ok {
		lo, hi = min(lo, goal), max(hi, goal)
		times.Marks = append(times.Marks, level(goal))
		fig.Legend = append(fig.Legend, figure.Entry{Look: goalLook, Label: l.t("capacity.goal", "p99", l.ms(goal))})
	}
	times.Y = in.valueAxis("axis.answer", min(lo, hi), hi)

	rates := figure.Panel{Height: 150}
	line(&rates, figure.Series(2), l.t("capacity.answered"), func(s capacityStep) float64 { return s.answered })
	asked := figure.Look{Color: figure.Grey, Width: 1.2}
	rates.Marks = append([]plot.Plotter{figure.Line{Points: []figure.Point{{X: fig.X.Min, Y: fig.X.Min}, {X: fig.X.Max, Y: fig.X.Max}}, Look: asked}}, rates.Marks...)
	fig.Legend = append(fig.Legend, figure.Entry{Look: asked, Label: l.t("capacity.asked")})
	rates.Y = figure.Axis{Label: l.t("axis.answered"), Min: 0, Max: fig.X.Max * 1.05}

	failures := figure.Panel{Height: 90}
	wrong := figure.Wrong()
	line(&failures, wrong, l.t("capacity.failed"), func(s capacityStep) float64 { return 100 * s.failed })
	top := 1.0
	for _, s := range steps {
		if !math.IsNaN(s.failed) {
			top = max(top, 100*s.failed)
		}
	}
	if goal, ok := in.Metric("goal_failed_share"); ok {
		top = max(top, 100*goal)
		failures.Marks = append(failures.Marks, level(100*goal))
		fig.Legend = append(fig.Legend, figure.Entry{Look: goalLook, Label: l.t("capacity.goal", l.t("capacity.failed"), percent(goal))})
	}
	failures.Y = figure.Axis{Label: l.t("axis.failed"), Min: -0.04 * top, Max: top * 1.12}
	return []figure.Panel{times, rates, failures}
}

// goalLook is a line that should not be crossed.
var goalLook = figure.Look{Color: figure.Black, Dash: figure.Series(4).Dash, Width: 1.3}

// capacityStep is one line of the table; NaN where nothing was measured.
type capacityStep struct{ asked, answered, p50, p99, failed, behind float64 }

// capacitySteps are the lines of the capacity table that say which rate they
// are of, by rate.
func (in chartInput) capacitySteps() []capacityStep {
	i := slices.IndexFunc(in.Tables, func(t lab.Table) bool { return t.Name == capacityTable })
	if i < 0 {
		return nil
	}
	t := in.Tables[i]
	var out []capacityStep
	for _, line := range t.Lines {
		of := func(key string) float64 {
			j := slices.Index(t.Columns, key)
			if j < 0 || j >= len(line.Values) || line.Values[j] == nil {
				return math.NaN()
			}
			return *line.Values[j]
		}
		s := capacityStep{of("rate_asked"), of("rps"), of("p50_ms"), of("p99_ms"), of("failed_share"), of("behind_ms")}
		if !math.IsNaN(s.asked) {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b capacityStep) int { return cmp.Compare(a.asked, b.asked) })
	return out
}

func percentOr(v float64) string {
	if math.IsNaN(v) {
		return notMeasured
	}
	return percent(v)
}
