package figure

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	markerRadius = 3.4
	crossRadius  = 4.5
	dotRadius    = 2.8 // of a line with a single point
	rangeWidth   = 2.0 // pixels of one column
	sparse       = 120 // so few columns are drawn twice as wide
)

// Point is one place in data coordinates.
type Point struct{ X, Y float64 }

// Line draws a line through its points. A point whose Y is NaN breaks it:
// there was nothing to measure.
type Line struct {
	Points []Point
	Look   Look
	Every  int // a marker at every so many points; 0 means none
	Offset int // the first marker's point, so that two lines do not hide each other's
}

var _ plot.Plotter = Line{}

// Plot implements plot.Plotter.
func (l Line) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var parts [][]vg.Point
	var part []vg.Point
	flush := func() {
		if len(part) > 1 {
			parts = append(parts, part)
		} else if len(part) == 1 {
			// A lone point would be invisible as a line.
			c.DrawGlyph(draw.GlyphStyle{Color: l.Look.Color, Radius: dotRadius, Shape: solidCircle}, part[0])
		}
		part = nil
	}
	for _, q := range l.Points {
		if math.IsNaN(q.Y) {
			flush()
			continue
		}
		part = append(part, vg.Point{X: x(q.X), Y: y(q.Y)})
	}
	flush()
	c.StrokeLines(l.Look.line(), c.ClipLinesXY(parts...)...)
	if l.Every <= 0 || l.Look.Glyph == nil {
		return
	}
	for i := l.Offset % l.Every; i < len(l.Points); i += l.Every {
		if q := l.Points[i]; !math.IsNaN(q.Y) {
			c.DrawGlyph(l.Look.glyph(markerRadius), vg.Point{X: x(q.X), Y: y(q.Y)})
		}
	}
}

// Markers draws a marker at each point. Markers that would fall onto the same
// two pixels are drawn once.
type Markers struct {
	Points []Point
	Look   Look
	Radius float64 // 0 means that of crosses
}

var _ plot.Plotter = Markers{}

// Plot implements plot.Plotter.
func (m Markers) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	r := vg.Length(m.Radius)
	if r == 0 {
		r = crossRadius
	}
	style := m.Look.glyph(r)
	seen := make(map[[2]int]bool)
	for _, q := range m.Points {
		at := vg.Point{X: x(q.X), Y: y(q.Y)}
		cell := [2]int{int(at.X / 2), int(at.Y / 2)}
		if seen[cell] {
			continue
		}
		seen[cell] = true
		c.DrawGlyph(style, at)
	}
}

// Range is the lowest and the highest value in one column.
type Range struct{ X, Lo, Hi float64 }

// Ranges draws a thin vertical bar from the lowest to the highest value of
// each column: a downsampled cloud of points that hides no extreme.
type Ranges struct {
	Ranges []Range
	Color  color.NRGBA
}

var _ plot.Plotter = Ranges{}

// Plot implements plot.Plotter.
func (r Ranges) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	width := vg.Length(rangeWidth)
	if len(r.Ranges) < sparse {
		width *= 2
	}
	var path vg.Path
	for _, q := range r.Ranges {
		lo, hi := y(q.Lo), y(q.Hi)
		if d := width - (hi - lo); d > 0 {
			lo, hi = lo-d/2, hi+d/2 // a single value is a dot
		}
		lo, hi = max(lo, c.Min.Y), min(hi, c.Max.Y)
		at := x(q.X)
		path.Move(vg.Point{X: at - width/2, Y: lo})
		path.Line(vg.Point{X: at + width/2, Y: lo})
		path.Line(vg.Point{X: at + width/2, Y: hi})
		path.Line(vg.Point{X: at - width/2, Y: hi})
		path.Close()
	}
	if len(path) > 0 {
		c.SetColor(r.Color)
		c.Fill(path)
	}
}

// Stems are vertical reference lines from the x axis up to a point, with a
// marker on it.
type Stems struct {
	Points []Point
	Look   Look
}

var _ plot.Plotter = Stems{}

// Plot implements plot.Plotter.
func (s Stems) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	thin := draw.LineStyle{Color: s.Look.Color, Width: 0.9, Dashes: []vg.Length{2, 3}}
	for _, q := range s.Points {
		at := vg.Point{X: x(q.X), Y: y(q.Y)}
		c.StrokeLines(thin, c.ClipLinesXY([]vg.Point{{X: at.X, Y: c.Min.Y}, at})...)
		c.DrawGlyph(s.Look.glyph(markerRadius+1), at)
	}
}
