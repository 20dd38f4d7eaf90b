package report

import (
	"cmp"
	"slices"

	"inventariolab/lab/report/figure"
)

// lagSeries is the series of replication lags, one label per replica.
const lagSeries = "lag_ms"

// drawLag draws the lag of each replica over time.
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
	for _, f := range in.Faults {
		first, last = min(first, in.since(f.At)), max(last, in.since(f.At))
	}
	fig := figure.Figure{X: in.timeAxis(first, last), Bands: in.bands(last)}
	y := in.valueAxis("axis.lag", low, high)
	panel := figure.Panel{Height: 300, Y: y}
	var all []float64
	var words []string
	for i, name := range names {
		points := byName[name]
		slices.SortStableFunc(points, func(a, b figure.Point) int { return cmp.Compare(a.X, b.X) })
		values := make([]float64, len(points))
		for j, p := range points {
			values[j] = p.Y
		}
		all = append(all, values...)
		slices.Sort(values)
		p50, p99 := quantile(values, 0.50), quantile(values, 0.99)
		thinned := thin(points, first, last, figure.Columns)
		look := figure.Series(i)
		every := max(1, len(thinned)/12)
		panel.Marks = append(panel.Marks, figure.Line{
			Points: thinned, Look: look, Every: every, Offset: i * every / max(1, len(names)),
		})
		text := l.t("lag.entry", name, l.ms(p50), l.ms(p99), l.count(int64(len(points))))
		fig.Legend = append(fig.Legend, figure.Entry{Look: look, Label: text})
		words = append(words, text)
	}
	fig.Panels = []figure.Panel{panel}
	slices.Sort(all)
	fig.Title = l.t("lag.title", l.ms(quantile(all, 0.50)), l.ms(quantile(all, 0.99)), l.ms(all[len(all)-1]))
	return drawing{
		figure: fig, alt: l.t("lag.alt", joined(words)),
		caption: fig.Title + ". " + l.t("lag.caption") + in.bandsCaption(),
	}
}

func bounds(series map[string][]figure.Point) (x0, x1, y0, y1 float64) {
	first := true
	for _, points := range series {
		for _, p := range points {
			if first {
				x0, x1, y0, y1, first = p.X, p.X, p.Y, p.Y, false
			}
			x0, x1, y0, y1 = min(x0, p.X), max(x1, p.X), min(y0, p.Y), max(y1, p.Y)
		}
	}
	return x0, x1, y0, y1
}
