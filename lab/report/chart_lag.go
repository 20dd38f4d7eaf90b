package report

import (
	"cmp"
	"math"
	"slices"

	"inventariolab/lab/report/figure"
)

// lagSeries is the series of replication lags, one label per replica.
const lagSeries = "lag_ms"

// drawLag draws the lag over time, one panel per replica to the same scale:
// lines this noisy would hide each other in one.
func drawLag(in chartInput) drawing {
	byName := make(map[string][]figure.Point)
	for _, s := range in.Samples {
		if s.Value.Series == lagSeries {
			byName[s.Value.Label] = append(byName[s.Value.Label], figure.Point{X: in.since(s.At), Y: s.Value.Value})
		}
	}
	if len(byName) == 0 {
		return in.noData("chart.lag", "nodata.lag")
	}
	l := in.Lang
	names := sortedNames(byName)
	first, last, low, high := bounds(byName)
	first, last = in.reach(first, last)
	fig := figure.Figure{X: in.timeAxis(first, last), Bands: in.bands(last)}
	y := in.valueAxis("axis.lag", low, high)
	height := max(90, 300/float64(len(names)))
	var all []int64 // in microseconds
	var words []string
	for i, name := range names {
		points := byName[name]
		slices.SortStableFunc(points, func(a, b figure.Point) int { return cmp.Compare(a.X, b.X) })
		us := make([]int64, len(points))
		for j, p := range points {
			us[j] = int64(math.Round(p.Y * 1000))
		}
		all = append(all, us...)
		slices.Sort(us)

		look := figure.Series(i)
		look.Dash, look.Width = nil, 1.6 // its panel tells it apart
		panel := figure.Panel{Height: height, Y: y}
		thinned := thin(points, first, last, figure.Columns)
		line := figure.Line{Points: thinned, Look: look}
		if len(thinned) <= 60 {
			line.Every = 1
		}
		panel.Marks = append(panel.Marks, line)
		panel.Hover = lagHover(name, points, first, last, l)
		panel.Title = l.t("lag.entry", name, l.percentiles(us, 1000, 0.50, 0.99), l.ms(float64(us[len(us)-1])/1000), l.count(int64(len(us))))
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
		caption: fig.Title + ". " + l.t("lag.caption") + in.bandsCaption(),
	}
}

func bounds(series map[string][]figure.Point) (x0, x1, y0, y1 float64) {
	x0, x1, y0, y1 = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, points := range series {
		for _, p := range points {
			x0, x1, y0, y1 = min(x0, p.X), max(x1, p.X), min(y0, p.Y), max(y1, p.Y)
		}
	}
	return x0, x1, y0, y1
}
