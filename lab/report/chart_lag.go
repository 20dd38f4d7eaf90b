package report

import (
	"cmp"
	"math"
	"slices"

	"inventariolab/lab/report/figure"
)

// The series of lags, one label per replica each: seen by asking the replica,
// by the servers' time stamps, and as the replica says it.
const (
	lagSeries     = "lag_ms"
	applierSeries = "applier_ms"
	sbsSeries     = "sbs_s"
)

// drawLag draws the lag over time, one panel per replica to the same scale:
// lines this noisy would hide each other in one. What replicas say of
// themselves is in seconds and has a panel of its own.
func drawLag(in chartInput) drawing {
	seen, applier, sbs := in.samples(lagSeries), in.samples(applierSeries), in.samples(sbsSeries)
	if len(seen) == 0 {
		seen, applier = applier, nil
	}
	if len(seen) == 0 {
		return in.noData("chart.lag", "nodata.lag")
	}
	l := in.Lang
	names := sortedNames(seen)
	first, last, _, _ := bounds(seen, applier, sbs)
	_, _, low, high := bounds(seen, applier)
	first, last = in.reach(first, last)
	fig := figure.Figure{X: in.timeAxis(first, last), Bands: in.bands(last), Notes: in.notes(first, last)}
	y := in.valueAxis("axis.lag", low, high)
	height := max(90, 300/float64(len(names)))
	ways := len(applier)+len(sbs) > 0
	caption := l.t("lag.caption")
	if len(applier) > 0 {
		caption += " " + l.t("lag.ways.caption")
	}
	if len(sbs) > 0 {
		caption += " " + l.t("lag.sbs.caption")
	}
	var all []int64 // in microseconds
	var words []string
	for i, name := range names {
		points := seen[name]
		us := microseconds(points)
		all = append(all, us...)

		look := figure.Series(i)
		if ways {
			look = figure.Series(0) // the ways are told apart, the panels have names
		}
		look.Dash, look.Width = nil, 1.6 // its panel tells it apart
		panel := figure.Panel{Height: height, Y: y}
		panel.Marks = append(panel.Marks, lagLine(points, look, first, last))
		panel.Hover = lagHover(name, points, first, last, l)
		panel.Title = l.lagEntry(name, us)
		if more := applier[name]; len(more) > 0 {
			panel.Marks = append(panel.Marks, lagLine(more, applierLook, first, last))
			other := microseconds(more)
			panel.Title = l.t("lag.entry.ways", name, l.percentiles(us, 1000, 0.50, 0.99), l.count(int64(len(us))),
				l.percentiles(other, 1000, 0.50, 0.99), l.count(int64(len(other))))
		}
		if ways && i == 0 {
			look.Glyph = nil
			fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: l.t("lag.way.seen")})
			if len(applier) > 0 {
				fig.Legend = append(fig.Legend, figure.Entry{Look: applierLook, Label: l.t("lag.way.applier")})
			}
		}
		fig.Panels = append(fig.Panels, panel)
		words = append(words, panel.Title)
	}
	if len(sbs) > 0 {
		panel := in.sbsPanel(&fig, sbs, first, last)
		fig.Panels = append(fig.Panels, panel)
		words = append(words, panel.Title)
	}
	slices.Sort(all)
	largest := l.ms(float64(all[len(all)-1]) / 1000)
	if enoughFor(0.99, len(all)) {
		fig.Title = l.t("lag.title", l.ms(float64(quantile(all, 0.50))/1000), l.ms(float64(quantile(all, 0.99))/1000), largest)
	} else {
		fig.Title = l.t("lag.title.few", l.n("values", int64(len(all))), largest)
	}
	return drawing{
		figure: fig, alt: l.t("lag.alt", joined(words)),
		caption: fig.Title + ". " + caption + in.bandsCaption(),
	}
}

// applierLook lies over the line of what was seen: thinner and dashed.
var applierLook = figure.Look{Color: figure.Black, Dash: figure.Series(2).Dash, Width: 1.3}

// sbsPanel is what the replicas say of themselves: steps of whole seconds.
func (in chartInput) sbsPanel(fig *figure.Figure, sbs map[string][]figure.Point, first, last float64) figure.Panel {
	l := in.Lang
	panel := figure.Panel{Height: 90}
	top, n := 0.0, 0
	for i, name := range sortedNames(sbs) {
		points := sbs[name]
		n += len(points)
		top = max(top, highest(points))
		look := figure.Series(i + 2)
		look.Glyph, look.Width = nil, 1.8
		panel.Marks = append(panel.Marks, figure.Line{Points: stairs(thin(points, first, last, figure.Columns)), Look: look})
		fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: l.t("lag.way.sbs", name)})
	}
	panel.Title = l.t("lag.sbs.panel", l.number(top), l.count(int64(n)))
	panel.Y = figure.Axis{Label: l.t("axis.behind"), Min: -0.06 * max(2, top), Max: max(2, top) * 1.12}
	panel.Hover = in.sbsHover(sbs, first, last)
	return panel
}

// samples are the points of a series by label, in the order of time.
func (in chartInput) samples(series string) map[string][]figure.Point {
	out := make(map[string][]figure.Point)
	for _, s := range in.Samples {
		if s.Value.Series == series {
			out[s.Value.Label] = append(out[s.Value.Label], figure.Point{X: in.since(s.At), Y: s.Value.Value})
		}
	}
	for _, points := range out {
		slices.SortStableFunc(points, byX)
	}
	return out
}

func byX(a, b figure.Point) int { return cmp.Compare(a.X, b.X) }

func lagLine(points []figure.Point, look figure.Look, first, last float64) figure.Line {
	line := figure.Line{Points: thin(points, first, last, figure.Columns), Look: look}
	if len(line.Points) <= 60 {
		line.Every = 1
	}
	return line
}

// microseconds are sorted lags.
func microseconds(points []figure.Point) []int64 {
	us := make([]int64, len(points))
	for i, p := range points {
		us[i] = int64(math.Round(p.Y * 1000))
	}
	slices.Sort(us)
	return us
}

func (l Lang) lagEntry(name string, us []int64) string {
	return l.t("lag.entry", name, l.percentiles(us, 1000, 0.50, 0.99), l.ms(float64(us[len(us)-1])/1000), l.count(int64(len(us))))
}

// stairs makes a line that keeps each value until the next one.
func stairs(points []figure.Point) []figure.Point {
	out := make([]figure.Point, 0, 2*len(points))
	for i, p := range points {
		if i > 0 && points[i-1].Y != p.Y {
			out = append(out, figure.Point{X: p.X, Y: points[i-1].Y})
		}
		out = append(out, p)
	}
	return out
}

func bounds(groups ...map[string][]figure.Point) (x0, x1, y0, y1 float64) {
	x0, x1, y0, y1 = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, series := range groups {
		for _, points := range series {
			for _, p := range points {
				x0, x1, y0, y1 = min(x0, p.X), max(x1, p.X), min(y0, p.Y), max(y1, p.Y)
			}
		}
	}
	return x0, x1, y0, y1
}
