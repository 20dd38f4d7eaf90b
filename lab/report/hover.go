package report

import (
	"math"
	"slices"
	"strconv"

	"inventariolab/lab/report/figure"
)

// hoverColumns is how many places along an axis tell their values to the
// pointer: as narrow as a hand can aim at.
const hoverColumns = 80

// hover tells the values of every bin of a timeline, for its two panels.
func (t *timeline) hover(l Lang, loadName func(string) string) (rates, answers []figure.Hover) {
	type series struct {
		label string
		rate  []figure.Point
	}
	var all []series
	for _, i := range t.instances {
		all = append(all, series{oneLine(i), t.rate(t.counts[i])})
	}
	wrong := t.rate(t.failedCounts)
	step := max(1, (t.bins+hoverColumns-1)/hoverColumns)
	for from := 0; from < t.bins; from += step {
		// Of several bins that are too narrow to aim at the middle one speaks.
		to := min(from+step, t.bins)
		i := (from + to - 1) / 2
		x, width := t.middle(i)
		head := seconds2(x-width/2) + " – " + seconds2(x+width/2)
		first, firstWidth := t.middle(from)
		last, lastWidth := t.middle(to - 1)
		at := figure.Hover{From: first - firstWidth/2, To: last + lastWidth/2}
		var parts []string
		for _, s := range all {
			if i < len(s.rate) {
				parts = append(parts, l.t("hover.rate", s.label, l.number(math.Round(s.rate[i].Y*10)/10)))
			}
		}
		if t.failed > 0 && i < len(wrong) {
			parts = append(parts, l.t("hover.failed", l.number(math.Round(wrong[i].Y*10)/10)))
		}
		if len(parts) > 0 {
			at.Text = hoverLines(head, parts...)
			rates = append(rates, at)
		}
		parts = nil
		for _, load := range t.loads {
			if us := t.byLoad[load].of(i); len(us) > 0 {
				parts = append(parts, loadName(load)+": "+l.percentiles(us, 1000, 0.50, 0.95, 0.99)+l.t("hover.most", l.ms(float64(us[len(us)-1])/1000)))
			}
		}
		if len(parts) > 0 {
			at.Text = hoverLines(head, parts...)
			answers = append(answers, at)
		}
	}
	return rates, answers
}

// lagHover tells, for every column that was measured in, the median and the
// largest lag of one replica; points are sorted by time.
func lagHover(name string, points []figure.Point, first, last float64, l Lang) []figure.Hover {
	width := (last - first) / hoverColumns
	if width <= 0 {
		return nil
	}
	var out []figure.Hover
	for i := 0; i < len(points); {
		column := min(int((points[i].X-first)/width), hoverColumns-1)
		from := first + float64(column)*width
		var values []float64
		for ; i < len(points) && (points[i].X < from+width || column == hoverColumns-1); i++ {
			values = append(values, points[i].Y)
		}
		if len(values) == 0 { // rounding put the point a hair beyond its column
			values = append(values, points[i].Y)
			i++
		}
		slices.Sort(values)
		out = append(out, figure.Hover{From: from, To: from + width, Text: hoverLines(
			seconds2(from)+" – "+seconds2(from+width),
			l.t("hover.median", oneLine(name), l.ms(quantile(values, 0.5))),
			l.t("hover.worst", l.ms(values[len(values)-1])),
		)})
	}
	return out
}

// latencyHover tells the answer time of every load at each place of the axis
// of nines; times are sorted.
func latencyHover(names []string, shown func(string) string, times map[string][]int64, nines float64, l Lang) []figure.Hover {
	var out []figure.Hover
	width := nines / hoverColumns
	for i := range hoverColumns {
		from := float64(i) * width
		q := 1 - math.Pow(10, -(from+width/2))
		var parts []string
		for _, name := range names {
			us := times[name]
			if from+width/2 <= ninesOf(len(us)-1, len(us)) {
				parts = append(parts, shown(name)+": "+l.ms(float64(quantile(us, q))/1000))
			}
		}
		if len(parts) > 0 {
			out = append(out, figure.Hover{From: from, To: from + width, Text: hoverLines(
				strconv.FormatFloat(100*q, 'g', 4, 64)+" %", parts...,
			)})
		}
	}
	return out
}

// sbsHover tells, for every column, how far each replica said it was behind.
func (in chartInput) sbsHover(sbs map[string][]figure.Point, first, last float64) []figure.Hover {
	width := (last - first) / hoverColumns
	if width <= 0 {
		return nil
	}
	var out []figure.Hover
	for i := range hoverColumns {
		from := first + float64(i)*width
		var parts []string
		for _, name := range sortedNames(sbs) {
			most := math.Inf(-1)
			for _, p := range sbs[name] {
				if p.X >= from && p.X < from+width {
					most = max(most, p.Y)
				}
			}
			if !math.IsInf(most, 0) {
				parts = append(parts, in.Lang.t("lag.sbs.hover", oneLine(name), in.Lang.number(most)))
			}
		}
		if len(parts) > 0 {
			out = append(out, figure.Hover{From: from, To: from + width, Text: hoverLines(seconds2(from)+" – "+seconds2(from+width), parts...)})
		}
	}
	return out
}
