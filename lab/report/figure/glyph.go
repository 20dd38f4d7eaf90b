package figure

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// shape is a marker: a polygon or a circle, solid or with a white heart. The
// outlines of gonum's own hollow markers are too thin to be seen in print.
type shape struct {
	corners int     // 0 is a circle
	turn    float64 // of the first corner, in quarter turns from the right
	hollow  bool
}

var _ draw.GlyphDrawer = shape{}

var (
	solidCircle   = shape{}
	hollowCircle  = shape{hollow: true}
	solidSquare   = shape{corners: 4, turn: 0.5}
	hollowSquare  = shape{corners: 4, turn: 0.5, hollow: true}
	solidTriangle = shape{corners: 3, turn: 1}
	solidDiamond  = shape{corners: 4, turn: 1}
)

// DrawGlyph implements draw.GlyphDrawer.
func (s shape) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	c.SetColor(sty.Color)
	c.Fill(s.path(at, sty.Radius))
	if s.hollow {
		c.SetColor(paper)
		c.Fill(s.path(at, sty.Radius*0.55))
	}
}

func (s shape) path(at vg.Point, r vg.Length) vg.Path {
	var p vg.Path
	if s.corners == 0 {
		p.Move(vg.Point{X: at.X + r, Y: at.Y})
		p.Arc(at, r, 0, 2*math.Pi)
		p.Close()
		return p
	}
	r *= 1.2 // a polygon looks smaller than a circle
	for i := range s.corners {
		angle := (s.turn + 4*float64(i)/float64(s.corners)) * math.Pi / 2
		sin, cos := math.Sincos(angle)
		corner := vg.Point{X: at.X + r*vg.Length(cos), Y: at.Y + r*vg.Length(sin)}
		if i == 0 {
			p.Move(corner)
		} else {
			p.Line(corner)
		}
	}
	p.Close()
	return p
}

// cross is a bold ×.
type cross struct{}

var _ draw.GlyphDrawer = cross{}

// DrawGlyph implements draw.GlyphDrawer.
func (cross) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: sty.Color, Width: 1.8})
	r := sty.Radius * 0.8
	var p vg.Path
	p.Move(vg.Point{X: at.X - r, Y: at.Y - r})
	p.Line(vg.Point{X: at.X + r, Y: at.Y + r})
	p.Move(vg.Point{X: at.X - r, Y: at.Y + r})
	p.Line(vg.Point{X: at.X + r, Y: at.Y - r})
	c.Stroke(p)
}
