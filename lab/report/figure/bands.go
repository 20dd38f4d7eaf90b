package figure

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bandMarks shades the bands behind a panel's data.
type bandMarks []Band

var _ plot.Plotter = bandMarks{}

// Plot implements plot.Plotter.
func (bs bandMarks) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	// Dark spans come after all faint ones: where two bands overlap, what is in
	// effect counts.
	for _, faint := range []bool{true, false} {
		for _, b := range bs {
			for _, s := range b.Spans {
				if s.Faint == faint {
					x0, x1 := clamp(x(s.From), c.Min.X, c.Max.X), clamp(x(s.To), c.Min.X, c.Max.X)
					c.FillPolygon(s.fill(), rect(x0, c.Min.Y, x1, c.Max.Y))
				}
			}
		}
	}
	// The edges come after every fill, so that overlapping bands keep theirs.
	edge := draw.LineStyle{Color: bandInk, Width: 0.9, Dashes: []vg.Length{3, 3}}
	for _, b := range bs {
		for _, e := range b.edges() {
			if at := x(e); at >= c.Min.X && at <= c.Max.X {
				c.StrokeLine2(edge, at, c.Min.Y, at, c.Max.Y)
			}
		}
	}
}

func (s Span) fill() color.NRGBA {
	if s.Faint {
		return bandPale
	}
	return bandDark
}

func (b Band) edges() []float64 {
	var out []float64
	for i, s := range b.Spans {
		if i == 0 || b.Spans[i-1].To != s.From {
			out = append(out, s.From)
		}
		if s.To > s.From {
			out = append(out, s.To)
		}
	}
	return out
}

// drawName draws the band's own lane above the panels: its name, and under it
// a bar as wide as the band.
func (b Band) drawName(dc draw.Canvas, mid float64, left, right vg.Length, x func(float64) vg.Length) {
	if len(b.Spans) == 0 {
		return
	}
	x0 := clamp(x(b.Spans[0].From), left, right)
	x1 := clamp(x(b.Spans[len(b.Spans)-1].To), left, right)
	top, low := vg.Length(mid)-6, vg.Length(mid)-12
	for _, s := range b.Spans {
		dc.FillPolygon(s.fill(), rect(clamp(x(s.From), left, right), low, clamp(x(s.To), left, right), top))
	}
	corners := rect(x0, low, x1, top)
	dc.StrokeLines(draw.LineStyle{Color: bandInk, Width: 0.9}, append(corners, corners[0]))

	label := fit(bandStyle, b.Label, float64(right-left))
	at := clamp((x0+x1-bandStyle.Width(label))/2, left, right-roomy(bandStyle, label))
	dc.FillText(bandStyle, vg.Point{X: at, Y: vg.Length(mid) + 5}, label)
}

func clamp(v, lo, hi vg.Length) vg.Length { return min(max(v, lo), hi) }
